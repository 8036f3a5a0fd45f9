import { expect, test } from "bun:test"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"

const even = (item: number) => item % 2 === 0

test("next takes from the past and passes over what does not match", async () => {
  const feed = new AwaitableLog<number>("numbers")
  for (const item of [1, 2, 3, 4]) feed.push(item)
  expect([await feed.next(even), await feed.next(), await feed.next(even)]).toEqual([2, 3, 4])
})

test("next waits for what is still to come", async () => {
  const feed = new AwaitableLog<number>("numbers")
  const two = feed.next((item) => item === 2)
  feed.push(1)
  feed.push(2)
  feed.push(3)
  expect([await two, await feed.next()]).toEqual([2, 3])
})

test("a closed feed tells who waits and who comes late, and takes nothing more", async () => {
  const feed = new AwaitableLog<number>("numbers")
  const waiting = feed.next()
  feed.close("over")
  feed.close("again")
  feed.push(1)
  expect(feed.all).toEqual([])
  const told = await Promise.allSettled([waiting, feed.next()])
  const reason = new Error("nothing more comes from numbers: over")
  expect(told).toEqual([
    { status: "rejected", reason },
    { status: "rejected", reason },
  ])
})

test("what is kept is bounded, and everything is counted", async () => {
  const feed = new AwaitableLog<number>("numbers", 10)
  for (let item = 0; item < 1_000; item += 1) feed.push(item)
  expect(feed.all.length).toBeLessThanOrEqual(20)
  expect(feed.all.at(-1)).toBe(999)
  expect(feed.count).toBe(1_000)
  expect(await feed.next((item) => item > 997)).toBe(998)
})

test("a listener gets the past and the future until it stops", () => {
  const feed = new AwaitableLog<number>("numbers")
  const heard: number[] = []
  feed.push(1)
  const stop = feed.listen((item) => heard.push(item))
  feed.push(2)
  stop()
  feed.push(3)
  expect(heard).toEqual([1, 2])
})

test("iteration gives every item once and ends with the feed", async () => {
  const feed = new AwaitableLog<number>("numbers")
  const seen: number[] = []
  feed.push(1)
  const reading = (async () => {
    for await (const item of feed) {
      seen.push(item)
      if (item === 2) feed.close("over")
    }
  })()
  feed.push(2)
  await reading
  expect(seen).toEqual([1, 2])
})
