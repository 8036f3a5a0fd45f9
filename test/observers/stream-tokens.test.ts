import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import { memoryStreamTokens } from "../../src/observers/stream-tokens.ts"

const callId = newCallId()
const grant = { callId, userId: "alice", key: "k", expiresAt: 100 }

test("of many who show one token at once one is let in", async () => {
  const tokens = memoryStreamTokens()
  const token = await tokens.issue(grant)
  const accepted = await Promise.all(Array.from({ length: 20 }, () => tokens.take(token, callId, 50)))
  expect(accepted.filter((found) => found !== undefined)).toEqual([grant])
})

test.each([
  ["unknown", "other", callId, 50],
  ["expired", undefined, callId, 100],
  ["of another call", undefined, newCallId(), 50],
] as const)("refused: %s", async (_, shown, call, now) => {
  const tokens = memoryStreamTokens()
  const token = await tokens.issue(grant)
  expect(await tokens.take(shown ?? token, call, now)).toBeUndefined()
})

test("a token shown for another call stays good for its own", async () => {
  const tokens = memoryStreamTokens()
  const token = await tokens.issue(grant)
  await tokens.take(token, newCallId(), 50)
  expect(await tokens.take(token, callId, 50)).toEqual(grant)
})

test("past a thousand the oldest is forgotten", async () => {
  const tokens = memoryStreamTokens()
  const [oldest, next] = [await tokens.issue(grant), await tokens.issue(grant)]
  for (let count = 0; count < 999; count++) await tokens.issue(grant)
  expect([await tokens.take(oldest, callId, 1), await tokens.take(next, callId, 1)]).toEqual([
    undefined,
    grant,
  ])
})
