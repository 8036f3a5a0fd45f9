/** Until when the agent is heard, by estimate and by report. */

import { expect, test } from "bun:test"
import { PlayoutEstimate } from "../../src/relay/playout-estimate.ts"

/** 500 ms until audio, then 66 ms for each character. */
const TEN = "0123456789"

test("pieces that follow each other are one piece of speech", () => {
  const clock = new PlayoutEstimate()
  clock.sent(TEN, 1000)
  expect(clock.endsAt).toBe(2160)
  clock.sent(TEN, 1100)
  expect(clock.endsAt).toBe(2820)
  clock.sent(TEN, 5000)
  expect(clock.endsAt).toBe(6160)
})

test("what may be replaced gives way to what comes next", () => {
  const clock = new PlayoutEstimate()
  clock.sent(TEN, 1000, { preemptible: true })
  clock.sent(TEN, 1100, { preemptible: true })
  expect(clock.endsAt).toBe(2260)
  clock.sent(TEN, 1200)
  clock.sent(TEN, 1300)
  expect(clock.endsAt).toBe(3020)
})

test("silence that is reported ends it, but not the silence before words that were just sent", () => {
  const clock = new PlayoutEstimate()
  expect(clock.speaking).toBeUndefined()
  clock.sent(TEN, 1000)
  clock.reported(false, 1200)
  expect(clock.endsAt).toBe(2160)
  clock.reported(true, 1300)
  clock.reported(false, 1500)
  expect({ endsAt: clock.endsAt, speaking: clock.speaking }).toEqual({ endsAt: 1500, speaking: false })
})

test("speech that lasts longer than estimated is still heard", () => {
  const clock = new PlayoutEstimate()
  clock.sent(TEN, 1000)
  clock.reported(true, 9000)
  expect(clock.endsAt).toBe(9001)
})

test("speech that lasted longer than estimated ended when its end was reported", () => {
  const clock = new PlayoutEstimate()
  clock.sent(TEN, 1000)
  clock.reported(true, 1400)
  clock.reported(false, 9000)
  expect(clock.endsAt).toBe(9000)
  clock.reported(false, 9500)
  expect(clock.endsAt).toBe(9000)
})

test("speech that began after the last words ends when its end is reported, however short it was", () => {
  const clock = new PlayoutEstimate()
  clock.sent(TEN, 1000)
  clock.reported(true, 1200)
  clock.reported(false, 1300)
  expect(clock.endsAt).toBe(1300)
})

test("what the caller cut off is not heard, and what comes next restarts", () => {
  const clock = new PlayoutEstimate()
  clock.sent(TEN.repeat(10), 1000)
  clock.reported(true, 1500)
  clock.purged(2000)
  expect({ endsAt: clock.endsAt, speaking: clock.speaking }).toEqual({ endsAt: 2000, speaking: false })
  clock.sent(TEN, 3000)
  expect(clock.endsAt).toBe(4160)
})
