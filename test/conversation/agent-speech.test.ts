/** Interruptions: what is stopped, what goes on, and what counts as heard. */

import { describe, expect, test } from "bun:test"
import { ok, Stand } from "./stand.ts"
import { settled } from "../fakes/scripted-model.ts"

describe("while the answer streams", () => {
  test("the caller's report stops it in the same tick and cuts it to what was heard", async () => {
    using stand = new Stand()
    const request = await stand.ask("When is my booking?")
    await request.say("Your booking ", "is for Tuesday", " at ten")
    stand.output.take()
    stand.conversation.interrupt("Your booking is for")
    expect({ aborted: request.aborted, answering: stand.conversation.busy }).toEqual({
      aborted: true,
      answering: false,
    })
    expect(stand.transcript.at(-1)).toBe("agent: Your booking is for —")
    await request.say(" o'clock")
    expect(stand.output.take()).toEqual(["interrupt"])
    expect(stand.items).toEqual(["user: When is my booking?", "assistant: Your booking is for"])
    expect(stand.events.slice(-2)).toMatchObject([
      { type: "reply.finished", outcome: "interrupted" },
      { type: "agent.spoke", text: "Your booking is for", interrupted: true },
    ])
  })

  test("its times up to then are kept", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    stand.clock.advance(200)
    await request.say("Good day")
    stand.conversation.interrupt("Good")
    expect(stand.kept.at(-1)).toMatchObject({
      text: "Good",
      interrupted: true,
      endedAt: 1_000_200,
      latency: { firstTokenMs: 200, lastTokenMs: 200 },
    })
  })

  test("an empty report means that nothing was heard of it", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    await request.say("Good day")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.interrupt("")
    expect(request.aborted).toBe(true)
    expect(stand.transcript).toEqual(["caller: Hello", "agent:  —"])
    expect(stand.items).toEqual(["user: Hello"])
  })

  test("an empty report goes by what was played, where that is known", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    await request.say("Good day. How can I help?")
    stand.conversation.played("Good day.")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.interrupt(" ")
    expect(stand.transcript.at(-1)).toBe("agent: Good day. —")
  })

  test("an empty report after everything was spoken stops what is still to come", async () => {
    using stand = new Stand({ tools: { find: () => new Promise(() => {}) } })
    const request = await stand.ask("Play me something")
    await request.say("Listen to this.")
    await request.call("find")
    await request.end()
    stand.conversation.interrupt("")
    expect(stand.eventsOf("reply.finished")).toMatchObject([{ outcome: "interrupted" }])
    expect(stand.transcript.at(-1)).toBe("agent: Listen to this. —")
  })

  test("a report in other words is what was heard", async () => {
    using stand = new Stand()
    const request = await stand.ask("How much?")
    await request.say("It is $5 for each of you")
    stand.conversation.interrupt("It is five dollars")
    expect(request.aborted).toBe(true)
    expect(stand.transcript.at(-1)).toBe("agent: It is five dollars —")
  })

  test("a report of the latest stretch only keeps what was heard before it", async () => {
    using stand = new Stand()
    const request = await stand.ask("Tell me")
    await request.say("First this. Then that, and so on")
    stand.conversation.played("First this.")
    stand.conversation.interrupt("Then that")
    expect(stand.transcript.at(-1)).toBe("agent: First this. Then that —")
  })

  test("white space in the report does not matter", async () => {
    using stand = new Stand()
    const request = await stand.ask("Tell me")
    await request.say("One,  two,\n\nthree and four")
    stand.conversation.interrupt(" One, two, three")
    expect(stand.transcript.at(-1)).toBe("agent: One,  two,\n\nthree —")
  })
})

describe("after the answer was complete", () => {
  test("the last turn is cut", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day, how can I help you today?")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.clock.advance(500)
    stand.conversation.interrupt("Good day, how")
    expect(stand.items).toEqual(["user: Hello", "assistant: Good day, how"])
    expect(stand.eventsOf("agent.spoke")).toMatchObject([{ text: "Good day, how", interrupted: true }])
  })

  test("the same report twice changes and tells nothing more", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day, how can I help you today?")
    stand.conversation.interrupt("Good day, how")
    const kept = stand.kept.length
    stand.conversation.interrupt("Good day, how")
    expect(stand.kept).toHaveLength(kept)
    expect(stand.eventsOf("agent.spoke")).toHaveLength(1)
  })

  test("an empty report after a cut takes nothing more away", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day, how can I help you today?")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.interrupt("Good day")
    stand.conversation.interrupt("")
    expect(stand.transcript.at(-1)).toBe("agent: Good day —")
  })

  test("an empty report in silence changes nothing", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day.")
    stand.conversation.interrupt("")
    expect(stand.transcript.at(-1)).toBe("agent: Good day.")
  })

  test("what had been published as heard is corrected", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day.")
    await stand.ask("A table")
    stand.conversation.interrupt("Good")
    const turns = stand.eventsOf("agent.spoke")
    expect(turns).toMatchObject([
      { text: "Good day.", interrupted: false },
      { text: "Good", interrupted: true },
    ])
    expect(new Set(turns.map(({ turnId }) => turnId)).size).toBe(1)
  })
})

describe("a report about an earlier answer", () => {
  test("cuts that one; the running one is spoken to its end", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day, how can I help you today?")
    stand.clock.advance(3000)
    const request = await stand.ask("1")
    await request.say("You pressed one.")
    stand.output.take()
    stand.conversation.interrupt("Good day, how can I", { durationMs: 2800 })
    await request.end(" Thank you.")
    expect(stand.transcript).toEqual([
      "caller: Hello",
      "agent: Good day, how can I —",
      "caller: 1",
      "agent: You pressed one. Thank you.",
    ])
    expect(stand.output.take()).toEqual(["text  Thank you.", "finish"])
  })

  test("while the next one has not begun yet, silences what is being spoken and lets the next one come", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day, how can I help you today?")
    const request = await stand.ask("A table")
    stand.output.take()
    stand.conversation.interrupt("Good day")
    expect(stand.output.take()).toEqual(["interrupt"])
    await request.end("For when?")
    expect(stand.transcript).toEqual([
      "caller: Hello",
      "agent: Good day —",
      "caller: A table",
      "agent: For when?",
    ])
  })

  test("with words that both begin with is told apart by how long they were spoken", async () => {
    using stand = new Stand()
    await stand.exchange("One", "Sure, the first thing.")
    stand.clock.advance(2000)
    const request = await stand.ask("Two")
    await request.say("Sure, the second thing")
    stand.clock.advance(300)
    stand.conversation.interrupt("Sure, the", { durationMs: 1500 })
    expect(request.aborted).toBe(false)
    stand.clock.advance(1000)
    stand.conversation.interrupt("Sure, the", { durationMs: 900 })
    expect(request.aborted).toBe(true)
    expect(stand.transcript.filter((line) => line.startsWith("agent"))).toEqual([
      "agent: Sure, the —",
      "agent: Sure, the —",
    ])
  })

  test("repeated late does not touch the running one", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day, how can I help?")
    stand.conversation.interrupt("Good day")
    const request = await stand.ask("A table")
    await request.say("For when")
    stand.conversation.interrupt("Good day")
    expect(request.aborted).toBe(false)
  })

  test("is not sought in the middle of one of long ago", async () => {
    using stand = new Stand()
    await stand.exchange("A", "We have five rooms.")
    await stand.exchange("B", "Second.")
    await stand.exchange("C", "Third.")
    const request = await stand.ask("How much?")
    await request.say("€5 each")
    stand.conversation.interrupt("five")
    expect(request.aborted).toBe(true)
    expect(stand.transcript.at(-1)).toBe("agent: five —")
    expect(stand.transcript[1]).toBe("agent: We have five rooms.")
  })
})

describe("what is not an answer", () => {
  test("a greeting is cut", () => {
    using stand = new Stand()
    stand.conversation.greeted("Welcome to Acme. How can I help?")
    stand.conversation.interrupt("Welcome to")
    expect(stand.transcript).toEqual(["agent: Welcome to —"])
  })

  test("a report before anything was said is harmless", () => {
    using stand = new Stand()
    stand.conversation.interrupt("Hello")
    stand.conversation.interrupt("")
    expect({ kept: stand.kept, events: stand.events }).toEqual({ kept: [], events: [] })
  })

  test("a wait phrase is cut, and the answer still comes", async () => {
    using stand = new Stand()
    const request = await stand.ask("Find it")
    stand.clock.advance(2500)
    stand.conversation.interrupt("One")
    expect(request.aborted).toBe(false)
    await request.end("Here it is.")
    expect(stand.transcript).toEqual(["caller: Find it", "agent: One —", "agent: Here it is."])
  })

  test("with a wait phrase before it, the answer is what an empty report means", async () => {
    using stand = new Stand()
    const request = await stand.ask("Find it")
    stand.clock.advance(2500)
    await request.say("Here it is")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.interrupt("")
    expect(request.aborted).toBe(true)
    expect(stand.transcript).toEqual(["caller: Find it", "agent: One moment.", "agent:  —"])
  })

  test("a farewell is cut and the end told to hurry", () => {
    using stand = new Stand()
    stand.conversation.wrapUp("Time is up. Goodbye.", { reason: "time-limit", detail: "" })
    stand.conversation.interrupt("Time is")
    expect(stand.output.take()).toEqual(["sentence Time is up. Goodbye.", "end time-limit", "interrupt"])
    expect(stand.transcript).toEqual(["agent: Time is —"])
  })
})

describe("clauses that were played", () => {
  test("after a cut belong to what was said next", async () => {
    using stand = new Stand()
    await stand.exchange("A", "Yes. We are open.")
    stand.conversation.interrupt("Yes.")
    await stand.exchange("B", "We are open until ten.")
    stand.conversation.played("We are open")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.close()
    expect(stand.transcript.at(-1)).toBe("agent: We are open —")
  })

  test("that repeat each other are booked one after the other", async () => {
    using stand = new Stand()
    await stand.exchange("A", "No. No. No.")
    stand.conversation.played("No.")
    stand.conversation.played("No.")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.close()
    expect(stand.transcript.at(-1)).toBe("agent: No. No. —")
  })
})

test("a tool that runs when its answer is cut off gets its one result, which the next request shows", async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
  using stand = new Stand({ tools: { find: () => promise } })
  const request = await stand.ask("Find it")
  await request.say("Let me look. It may take a while.")
  await request.call("find")
  stand.conversation.interrupt("Let me look.")
  resolve(ok("found"))
  await settled()
  await stand.ask("Hurry")
  expect(stand.items).toEqual([
    "user: Find it",
    "assistant: Let me look.",
    "call call_find: find {}",
    'result call_find: {"success":true,"message":"found"}',
    "user: Hurry",
  ])
  expect(stand.eventsOf("tool.finished")).toHaveLength(1)
})
