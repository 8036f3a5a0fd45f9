/** Twilio's buffer: real-time playing, marks, clearing, its ten minutes. */

import { expect, test } from "bun:test"
import { PlaybackBuffer } from "../../../src/sim/media/playback-buffer.ts"

/** A buffer whose events are lines; audio is named by its first byte. */
function buffer() {
  const events: string[] = []
  let line = 0
  const made = new PlaybackBuffer({
    onHeard: ({ atMs, audio, complete, last }) =>
      events.push(`${audio[0]}: ${audio.length} at ${atMs}${complete ? "" : " cut"}${last ? " last" : ""}`),
    onMark: (name) => events.push(name),
    onSamples: (samples) => (line += typeof samples === "number" ? samples : samples.length),
  })
  return { made, events, line: () => line }
}

const audio = (name: number, ms: number) => new Uint8Array(ms * 8).fill(name)
const at = (ms: number) => ms * 8

test("audio is heard in order in real time, and marks come back as they are reached", () => {
  const { made, events } = buffer()
  made.append(audio(1, 100), at(50))
  made.mark("a", at(50))
  made.append(audio(2, 40), at(60))
  made.mark("b", at(60))
  made.advance(at(149))
  expect(events).toEqual([])
  made.advance(at(150))
  expect(events).toEqual(["1: 800 at 50", "a"])
  made.advance(at(500))
  expect(events.slice(2)).toEqual(["2: 320 at 150 last", "b"])
})

test("a mark on a quiet line comes back at once", () => {
  const { made, events } = buffer()
  made.mark("a", at(10))
  expect(events).toEqual(["a"])
})

test("clearing cuts what plays, drops what waits and sends all marks back at once", () => {
  const { made, events } = buffer()
  made.append(audio(1, 100), 0)
  made.mark("a", 0)
  made.append(audio(2, 100), 0)
  made.mark("b", 0)
  made.clear(at(30))
  expect({ events, playing: made.playing }).toEqual({
    events: ["1: 240 at 0 cut last", "a", "b"],
    playing: false,
  })
  made.append(audio(3, 10), at(40))
  made.advance(at(100))
  expect(events.slice(3)).toEqual(["3: 80 at 40 last"])
})

test("nothing comes of clearing a quiet line", () => {
  const { made, events } = buffer()
  made.clear(at(10))
  made.clear(at(10))
  expect(events).toEqual([])
})

test("after the end no mark comes back, but what was heard is reported", () => {
  const { made, events } = buffer()
  made.append(audio(1, 100), 0)
  made.mark("a", 0)
  made.discard(at(10))
  expect(events).toEqual(["1: 80 at 0 cut last"])
})

test("ten minutes have a place, a sample more has none", () => {
  const { made } = buffer()
  expect(made.append(audio(1, 600_000), 0)).toBe(true)
  expect(made.append(Uint8Array.of(1), 0)).toBe(false)
  expect(made.append(Uint8Array.of(1), 1)).toBe(true)
})

test("every sample of time is reported once, audio or silence", () => {
  const { made, line } = buffer()
  made.append(audio(1, 10), at(5))
  for (let now = at(5); now < at(50); now += 7) made.advance(now)
  made.advance(at(50))
  expect(line()).toBe(at(50))
})

test("empty audio is ignored", () => {
  const { made, events } = buffer()
  expect({ append: made.append(new Uint8Array(0), 0), playing: made.playing, events }).toEqual({
    append: true,
    playing: false,
    events: [],
  })
})
