import { expect, test } from "bun:test"
import { openStore } from "../../src/store/store.ts"
import { sampleCall } from "./samples.ts"

test("what a call has used is replaced as it grows, kind by kind", () => {
  using store = openStore({ url: ":memory:" })
  const { id } = store.calls.create(sampleCall())
  store.usage.put(id, { kind: "realtime", model: "m", amounts: { responses: 1 }, cost: null }, 1)
  store.usage.put(id, { kind: "realtime", model: "m", amounts: { responses: 2 }, cost: 0.5 }, 2)
  store.usage.put(id, { kind: "transcription", model: "t", amounts: { seconds: 4 }, cost: null }, 2)
  expect(store.usage.of(id)).toEqual([
    { kind: "realtime", model: "m", amounts: { responses: 2 }, cost: 0.5 },
    { kind: "transcription", model: "t", amounts: { seconds: 4 }, cost: null },
  ])
})
