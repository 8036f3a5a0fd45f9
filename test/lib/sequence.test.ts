import { expect, test } from "bun:test"
import { Sequence } from "../../src/lib/sequence.ts"
import { rejection } from "../llm/fixture.ts"

test("work runs one after another, also after work that failed", async () => {
  const sequence = new Sequence()
  const notes: string[] = []
  const work = (name: string, end: Promise<unknown>) => async () => {
    notes.push(`${name} begins`)
    await end
    notes.push(`${name} ends`)
    return name
  }
  const gate = Promise.withResolvers<void>()
  const first = sequence.run(work("a", gate.promise))
  const failed = sequence.run(() => Promise.reject(new Error("no")))
  const last = sequence.run(work("b", Promise.resolve()))
  gate.resolve()
  expect(await rejection(failed)).toMatchObject({ message: "no" })
  expect(await Promise.all([first, last])).toEqual(["a", "b"])
  expect(notes).toEqual(["a begins", "a ends", "b begins", "b ends"])
})
