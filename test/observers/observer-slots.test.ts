import { expect, test } from "bun:test"
import { memoryObserverSlots } from "../../src/observers/observer-slots.ts"

test("slots are counted for each user, and released once", async () => {
  const slots = memoryObserverSlots({ perUser: 3 })
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => slots.reserve("alice", "a stream")))
  expect(
    [one, two, three, await slots.reserve("alice", "a stream")].map((slot) => slot !== undefined),
  ).toEqual([true, true, true, false])
  expect(await slots.reserve(null, "a stream")).toBeDefined()
  one?.()
  one?.()
  expect(await slots.reserve("alice", "a stream")).toBeDefined()
  expect(await slots.reserve("alice", "a stream")).toBeUndefined()
  expect(slots.size).toBe(4)
  expect(slots.holders("alice")).toEqual(["a stream", "a stream", "a stream"])
})

test("of many who want the last slot at once one gets it", async () => {
  const slots = memoryObserverSlots({ perUser: 1 })
  const taken = await Promise.all(Array.from({ length: 20 }, () => slots.reserve("alice", "a stream")))
  expect(taken.filter((slot) => slot !== undefined)).toHaveLength(1)
})
