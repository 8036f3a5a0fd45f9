import { expect, test } from "bun:test"
import { Gather } from "../../src/sim/gather.ts"
import { TestClock } from "../lib/test-clock.ts"

test.each([
  ["as many as wanted", { numDigits: "3" }, "1234", { Digits: "123" }],
  ["up to the closing key", {}, "12#4", { Digits: "12" }],
  ["another closing key", { finishOnKey: "*" }, "1#*", { Digits: "1#" }],
  ["no closing key", { finishOnKey: "", numDigits: "2" }, "##", { Digits: "##" }],
  ["the closing key before any digit is no input", { numDigits: "2" }, "#1", undefined],
  ["what came before the silence", {}, "12", { Digits: "12" }],
  ["no keys where speech is wanted", { input: "speech" }, "12", undefined],
] as const)("keys: %s", async (_, attributes, keys, expected) => {
  using clock = new TestClock()
  const gather = new Gather(attributes, clock.sweep)
  gather.startWaiting()
  for (const key of keys.split("")) gather.press(key)
  clock.advance(6_000)
  expect(await gather.gathered).toEqual(expected)
})

test("speech is accepted where it is asked for", async () => {
  using clock = new TestClock()
  const gather = new Gather({ input: "dtmf speech" }, clock.sweep)
  expect({ yes: gather.say("yes"), no: gather.say("no"), press: gather.press("1") }).toEqual({
    yes: true,
    no: false,
    press: false,
  })
  expect(await gather.gathered).toEqual({ SpeechResult: "yes", Confidence: "0.92" })
})

test("each key restarts the silence", async () => {
  using clock = new TestClock()
  const gather = new Gather({ timeout: "2" }, clock.sweep)
  gather.startWaiting()
  for (const key of ["1", "2", "3"]) {
    clock.advance(1_900)
    gather.press(key)
  }
  clock.advance(2_000)
  expect(await gather.gathered).toEqual({ Digits: "123" })
})

test("nothing comes of silence, and no deadline stays", async () => {
  using clock = new TestClock()
  const gather = new Gather({ timeout: "1" }, clock.sweep)
  gather.startWaiting()
  clock.advance(1_000)
  expect(await gather.gathered).toBeUndefined()
  expect(clock.sweep.size).toBe(0)
})
