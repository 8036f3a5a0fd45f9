import { expect, test } from "bun:test"
import { WaitingFrames } from "../../src/conversation/waiting-frames.ts"

test.each([
  ["within both limits", ["ab", "cd"], [true, true]],
  ["more frames than allowed", ["a", "b", "c"], [true, true, false]],
  ["more characters than allowed", ["abcd", "e"], [true, false]],
] as const)("%s", (_, frames, added) => {
  const waiting = new WaitingFrames({ frames: 2, characters: 4 })
  expect(frames.map((frame) => waiting.add(frame))).toEqual([...added])
})

test("frames are returned once, the oldest first, and the limits start again", () => {
  const waiting = new WaitingFrames({ frames: 2, characters: 4 })
  waiting.add("a")
  waiting.add("b")
  expect({ accepted: waiting.take(), again: waiting.take(), next: waiting.add("abcd") }).toEqual({
    accepted: ["a", "b"],
    again: [],
    next: true,
  })
})
