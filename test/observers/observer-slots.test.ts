import { expect, test } from "bun:test"
import { memoryObserverSlots } from "../../src/observers/observer-slots.ts"

const ALICE = { userId: "alice", key: "a" }

test("slots are counted for each user, and released once", async () => {
  const slots = memoryObserverSlots({ observersPerUser: 3, observersPerKey: 10 })
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => slots.reserve(ALICE, "a stream")))
  expect([one, two, three, await slots.reserve(ALICE, "a stream")].map((slot) => slot !== undefined)).toEqual(
    [true, true, true, false],
  )
  expect(await slots.reserve({ userId: null, key: "k" }, "a stream")).toBeDefined()
  one?.()
  one?.()
  expect(await slots.reserve(ALICE, "a stream")).toBeDefined()
  expect(await slots.reserve(ALICE, "a stream")).toBeUndefined()
  expect(slots.size).toBe(4)
  expect(slots.holders("alice")).toEqual(["a stream", "a stream", "a stream"])
})

test("of many who want the last slot at once one gets it", async () => {
  const slots = memoryObserverSlots({ observersPerUser: 1, observersPerKey: 10 })
  const accepted = await Promise.all(Array.from({ length: 20 }, () => slots.reserve(ALICE, "a stream")))
  expect(accepted.filter((slot) => slot !== undefined)).toHaveLength(1)
})

test("a key that names other users each time has slots of its own limit", async () => {
  const slots = memoryObserverSlots({ observersPerUser: 3, observersPerKey: 2 })
  const reserve = (userId: string, key: string) => slots.reserve({ userId, key }, "a stream")
  const [first, second, third] = await Promise.all(["u1", "u2", "u3"].map((user) => reserve(user, "k")))
  expect([first, second, third].map(Boolean)).toEqual([true, true, false])
  expect(await reserve("u3", "other")).toBeDefined()
  first?.()
  expect(await reserve("u4", "k")).toBeDefined()
})
