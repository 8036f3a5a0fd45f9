/** Where the caller's sound goes while a connection is made, used, lost and replaced. */

import { expect, test } from "bun:test"
import { newCallId, type CallId } from "../../src/call/ids.ts"
import { CallerSound } from "../../src/realtime/caller-sound.ts"

const callId = newCallId()
const frame = (n: number) => Buffer.alloc(160, n % 200).toString("base64")

function fixture() {
  const listened: string[] = []
  const listeners = new Set<CallId>()
  const sound = new CallerSound({
    callId,
    tap: {
      hasListeners: (id) => listeners.has(id),
      inbound: (_, payload) => void listened.push(payload),
      outbound: () => {},
    },
  })
  return { sound, listened, listeners }
}

function link() {
  const heard: string[] = []
  return {
    heard,
    append: (payload: string) => void heard.push(payload),
    send: (text: string) => heard.push(JSON.parse(text).audio) > 0,
  }
}

test("what is said before a link is ready waits, and goes out first", () => {
  const { sound } = fixture()
  const line = link()
  for (const payload of ["AAAA", "BBBB"]) sound.hear(payload)
  expect(line.heard).toEqual([])
  sound.sendTo(line)
  sound.hear("CCCC")
  expect(line.heard).toEqual(["AAAA", "BBBB", "CCCC"])
})

test("what is said between two links is heard by the second one, once", () => {
  const { sound } = fixture()
  const [first, second] = [link(), link()]
  sound.sendTo(first)
  sound.hear("AAAA")
  sound.hold()
  sound.hear("BBBB")
  sound.sendTo(second)
  sound.hear("CCCC")
  expect([first.heard, second.heard]).toEqual([["AAAA"], ["BBBB", "CCCC"]])
})

test("of more than ten seconds the oldest gives way, each time anew", () => {
  const { sound } = fixture()
  for (let round = 0; round < 2; round++) {
    const line = link()
    sound.hold()
    for (let n = 0; n < 600; n++) sound.hear(frame(n))
    sound.sendTo(line)
    expect([line.heard.length, line.heard[0], line.heard.at(-1)]).toEqual([493, frame(107), frame(599)])
  }
})

test("one endless piece is not kept at all", () => {
  const { sound } = fixture()
  const line = link()
  sound.hear("A".repeat(1_000_000))
  sound.hear("BBBB")
  sound.sendTo(line)
  expect(line.heard).toEqual(["BBBB"])
})

test("those who listen in hear it with and without a link", () => {
  const { sound, listened, listeners } = fixture()
  sound.hear("AAAA")
  listeners.add(callId)
  sound.hear("BBBB")
  sound.sendTo(link())
  sound.hear("CCCC")
  expect(listened).toEqual(["BBBB", "CCCC"])
})
