/** Names of calls, and tokens of sockets. */

import { expect, test } from "bun:test"
import { CallId, CallSid, newCallId, newSocketToken } from "../../src/call/ids.ts"

test.each([
  [`CA${"0a".repeat(16)}`, true],
  [`CA${"Zz".repeat(16)}`, true],
  [`CA${"0".repeat(31)}`, false],
  [`CA${"0".repeat(33)}`, false],
  [`AC${"0".repeat(32)}`, false],
  [`CA${"0".repeat(32)}\n`, false],
  ["", false],
])("%j is a call SID: %p", (text, valid) => expect(CallSid.safeParse(text).success).toBe(valid))

test("call ids made later sort later", () => {
  const ids = Array.from({ length: 100 }, newCallId)
  expect(ids.toSorted()).toEqual(ids)
  expect(CallId.safeParse(ids[0]).success).toBe(true)
})

test("a socket token has 256 bits, fits into a path, and is never the same", () => {
  const tokens = Array.from({ length: 100 }, newSocketToken)
  expect(new Set(tokens).size).toBe(100)
  for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
})
