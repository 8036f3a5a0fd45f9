/** Sentences that keep the line alive while the caller waits. */

import { expect, test } from "bun:test"
import { ok, Stand } from "./stand.ts"
import { settled } from "../fakes/scripted-model.ts"

test("come after each silence, the last one again and again, and never after the answer", async () => {
  using stand = new Stand({ times: { firstTokenMs: 60_000 } })
  const request = await stand.ask("Hello")
  stand.clock.advance(2499)
  expect(stand.output.take()).toEqual([])
  stand.clock.advance(1)
  expect(stand.output.take()).toEqual(["sentence One moment. (preemptible)"])
  stand.clock.advance(5000)
  expect(stand.output.take()).toEqual([
    "sentence Still here. (preemptible)",
    "sentence Still here. (preemptible)",
  ])
  await request.end("Good day.")
  stand.clock.advance(60_000)
  expect(stand.output.take()).toEqual(["text Good day.", "finish"])
  expect(stand.clock.sweep.size).toBe(0)
})

test("wait while the agent is still heard, also when that ends earlier than estimated", async () => {
  using stand = new Stand({ times: { firstTokenMs: 60_000 } })
  stand.output.quietAtMs = stand.clock.now() + 20_000
  await stand.ask("Hello")
  stand.clock.advance(10_000)
  expect(stand.output.take()).toEqual([])
  stand.output.quietAtMs = stand.clock.now()
  stand.clock.advance(2400)
  expect(stand.output.take()).toEqual([])
  stand.clock.advance(350)
  expect(stand.output.take()).toEqual(["sentence One moment. (preemptible)"])
})

test("come while a tool takes long, after what was said before it was heard", async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
  using stand = new Stand({ tools: { find: () => promise } })
  const request = await stand.ask("Find it")
  await request.say("Let me look.")
  await request.call("find")
  await request.end("", { reason: "tool-calls" })
  stand.output.take()
  stand.output.quietAtMs = stand.clock.now() + 1000
  stand.clock.advance(3499)
  expect(stand.output.take()).toEqual([])
  stand.clock.advance(1)
  expect(stand.output.take()).toEqual(["sentence One moment. (preemptible)"])
  resolve(ok())
  await (await stand.model.next()).end("Found.")
  stand.clock.advance(10_000)
  expect(stand.transcript).toEqual(["caller: Find it", "agent: Let me look. Found.", "agent: One moment."])
})

test("do not come into words that flow", async () => {
  using stand = new Stand()
  const request = await stand.ask("Hello")
  for (let n = 0; n < 10; n++) {
    await request.say("word ")
    stand.output.quietAtMs = stand.clock.now() + 800
    stand.clock.advance(2400)
  }
  expect(stand.output.take().filter((note) => note.startsWith("sentence"))).toEqual([])
})

test("come when an answer stalls in the middle, once what was sent of it was heard", async () => {
  using stand = new Stand()
  const request = await stand.ask("Hello")
  await request.say("Good day, how")
  stand.output.quietAtMs = stand.clock.now() + 1000
  stand.clock.advance(3500)
  await request.end(" can I help?")
  expect(stand.output.take()).toEqual([
    "text Good day, how",
    "sentence One moment. (preemptible)",
    "text  can I help?",
    "finish",
  ])
  expect(stand.items).toEqual([
    "user: Hello",
    "assistant: Good day, how can I help?",
    "assistant: One moment.",
  ])
})

test("begin anew with each answer", async () => {
  using stand = new Stand()
  await stand.ask("Hello")
  stand.clock.advance(2500)
  await stand.ask("Hello?")
  stand.clock.advance(2500)
  expect(stand.output.take()).toEqual([
    "sentence One moment. (preemptible)",
    "sentence One moment. (preemptible)",
  ])
})

test("may be turned off", async () => {
  using stand = new Stand({ phrases: { wait: [] } })
  await stand.ask("Hello")
  stand.clock.advance(5000)
  await settled()
  expect(stand.output.take()).toEqual([])
  expect(stand.transcript).toEqual(["caller: Hello"])
})
