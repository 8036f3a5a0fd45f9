/** Sentences that keep the line alive while the caller waits. */

import { expect, test } from "bun:test"
import { ok, Stand } from "./stand.ts"
import { settled } from "../fakes/scripted-model.ts"

test("come after each silence, the last one again and again, and never after the answer", async () => {
  using stand = new Stand({ times: { firstTokenMs: 60_000 } })
  const request = await stand.ask("Hello")
  stand.clock.advance(2499)
  expect(stand.voice.take()).toEqual([])
  stand.clock.advance(1)
  expect(stand.voice.take()).toEqual(["line One moment. (preemptible)"])
  stand.clock.advance(5000)
  expect(stand.voice.take()).toEqual(["line Still here. (preemptible)", "line Still here. (preemptible)"])
  await request.end("Good day.")
  stand.clock.advance(60_000)
  expect(stand.voice.take()).toEqual(["token Good day.", "finish"])
  expect(stand.clock.sweep.size).toBe(0)
})

test("wait while the agent is still heard, also when that ends earlier than estimated", async () => {
  using stand = new Stand({ times: { firstTokenMs: 60_000 } })
  stand.voice.quietAtMs = stand.clock.now() + 20_000
  await stand.ask("Hello")
  stand.clock.advance(10_000)
  expect(stand.voice.take()).toEqual([])
  stand.voice.quietAtMs = stand.clock.now()
  stand.clock.advance(2400)
  expect(stand.voice.take()).toEqual([])
  stand.clock.advance(350)
  expect(stand.voice.take()).toEqual(["line One moment. (preemptible)"])
})

test("come while a tool takes long, after what was said before it was heard", async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
  using stand = new Stand({ tools: { find: () => promise } })
  const request = await stand.ask("Find it")
  await request.say("Let me look.")
  await request.call("find")
  await request.end("", { reason: "tool-calls" })
  stand.voice.take()
  stand.voice.quietAtMs = stand.clock.now() + 1000
  stand.clock.advance(3499)
  expect(stand.voice.take()).toEqual([])
  stand.clock.advance(1)
  expect(stand.voice.take()).toEqual(["line One moment. (preemptible)"])
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
    stand.voice.quietAtMs = stand.clock.now() + 800
    stand.clock.advance(2400)
  }
  expect(stand.voice.take().filter((note) => note.startsWith("line"))).toEqual([])
})

test("come when an answer stalls in the middle, once what was sent of it was heard", async () => {
  using stand = new Stand()
  const request = await stand.ask("Hello")
  await request.say("Good day, how")
  stand.voice.quietAtMs = stand.clock.now() + 1000
  stand.clock.advance(3500)
  await request.end(" can I help?")
  expect(stand.voice.take()).toEqual([
    "token Good day, how",
    "line One moment. (preemptible)",
    "token  can I help?",
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
  expect(stand.voice.take()).toEqual(["line One moment. (preemptible)", "line One moment. (preemptible)"])
})

test("may be turned off", async () => {
  using stand = new Stand({ phrases: { wait: [] } })
  await stand.ask("Hello")
  stand.clock.advance(5000)
  await settled()
  expect(stand.voice.take()).toEqual([])
  expect(stand.transcript).toEqual(["caller: Hello"])
})
