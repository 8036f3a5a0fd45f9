/** The agent's side of a media stream on a socket that records, queues and drops. */

import { expect, test } from "bun:test"
import { silence } from "../../src/audio/mulaw.ts"
import { MediaStream } from "../../src/media/media-stream.ts"
import { TestClock } from "../lib/test-clock.ts"

const key = { responseId: "resp_1", itemId: "item_1", contentIndex: 0 }
const streamSid = "MZ1"
const audio = (ms: number) => silence(ms).toBase64()

function stream(answer: (text: string) => number = (text) => text.length) {
  const clock = new TestClock(0)
  const sent: string[] = []
  const closed: [number, string][] = []
  const socket = {
    send(text: string) {
      sent.push(text)
      return answer(text)
    },
    close: (code: number, reason: string) => void closed.push([code, reason]),
  }
  const frames = () =>
    sent.map((text) => JSON.parse(text) as { event: string; streamSid: string; mark: { name: string } })
  const marks = () => frames().flatMap(({ event, mark }) => (event === "mark" ? [mark.name] : []))
  return { clock, sent, closed, frames, marks, line: new MediaStream({ socket, streamSid, clock }) }
}

test("each piece of audio is one frame and one mark", () => {
  const { line, frames } = stream()
  expect([line.play(audio(200), key), line.play(audio(20), key)]).toEqual(["sent", "sent"])
  expect(frames()).toEqual([
    { event: "media", streamSid, media: { payload: audio(200) } },
    { event: "mark", streamSid, mark: { name: "1-1" } },
    { event: "media", streamSid, media: { payload: audio(20) } },
    { event: "mark", streamSid, mark: { name: "1-2" } },
  ] as unknown as ReturnType<typeof frames>)
})

test("an interruption clears the line and reports what was heard; echoes of the clearing count for nothing", () => {
  const { line, clock, frames, marks } = stream()
  line.play(audio(400), key)
  line.play(audio(400), key)
  clock.advance(410)
  line.reached("1-1")
  clock.advance(90)
  expect(line.clear()).toEqual([{ ...key, heardMs: 490, sentMs: 800, complete: false }])
  expect(frames().at(-1)).toEqual({ event: "clear", streamSid } as ReturnType<typeof frames>[0])
  expect(marks().map((mark) => line.reached(mark).heard)).toEqual([[], []])
  expect(line.queuedMs).toBe(0)
})

test("a label comes back when all before it was heard", () => {
  const { line, marks } = stream()
  line.play(audio(100), key)
  expect(line.mark("goodbye")).toBe(true)
  expect(marks().map((mark) => line.reached(mark).labels)).toEqual([[], ["goodbye"]])
})

test("frames that wait are counted and the stream continues", () => {
  const { line, closed } = stream(() => -1)
  expect({ play: line.play(audio(20), key), congested: line.congested, open: line.open, closed }).toEqual({
    play: "sent",
    congested: 2,
    open: true,
    closed: [],
  })
})

test.each([
  ["audio", 0],
  ["a mark", 1],
])("%s that is dropped ends the stream", (_, before) => {
  let count = 0
  const { line, closed, sent } = stream(() => (count++ < before ? 1 : 0))
  expect(line.play(audio(20), key)).toBe("closed")
  expect({
    closed,
    open: line.open,
    play: line.play(audio(20), key),
    mark: line.mark("x"),
    sentCount: sent.length,
  }).toEqual({
    closed: [[1011, "cannot keep up"]],
    open: false,
    play: "closed",
    mark: false,
    sentCount: before + 1,
  })
})

test("empty audio is neither sent nor marked", () => {
  const { line, sent } = stream()
  expect({ play: line.play("", key), sent }).toEqual({ play: "sent", sent: [] })
})

test("more than nine minutes do not wait; there is room again when some were heard", () => {
  const { line } = stream()
  const minutes = Array.from({ length: 10 }, () => line.play(audio(60_000), key))
  expect(minutes.map((result) => result === "sent").lastIndexOf(true)).toBe(8)
  expect(minutes[9]).toBe("full")
  line.reached("1-1")
  expect(line.play(audio(60_000), key)).toBe("sent")
})

test("a peer that echoes no marks cannot make them pile up", () => {
  const { line } = stream()
  for (let count = 0; count < 27_000; count++) line.play(audio(1), key)
  expect({ play: line.play(audio(1), key), mark: line.mark("x") }).toEqual({ play: "full", mark: false })
})

test("closing twice is harmless, and nothing is sent after it", () => {
  const { line, closed, sent } = stream()
  line.play(audio(100), key)
  line.close()
  line.close(1011, "again")
  const count = sent.length
  expect([line.play(audio(20), key), line.clear().length, sent.length - count, closed]).toEqual([
    "closed",
    1,
    0,
    [[1000, "stream ended"]],
  ])
})

test("a socket that is gone is not written to, and what was heard can still be asked", () => {
  const { line, clock, sent } = stream()
  line.play(audio(100), key)
  clock.advance(40)
  line.closed()
  line.close()
  expect({ heardMs: line.heard(key)?.heardMs, mark: line.mark("x"), sentCount: sent.length }).toEqual({
    heardMs: 40,
    mark: false,
    sentCount: 2,
  })
})
