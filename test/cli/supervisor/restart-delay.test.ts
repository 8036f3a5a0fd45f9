import { expect, test } from "bun:test"
import { restartDelayMs } from "../../../src/cli/supervisor/restart-delay.ts"

test("a worker that dies once is replaced at once; one that dies again and again, at a growing delay", () => {
  expect([0, 1, 2, 3, 4, 5, 50].map(restartDelayMs)).toEqual([0, 0, 500, 1_000, 2_000, 5_000, 5_000])
})
