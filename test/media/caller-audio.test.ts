/** Where the caller's audio goes while a connection is made, used, lost and replaced. */

import { expect, test } from "bun:test"
import { newCallId, type CallId } from "../../src/call/ids.ts"
import { getLog } from "../../src/lib/log.ts"
import { encodeAppend } from "../../src/realtime/protocol/client-events.ts"
import { CallerAudio } from "../../src/media/caller-audio.ts"

const callId = newCallId()
const frame = (n: number) => Buffer.alloc(160, n % 200).toString("base64")

function fixture() {
  const listened: string[] = []
  const listeners = new Set<CallId>()
  const audio = new CallerAudio({
    callId,
    encode: encodeAppend,
    log: getLog("test"),
    tap: {
      hasListeners: (id) => listeners.has(id),
      inbound: (_, payload) => void listened.push(payload),
      outbound: () => {},
    },
  })
  return { audio, listened, listeners }
}

function line() {
  const heard: string[] = []
  return {
    heard,
    bufferedAmount: 0,
    send(text: string) {
      const { type, audio } = JSON.parse(text)
      expect(type).toBe("input_audio_buffer.append")
      heard.push(audio)
    },
  }
}

test("what is said before a connection is ready waits, and goes out first", () => {
  const { audio } = fixture()
  const model = line()
  for (const payload of ["AAAA", "BBBB"]) audio.hear(payload)
  expect(model.heard).toEqual([])
  audio.sendTo(model)
  audio.hear("CCCC")
  expect(model.heard).toEqual(["AAAA", "BBBB", "CCCC"])
})

test("what is said between two connections is heard by the second one, once", () => {
  const { audio } = fixture()
  const [first, second] = [line(), line()]
  audio.sendTo(first)
  audio.hear("AAAA")
  audio.hold()
  audio.hear("BBBB")
  audio.sendTo(second)
  audio.hear("CCCC")
  expect({ first: first.heard, second: second.heard }).toEqual({ first: ["AAAA"], second: ["BBBB", "CCCC"] })
})

test("of more than ten seconds the oldest is dropped, each time", () => {
  const { audio } = fixture()
  for (let round = 0; round < 2; round++) {
    const model = line()
    audio.hold()
    for (let n = 0; n < 600; n++) audio.hear(frame(n))
    audio.sendTo(model)
    expect({
      heardCount: model.heard.length,
      firstHeard: model.heard[0],
      lastHeard: model.heard.at(-1),
    }).toEqual({ heardCount: 493, firstHeard: frame(107), lastHeard: frame(599) })
  }
})

test("one endless piece is not kept at all", () => {
  const { audio } = fixture()
  const model = line()
  audio.hear("A".repeat(1_000_000))
  audio.hear("BBBB")
  audio.sendTo(model)
  expect(model.heard).toEqual(["BBBB"])
})

test("those who listen in hear it with and without a connection", () => {
  const { audio, listened, listeners } = fixture()
  audio.hear("AAAA")
  listeners.add(callId)
  audio.hear("BBBB")
  audio.sendTo(line())
  audio.hear("CCCC")
  expect(listened).toEqual(["BBBB", "CCCC"])
})

test("a connection that is too slow gets no more of it until it has caught up, and the next one all", () => {
  const { audio } = fixture()
  const [slow, next] = [line(), line()]
  audio.sendTo(slow)
  slow.bufferedAmount = 160_001
  for (let piece = 0; piece < 16; piece++) audio.hear("AAAA")
  slow.bufferedAmount = 160_000
  audio.hear("BBBB")
  expect({ heard: slow.heard, droppedMs: audio.droppedMs }).toEqual({ heard: ["BBBB"], droppedMs: 6 })
  slow.bufferedAmount = 200_000
  for (let piece = 0; piece < 16; piece++) audio.hear("CCCC")
  audio.sendTo(next)
  audio.hear("DDDD")
  expect({ heardCount: slow.heard.length, heard: next.heard }).toEqual({ heardCount: 16, heard: ["DDDD"] })
})
