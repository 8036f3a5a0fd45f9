/** Sentences that keep the line alive while the caller waits. */

import { expect, test } from "bun:test"
import { ok, ConversationFixture } from "./conversation-fixture.ts"
import { settled } from "../fakes/scripted-model.ts"

test("come after each silence, the last one again and again, and never after the answer", async () => {
  using fixture = new ConversationFixture({ times: { firstTokenMs: 60_000 } })
  const request = await fixture.ask("Hello")
  fixture.clock.advance(2499)
  expect(fixture.output.take()).toEqual([])
  fixture.clock.advance(1)
  expect(fixture.output.take()).toEqual(["sentence One moment. (preemptible)"])
  fixture.clock.advance(5000)
  expect(fixture.output.take()).toEqual([
    "sentence Still here. (preemptible)",
    "sentence Still here. (preemptible)",
  ])
  await request.end("Good day.")
  fixture.clock.advance(60_000)
  expect(fixture.output.take()).toEqual(["text Good day.", "finish"])
  expect(fixture.clock.sweep.size).toBe(0)
})

test("wait while the agent is still heard, also when that ends earlier than estimated", async () => {
  using fixture = new ConversationFixture({ times: { firstTokenMs: 60_000 } })
  fixture.output.quietAtMs = fixture.clock.monotonic() + 20_000
  await fixture.ask("Hello")
  fixture.clock.advance(10_000)
  expect(fixture.output.take()).toEqual([])
  fixture.output.quietAtMs = fixture.clock.monotonic()
  fixture.clock.advance(2400)
  expect(fixture.output.take()).toEqual([])
  fixture.clock.advance(350)
  expect(fixture.output.take()).toEqual(["sentence One moment. (preemptible)"])
})

test("come while a tool takes long, after what was said before it was heard", async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
  using fixture = new ConversationFixture({ tools: { find: () => promise } })
  const request = await fixture.ask("Find it")
  await request.say("Let me look.")
  await request.call("find")
  await request.end("", { reason: "tool-calls" })
  fixture.output.take()
  fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
  fixture.clock.advance(3499)
  expect(fixture.output.take()).toEqual([])
  fixture.clock.advance(1)
  expect(fixture.output.take()).toEqual(["sentence One moment. (preemptible)"])
  resolve(ok())
  await (await fixture.model.next()).end("Found.")
  fixture.clock.advance(10_000)
  expect(fixture.transcript).toEqual(["caller: Find it", "agent: Let me look. Found.", "agent: One moment."])
})

test("do not come into words that flow", async () => {
  using fixture = new ConversationFixture()
  const request = await fixture.ask("Hello")
  for (let n = 0; n < 10; n++) {
    await request.say("word ")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 800
    fixture.clock.advance(2400)
  }
  expect(fixture.output.take().filter((note) => note.startsWith("sentence"))).toEqual([])
})

test("come when an answer stalls in the middle, once what was sent of it was heard", async () => {
  using fixture = new ConversationFixture()
  const request = await fixture.ask("Hello")
  await request.say("Good day, how")
  fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
  fixture.clock.advance(3500)
  await request.end(" can I help?")
  expect(fixture.output.take()).toEqual([
    "text Good day, how",
    "sentence One moment. (preemptible)",
    "text  can I help?",
    "finish",
  ])
  expect(fixture.items).toEqual([
    "user: Hello",
    "assistant: Good day, how can I help?",
    "assistant: One moment.",
  ])
})

test("restart with each answer", async () => {
  using fixture = new ConversationFixture()
  await fixture.ask("Hello")
  fixture.clock.advance(2500)
  await fixture.ask("Hello?")
  fixture.clock.advance(2500)
  expect(fixture.output.take()).toEqual([
    "sentence One moment. (preemptible)",
    "sentence One moment. (preemptible)",
  ])
})

test("may be turned off", async () => {
  using fixture = new ConversationFixture({ phrases: { wait: [] } })
  await fixture.ask("Hello")
  fixture.clock.advance(5000)
  await settled()
  expect(fixture.output.take()).toEqual([])
  expect(fixture.transcript).toEqual(["caller: Hello"])
})
