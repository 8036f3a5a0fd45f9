/** How often the words that were heard are kept, and how far they go when somebody reads them. */

import { expect, test } from "bun:test"
import { silence } from "../../src/audio/mulaw.ts"
import { newCallId } from "../../src/call/ids.ts"
import { History } from "../../src/conversation/history.ts"
import { MediaStream } from "../../src/media/media-stream.ts"
import { AgentAudio } from "../../src/media/agent-audio.ts"
import { TestClock } from "../lib/test-clock.ts"

const PIECE_MS = 200
const TEXT = Array.from({ length: 50 }, (_, word) => `word${word % 10}`).join(" ")

/** An answer of ten seconds whose audio was sent at once, or of so many pieces of 200 ms. */
function speaking({ pieces = 50, isSent = true } = {}) {
  const clock = new TestClock()
  const kept: string[] = []
  const said: { text: string; interrupted: boolean }[] = []
  const ends: number[] = []
  const startedAt = clock.now()
  const socket = { send: (text: string) => text.length, close: () => {} }
  const stream = new MediaStream({ socket, streamSid: "MZ1", clock })
  const history = new History({ callId: newCallId(), keep: ({ text }) => void kept.push(text) })
  const voice = new AgentAudio({
    stream,
    history,
    clock,
    publish(event) {
      if (event.type !== "agent.spoke") return
      said.push({ text: event.text, interrupted: event.interrupted })
      ends.push(Date.parse(event.endedAt ?? "") - startedAt)
    },
    callId: newCallId(),
    tap: { hasListeners: () => false, inbound() {}, outbound() {} },
  })
  const payload = silence(PIECE_MS).toBase64()
  const say = (itemId: string) => {
    const delta = { type: "audio", itemId, responseId: "resp_1", contentIndex: 0, payload } as const
    for (let piece = 0; piece < pieces; piece++) voice.speak(delta, 1, () => TEXT)
  }
  say("item_1")
  if (isSent) voice.sent(1, "item_1")
  kept.length = 0
  let marks = 0
  /** Lets the audio play, with the echo of each mark on its millisecond. */
  const play = (ms: number) => {
    for (let played = 0; played < ms; played += PIECE_MS) {
      clock.advance(PIECE_MS)
      marks += 1
      voice.reached(`1-${marks}`)
    }
  }
  const words = () => history.items().map((item) => (item.type === "message" ? item.text : ""))
  return { clock, voice, kept, said, ends, play, words, say }
}

test("words are kept about every two seconds, and all of them at the end", () => {
  const { kept, play, voice } = speaking()
  play(5_000)
  expect(kept.length).toBe(3)
  play(5_000)
  expect({ lastKept: kept.at(-1), isSpeaking: voice.isSpeaking }).toEqual({
    lastKept: TEXT,
    isSpeaking: false,
  })
})

test("who reads the conversation in between gets every word that was heard by then", () => {
  const { clock, play, voice, words } = speaking()
  play(1_800)
  clock.advance(100)
  const before = words()[0] ?? ""
  voice.keepHeard()
  const after = words()[0] ?? ""
  expect(before.length).toBeLessThan(after.length)
  expect(after.split(" ")).toHaveLength(9)
})

test("an item that was heard to its end keeps its words when the caller cuts into the next one", () => {
  const { play, voice, words, say } = speaking({ pieces: 8, isSent: false })
  say("item_2")
  play(1_600)
  const [heardWhole] = words()
  play(200)
  voice.cut()
  expect(heardWhole?.split(" ").length).toBeGreaterThanOrEqual(4)
  expect(words()[0]).toBe(heardWhole ?? "")
})

test("an item that was heard to its end is not cut off by what comes after, though its answer continues", () => {
  const { play, voice, said, say } = speaking({ pieces: 8, isSent: false })
  voice.sent(1, "item_1")
  say("item_2")
  play(1_800)
  expect(voice.cut().map(({ itemId, whole }) => [itemId, whole])).toEqual([["item_2", false]])
  expect(said).toEqual([
    { text: TEXT, interrupted: false },
    { text: expect.any(String), interrupted: true },
  ])
})

test("an interruption before the first word is reported all the same", () => {
  const { voice, said } = speaking()
  voice.cut()
  expect(said).toEqual([{ text: "", interrupted: true }])
})

test("a turn ended when its last audio was heard, although the model completes it later", () => {
  const { clock, voice, ends, play } = speaking({ pieces: 10, isSent: false })
  play(2_000)
  clock.advance(900)
  voice.sent(1, "item_1")
  expect(ends).toEqual([2_000])
})
