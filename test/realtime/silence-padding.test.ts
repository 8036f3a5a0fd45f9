import { expect, test } from "bun:test"
import { SilencePadding } from "../../src/realtime/silence-padding.ts"
import { TestClock } from "../lib/test-clock.ts"

const SECOND_OF_SILENCE = Buffer.alloc(8_000, 0xff).toString("base64")

function setUp() {
  const clock = new TestClock()
  const filled: string[] = []
  const callerAudio = {
    pieces: 0,
    fill(payload: string) {
      this.pieces += 1
      filled.push(payload)
    },
  }
  return { clock, filled, callerAudio, padding: new SilencePadding({ callerAudio, sweep: clock.sweep }) }
}

test("audio that keeps coming is not padded, and a gap is padded with silence until it ends", () => {
  const { clock, filled, callerAudio, padding } = setUp()
  padding.start()
  for (let piece = 0; piece < 200; piece++) {
    callerAudio.pieces += 1
    clock.advance(20)
  }
  expect(filled).toEqual([])
  clock.advance(1_500)
  expect(new Set(filled)).toEqual(new Set([SECOND_OF_SILENCE]))
  const padded = filled.length
  for (let piece = 0; piece < 200; piece++) {
    callerAudio.pieces += 1
    clock.advance(20)
  }
  expect(filled).toHaveLength(padded)
  padding.stop()
})

test.each<[string, (padding: SilencePadding) => void]>([
  ["before the caller speaks", () => {}],
  [
    "after the caller has finished",
    (padding) => {
      padding.start()
      padding.stop()
    },
  ],
  [
    "after the caller has begun twice and finished once",
    (padding) => {
      padding.start()
      padding.start()
      padding.stop()
    },
  ],
])("no silence is sent, and no deadline is left: %s", (_, happens) => {
  const { clock, filled, padding } = setUp()
  happens(padding)
  clock.advance(10_000)
  expect({ filled, deadlines: clock.sweep.size }).toEqual({ filled: [], deadlines: 0 })
})
