/** What was heard, by marks and by the time between them. */

import { expect, test } from "bun:test"
import { Playback, type AudioPart } from "../../src/media/playback.ts"

const key = (itemId: string, contentIndex = 0): AudioPart => ({ responseId: "resp_1", itemId, contentIndex })
const heard = (itemId: string, heardMs: number, sentMs: number, contentIndex = 0) => ({
  ...key(itemId, contentIndex),
  heardMs,
  sentMs,
  complete: heardMs === sentMs,
})

test("marks give what was heard, the clock gives the rest", () => {
  const playback = new Playback()
  const first = playback.sent(key("item_1"), 400, 0)
  playback.sent(key("item_1"), 400, 1)
  expect(playback.reached(first, 420)).toEqual({ heard: [heard("item_1", 400, 800)], labels: [] })
  expect(playback.interrupt(570)).toEqual([heard("item_1", 550, 800)])
})

test("what waits behind the item that plays has been heard for nothing", () => {
  const playback = new Playback()
  playback.sent(key("item_1"), 1_000, 0)
  playback.sent(key("item_2"), 500, 0)
  playback.sent(key("item_2", 1), 500, 0)
  expect(playback.interrupt(300)).toEqual([
    heard("item_1", 300, 1_000),
    heard("item_2", 0, 500),
    heard("item_2", 0, 500, 1),
  ])
})

test("an item that was played whole is complete; those before it are forgotten", () => {
  const playback = new Playback()
  const marks = ["item_1", "item_2", "item_3"].map((item) => playback.sent(key(item), 100, 0))
  playback.reached(marks[0]!, 100)
  playback.reached(marks[1]!, 200)
  expect(playback.interrupt(250)).toEqual([heard("item_3", 50, 100)])
  playback.sent(key("item_4"), 100, 300)
  playback.reached("2-1", 400)
  expect(playback.interrupt(9_000)).toEqual([heard("item_4", 100, 100)])
})

test("the clock never gives more than the mark that is still out", () => {
  const playback = new Playback()
  playback.sent(key("item_1"), 400, 0)
  playback.sent(key("item_1"), 400, 0)
  expect(playback.heard(key("item_1"), 60_000)).toEqual(heard("item_1", 400, 800))
  expect(playback.interrupt(60_000)).toEqual([heard("item_1", 400, 800)])
})

test("a clock that goes back gives nothing", () => {
  const playback = new Playback()
  const mark = playback.sent(key("item_1"), 400, 1_000)
  expect(playback.heard(key("item_1"), 500)).toEqual(heard("item_1", 0, 400))
  playback.reached(mark, 400)
  expect(playback.heard(key("item_1"), 300)).toEqual(heard("item_1", 400, 400))
})

test("marks from before an interruption are ignored", () => {
  const playback = new Playback()
  const mark = playback.sent(key("item_1"), 400, 0)
  playback.interrupt(100)
  playback.sent(key("item_2"), 200, 100)
  expect(playback.reached(mark, 110)).toEqual({ heard: [], labels: [] })
  expect(playback.interrupt(110)).toEqual([heard("item_2", 10, 200)])
})

test("after an interruption everything is forgotten", () => {
  const playback = new Playback()
  playback.sent(key("item_1"), 400, 0)
  playback.interrupt(100)
  expect({
    interrupt: playback.interrupt(200),
    waiting: playback.waiting,
    queuedMs: playback.queuedMs(200),
  }).toEqual({ interrupt: [], waiting: 0, queuedMs: 0 })
  expect(playback.heard(key("item_1"), 200)).toBeUndefined()
})

test("playing restarts after a silence", () => {
  const playback = new Playback()
  playback.reached(playback.sent(key("item_1"), 100, 0), 100)
  playback.sent(key("item_1"), 300, 5_000)
  expect(playback.interrupt(5_050)).toEqual([heard("item_1", 150, 400)])
})

test("a mark whose echo was lost is made good by the next one", () => {
  const playback = new Playback()
  playback.sent(key("item_1"), 100, 0)
  playback.label("halfway", 0)
  playback.sent(key("item_2"), 100, 0)
  const last = playback.sent(key("item_2"), 100, 0)
  playback.sent(key("item_3"), 100, 0)
  expect(playback.reached(last, 320)).toEqual({
    heard: [heard("item_1", 100, 100), heard("item_2", 200, 200)],
    labels: ["halfway"],
  })
})

test.each([
  ["a mark that was never sent", "1-9"],
  ["a mark of the future", "2-1"],
  ["a foreign name", "responsePart"],
  ["nothing", ""],
  ["a huge number", "1-999999999999999"],
  ["a fraction", "1-1.5"],
  ["less than the first", "1-0"],
  ["below zero", "1--1"],
])("%s changes nothing", (_, mark) => {
  const playback = new Playback()
  playback.sent(key("item_1"), 100, 0)
  expect(playback.reached(mark, 50)).toEqual({ heard: [], labels: [] })
  expect(playback.heard(key("item_1"), 50)).toEqual(heard("item_1", 50, 100))
})

test("a mark that comes back twice, or late, counts once", () => {
  const playback = new Playback()
  const marks = [1, 2].map(() => playback.sent(key("item_1"), 100, 0))
  playback.reached(marks[1]!, 200)
  const again = marks.map((mark) => playback.reached(mark, 300).heard)
  expect({ again, waiting: playback.waiting }).toEqual({ again: [[], []], waiting: 0 })
})

test("a label is reported when everything before it was heard, and never after an interruption", () => {
  const playback = new Playback()
  playback.sent(key("item_1"), 100, 0)
  const goodbye = playback.label("goodbye", 0)
  expect(playback.reached(goodbye, 100).labels).toEqual(["goodbye"])
  const late = playback.label("goodbye", 100)
  playback.interrupt(100)
  expect(playback.reached(late, 100).labels).toEqual([])
})

test("parts of a millisecond are added up before they are cut off", () => {
  const playback = new Playback()
  const marks = Array.from({ length: 8 }, () => playback.sent(key("item_1"), 0.125, 0))
  marks.slice(0, 7).forEach((mark) => playback.reached(mark, 0))
  expect(playback.heard(key("item_1"), 0)).toEqual(heard("item_1", 0, 1))
  playback.reached(marks[7]!, 0)
  expect(playback.heard(key("item_1"), 0)).toEqual(heard("item_1", 1, 1))
})

test("the same item of two responses is two parts", () => {
  const playback = new Playback()
  playback.sent(key("item_1"), 100, 0)
  playback.sent({ ...key("item_1"), responseId: "resp_2" }, 100, 0)
  expect(playback.interrupt(0).map(({ responseId, sentMs }) => [responseId, sentMs])).toEqual([
    ["resp_1", 100],
    ["resp_2", 100],
  ])
})

test("items that take turns are each counted by their own audio", () => {
  const playback = new Playback()
  const marks = ["item_1", "item_2", "item_1"].map((item) => playback.sent(key(item), 100, 0))
  playback.reached(marks[1]!, 200)
  expect(playback.interrupt(230)).toEqual([heard("item_1", 130, 200), heard("item_2", 100, 100)])
})

test("how long the line will still be busy", () => {
  const playback = new Playback()
  expect(playback.queuedMs(0)).toBe(0)
  const marks = [1, 2].map(() => playback.sent(key("item_1"), 100, 0))
  expect([0, 40, 500].map((now) => playback.queuedMs(now))).toEqual([200, 160, 100])
  playback.reached(marks[1]!, 500)
  expect(playback.queuedMs(500)).toBe(0)
})

test("ten minutes in small pieces are kept and counted quickly", () => {
  const playback = new Playback()
  const marks = Array.from({ length: 30_000 }, () => playback.sent(key("item_1"), 20, 0))
  marks.forEach((mark, index) => playback.reached(mark, index * 20))
  expect(playback.interrupt(600_000)).toEqual([heard("item_1", 600_000, 600_000)])
})
