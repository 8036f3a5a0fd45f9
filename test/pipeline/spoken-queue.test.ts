/** What is played, heard, paused and cut of what the agent says, against a media stream on a test's clock. */

import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import { MediaStream } from "../../src/media/media-stream.ts"
import { SpokenQueue } from "../../src/pipeline/spoken-queue.ts"
import { TestClock } from "../lib/test-clock.ts"

const MS = 8

function fixture() {
  const clock = new TestClock()
  const sent: { event: string; mark?: { name: string }; media?: { payload: string } }[] = []
  const socket = {
    send(text: string) {
      sent.push(JSON.parse(text))
      return text.length
    },
    close() {},
  }
  const stream = new MediaStream({ socket, streamSid: "MZ1", clock })
  const heard: string[] = []
  const cancelled: number[] = []
  let quiet = 0
  const tap = { hasListeners: () => false, inbound() {}, outbound() {} }
  const queue = new SpokenQueue({
    stream,
    clock,
    callId: newCallId(),
    tap,
    onHeard: (words) => heard.push(words),
    onQuiet: () => (quiet += 1),
    onPaused: () => {},
  })
  return {
    clock,
    queue,
    heard,
    cancelled,
    quiet: () => quiet,
    playedMs: () =>
      sent.reduce((ms, { media }) => ms + (media ? Buffer.from(media.payload, "base64").length / MS : 0), 0),
    clears: () => sent.filter(({ event }) => event === "clear").length,
    /** Twilio has played everything: echoes all marks. */
    playAll() {
      for (const { mark } of sent.splice(0)) if (mark) queue.reached(mark.name)
    },
    begin(text: string) {
      const spoken = queue.begin((heardMs) => cancelled.push(heardMs))
      spoken.words.add(text)
      return spoken
    },
  }
}

const audio = (ms: number) => new Uint8Array(ms * MS).fill(1)

test("audio is played as it comes, in order; a text that waits for an earlier one is held back", () => {
  const it = fixture()
  const first = it.begin("One two. ")
  const second = it.begin("Three.")
  it.queue.audio(second, audio(300))
  expect(it.playedMs()).toBe(0)
  it.queue.audio(first, audio(200))
  expect(it.playedMs()).toBe(200)
  it.queue.done(first)
  expect(it.playedMs()).toBe(500)
  it.queue.done(second)
  it.playAll()
  expect({ heard: it.heard.join(""), quiet: it.quiet(), last: it.queue.lastText }).toEqual({
    heard: "One two. Three.",
    quiet: 1,
    last: "Three.",
  })
})

test("what was heard is reported to the word, and the rest is cancelled with the milliseconds heard", () => {
  const it = fixture()
  const spoken = it.begin("One two three four.")
  it.queue.audio(spoken, audio(1_900))
  spoken.words.position(19, 1_900)
  it.queue.done(spoken)
  it.clock.advance(1_000)
  it.queue.clear()
  expect({ heard: it.heard, cancelled: it.cancelled, clears: it.clears() }).toEqual({
    heard: ["One two"],
    cancelled: [1_000],
    clears: 1,
  })
  expect(it.queue.isSpeaking).toBeFalse()
  it.playAll()
  expect(it.heard).toEqual(["One two"])
})

test("after a pause playback continues where it stopped, and no word is reported twice", () => {
  const it = fixture()
  const spoken = it.begin("One two three four.")
  spoken.words.position(19, 1_900)
  it.queue.audio(spoken, audio(1_000))
  it.clock.advance(400)
  it.queue.pause()
  it.queue.audio(spoken, audio(900))
  it.queue.done(spoken)
  expect({ playedMs: it.playedMs(), clears: it.clears(), speaking: it.queue.isSpeaking }).toEqual({
    playedMs: 1_000,
    clears: 1,
    speaking: true,
  })
  it.queue.resume()
  expect(it.playedMs()).toBe(1_000 + 1_500)
  it.playAll()
  expect({ heard: it.heard.join(""), quiet: it.quiet() }).toEqual({ heard: "One two three four.", quiet: 1 })
})

test("the end of speech is estimated while audio is to come, and exact afterwards", () => {
  const it = fixture()
  const now = it.clock.monotonic()
  const spoken = it.begin("x".repeat(30))
  expect(it.queue.quietAt()).toBe(now + 1_980)
  it.queue.audio(spoken, audio(500))
  it.queue.done(spoken)
  expect(it.queue.quietAt()).toBe(now + 500)
  it.clock.advance(500)
  it.playAll()
  expect(it.queue.quietAt()).toBeLessThanOrEqual(it.clock.monotonic())
})

test("of a text whose synthesis fails, the words whose audio came are heard, and nothing more is awaited", () => {
  const it = fixture()
  const spoken = it.begin("One two three four.")
  spoken.words.position(8, 800)
  it.queue.audio(spoken, audio(800))
  it.queue.broke(spoken)
  expect({ pending: it.queue.isPending, quiet: it.quiet() }).toEqual({ pending: false, quiet: 0 })
  it.playAll()
  expect({ heard: it.heard, quiet: it.quiet() }).toEqual({ heard: ["One two"], quiet: 1 })
})

test("a text is heard in whole at the last whole millisecond of its audio", () => {
  const it = fixture()
  const spoken = it.begin("One two.")
  const bytes = 8_005
  it.queue.audio(spoken, new Uint8Array(bytes).fill(1))
  spoken.words.position(8, bytes / MS)
  it.queue.done(spoken)
  it.clock.advance(1_000)
  it.queue.reportHeard()
  expect(it.heard).toEqual(["One two."])
})

test("tones are not paused", () => {
  const it = fixture()
  const tones = it.begin("")
  it.queue.audio(tones, audio(400))
  it.queue.done(tones)
  it.clock.advance(100)
  it.queue.pause()
  expect({ isPaused: it.queue.isPaused, clears: it.clears() }).toEqual({ isPaused: false, clears: 0 })
})

test("audio of something that was cut is dropped", () => {
  const it = fixture()
  const spoken = it.begin("One.")
  it.queue.clear()
  it.queue.audio(spoken, audio(100))
  it.queue.done(spoken)
  expect({ playedMs: it.playedMs(), cancelled: it.cancelled, quiet: it.quiet() }).toEqual({
    playedMs: 0,
    cancelled: [0],
    quiet: 0,
  })
})
