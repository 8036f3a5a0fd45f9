import { expect, test } from "bun:test"
import { BadFrames } from "../../src/lib/bad-frames.ts"

test("the first ten invalid frames are reported, then every hundredth", () => {
  const bad = new BadFrames()
  const reported = Array.from({ length: 300 }, (_, at) => (bad.add() ? [at + 1] : [])).flat()
  expect({ reported, count: bad.count }).toEqual({
    reported: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100, 200, 300],
    count: 300,
  })
})
