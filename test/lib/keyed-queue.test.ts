import { expect, test } from "bun:test"
import { KeyedQueue } from "../../src/lib/keyed-queue.ts"
import { settled } from "../fakes/scripted-model.ts"
import { rejection } from "../llm/fixture.ts"

function gated(notes: string[]) {
  const gates = new Map<string, () => void>()
  const work = (name: string) => async () => {
    notes.push(`${name} begins`)
    await new Promise<void>((resolve) => gates.set(name, resolve))
    notes.push(`${name} ends`)
    return name
  }
  return { work, open: (name: string) => gates.get(name)?.() }
}

test("work of one session runs one after another, that of others beside it", async () => {
  const notes: string[] = []
  const queue = new KeyedQueue({ what: "jobs", most: 8 })
  const { work, open } = gated(notes)
  const all = [queue.run("a", work("a1")), queue.run("a", work("a2")), queue.run("b", work("b1"))]
  await settled()
  expect(queue.size).toBe(3)
  open("b1")
  await all[2]
  open("a1")
  await all[0]
  await settled()
  open("a2")
  expect(await Promise.all(all)).toEqual(["a1", "a2", "b1"])
  expect(notes).toEqual(["a1 begins", "b1 begins", "b1 ends", "a1 ends", "a2 begins", "a2 ends"])
  expect(queue.size).toBe(0)
})

test("work that fails does not hold up the next", async () => {
  const queue = new KeyedQueue({ what: "jobs", most: 8 })
  const failed = queue.run("a", () => Promise.reject(new Error("no")))
  const next = queue.run("a", () => Promise.resolve("yes"))
  expect(await rejection(failed)).toMatchObject({ message: "no" })
  expect(await next).toBe("yes")
})

test("too much is refused, and the place is free again afterwards", async () => {
  const queue = new KeyedQueue({ what: "jobs", most: 2 })
  const { work, open } = gated([])
  const first = queue.run("a", work("a1"))
  const second = queue.run("a", () => Promise.resolve("a2"))
  expect(await rejection(queue.run("a", work("a3")))).toMatchObject({
    code: "RATE_LIMITED",
    retryAfterSeconds: 1,
  })
  open("a1")
  await Promise.all([first, second])
  expect(await queue.run("a", () => Promise.resolve("a4"))).toBe("a4")
})
