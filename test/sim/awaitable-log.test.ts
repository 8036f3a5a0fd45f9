import { expect, test } from "bun:test"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"

const even = (item: number) => item % 2 === 0

test("next takes from the past and passes over what does not match", async () => {
  const log = new AwaitableLog<number>("numbers")
  for (const item of [1, 2, 3, 4]) log.push(item)
  expect([await log.next(even), await log.next(), await log.next(even)]).toEqual([2, 3, 4])
})

test("next waits for what is still to come", async () => {
  const log = new AwaitableLog<number>("numbers")
  const two = log.next((item) => item === 2)
  log.push(1)
  log.push(2)
  log.push(3)
  expect({ two: await two, next: await log.next() }).toEqual({ two: 2, next: 3 })
})

test("a closed log rejects waiting and late readers, and accepts nothing more", async () => {
  const log = new AwaitableLog<number>("numbers")
  const waiting = log.next()
  log.close("over")
  log.close("again")
  log.push(1)
  expect(log.all).toEqual([])
  const reported = await Promise.allSettled([waiting, log.next()])
  const reason = new Error("nothing more comes from numbers: over")
  expect(reported).toEqual([
    { status: "rejected", reason },
    { status: "rejected", reason },
  ])
})

test("what is kept is bounded, and everything is counted", async () => {
  const log = new AwaitableLog<number>("numbers", 10)
  for (let item = 0; item < 1_000; item += 1) log.push(item)
  expect(log.all.length).toBeLessThanOrEqual(20)
  expect(log.all.at(-1)).toBe(999)
  expect(log.count).toBe(1_000)
  expect(await log.next((item) => item > 997)).toBe(998)
})

test("a listener gets the past and the future until it stops", () => {
  const log = new AwaitableLog<number>("numbers")
  const heard: number[] = []
  log.push(1)
  const stop = log.listen((item) => heard.push(item))
  log.push(2)
  stop()
  log.push(3)
  expect(heard).toEqual([1, 2])
})

test("iteration gives every item once and ends with the log", async () => {
  const log = new AwaitableLog<number>("numbers")
  const seen: number[] = []
  log.push(1)
  const reading = (async () => {
    for await (const item of log) {
      seen.push(item)
      if (item === 2) log.close("over")
    }
  })()
  log.push(2)
  await reading
  expect(seen).toEqual([1, 2])
})
