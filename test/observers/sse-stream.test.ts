/** Streams of events: one that is not read gives up its slot. */

import { expect, test } from "bun:test"
import { Observers } from "../../src/observers/observers.ts"
import { eventLines } from "../../src/observers/sse-stream.ts"
import { TestClock } from "../lib/test-clock.ts"

const PING_MS = 15_000

function stream(clock: TestClock) {
  const observers = new Observers({ sweep: clock.sweep })
  let left = 0
  const lines = eventLines({
    callId: "all",
    afterId: 0,
    read: () => Promise.resolve([]),
    toJson: () => "",
    observers,
    leave: () => (left += 1),
  })
  return { reader: lines.getReader(), left: () => left, observers }
}

test("a stream that is not read is dropped at the second ping that was not accepted", async () => {
  using clock = new TestClock()
  const { reader, left, observers } = stream(clock)
  await reader.read()
  // One ping fits into the queue of the stream.
  for (let pings = 0; pings < 4; pings += 1) {
    clock.advance(PING_MS)
    for (let turns = 0; turns < 10; turns += 1) await Promise.resolve()
  }
  expect(left()).toBe(1)
  observers.close()
  expect(left()).toBe(1)
})

test("a stream that is read stays", async () => {
  using clock = new TestClock()
  const { reader, left, observers } = stream(clock)
  await reader.read()
  for (let pings = 0; pings < 5; pings += 1) {
    const next = reader.read()
    clock.advance(PING_MS)
    expect(new TextDecoder().decode((await next).value)).toBe(": ping\n\n")
  }
  expect(left()).toBe(0)
  observers.close()
  expect((await reader.read()).done).toBe(true)
})
