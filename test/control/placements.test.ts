import { expect, test } from "bun:test"
import { memoryPlacements, type PlacedCall } from "../../src/control/placements.ts"
import { rejection } from "../llm/fixture.ts"
import { sampleCall } from "../relay/fixture.ts"

const KEY = { userId: "alice", idempotencyKey: "key", requestHash: "hash" }
const placed: PlacedCall = { call: sampleCall(), repeated: false }

/** A placing that ends when the test says so. */
function gated() {
  const { promise, resolve, reject } = Promise.withResolvers<PlacedCall>()
  let begun = 0
  const place = () => {
    begun += 1
    return promise
  }
  return { place, resolve, reject, begun: () => begun }
}

test("the same request, sent again meanwhile, waits for the first and has its call", async () => {
  const placements = memoryPlacements()
  const gate = gated()
  const all = Array.from({ length: 5 }, () => placements.join(KEY, gate.place))
  expect(placements.size).toBe(1)
  gate.resolve(placed)
  expect((await Promise.all(all)).map(({ repeated }) => repeated)).toEqual([false, true, true, true, true])
  expect([gate.begun(), placements.size]).toEqual([1, 0])
})

test("another request with the key is a conflict, that of another user is not", async () => {
  const placements = memoryPlacements()
  const gate = gated()
  const first = placements.join(KEY, gate.place)
  const other = placements.join({ ...KEY, requestHash: "other" }, gate.place)
  expect(await rejection(other)).toMatchObject({ code: "CONFLICT" })
  const ofBob = placements.join({ ...KEY, userId: "bob" }, gate.place)
  gate.resolve(placed)
  await Promise.all([first, ofBob])
  expect(gate.begun()).toBe(2)
})

test("a placing that fails fails for all who wait, and leaves the key free", async () => {
  const placements = memoryPlacements()
  const gate = gated()
  const all = [placements.join(KEY, gate.place), placements.join(KEY, gate.place)]
  gate.reject(new Error("no"))
  for (const one of all) expect(await rejection(one)).toMatchObject({ message: "no" })
  expect(await placements.join(KEY, async () => placed)).toBe(placed)
})
