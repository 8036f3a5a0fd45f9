/** Interruptions: what is stopped, what continues, and what counts as heard. */

import { describe, expect, test } from "bun:test"
import { ok, ConversationFixture } from "./conversation-fixture.ts"
import { settled } from "../fakes/scripted-model.ts"

describe("while the answer streams", () => {
  test("the caller's report stops it in the same tick and cuts it to what was heard", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("When is my booking?")
    await request.say("Your booking ", "is for Tuesday", " at ten")
    fixture.output.take()
    fixture.conversation.interrupt("Your booking is for")
    expect({ aborted: request.aborted, answering: fixture.conversation.busy }).toEqual({
      aborted: true,
      answering: false,
    })
    expect(fixture.transcript.at(-1)).toBe("agent: Your booking is for —")
    await request.say(" o'clock")
    expect(fixture.output.take()).toEqual(["interrupt"])
    expect(fixture.items).toEqual(["user: When is my booking?", "assistant: Your booking is for"])
    expect(fixture.events.slice(-2)).toMatchObject([
      { type: "reply.finished", outcome: "interrupted" },
      { type: "agent.spoke", text: "Your booking is for", interrupted: true },
    ])
  })

  test("its times up to then are kept", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    fixture.clock.advance(200)
    await request.say("Good day")
    fixture.conversation.interrupt("Good")
    expect(fixture.kept.at(-1)).toMatchObject({
      text: "Good",
      interrupted: true,
      endedAt: 1_000_200,
      latency: { firstTokenMs: 200, lastTokenMs: 200 },
    })
  })

  test("an empty report means that nothing was heard of it", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.interrupt("")
    expect(request.aborted).toBe(true)
    expect(fixture.transcript).toEqual(["caller: Hello", "agent:  —"])
    expect(fixture.items).toEqual(["user: Hello"])
  })

  test("an empty report goes by what was played, where that is known", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day. How can I help?")
    fixture.conversation.played("Good day.")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.interrupt(" ")
    expect(fixture.transcript.at(-1)).toBe("agent: Good day. —")
  })

  test("an empty report after everything was spoken stops what is still to come", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => new Promise(() => {}) } })
    const request = await fixture.ask("Play me something")
    await request.say("Listen to this.")
    await request.call("find")
    await request.end()
    fixture.conversation.interrupt("")
    expect(fixture.eventsOf("reply.finished")).toMatchObject([{ outcome: "interrupted" }])
    expect(fixture.transcript.at(-1)).toBe("agent: Listen to this. —")
  })

  test("a report in other words is what was heard", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("How much?")
    await request.say("It is $5 for each of you")
    fixture.conversation.interrupt("It is five dollars")
    expect(request.aborted).toBe(true)
    expect(fixture.transcript.at(-1)).toBe("agent: It is five dollars —")
  })

  test("a report of the latest stretch only keeps what was heard before it", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Tell me")
    await request.say("First this. Then that, and so on")
    fixture.conversation.played("First this.")
    fixture.conversation.interrupt("Then that")
    expect(fixture.transcript.at(-1)).toBe("agent: First this. Then that —")
  })

  test("white space in the report does not matter", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Tell me")
    await request.say("One,  two,\n\nthree and four")
    fixture.conversation.interrupt(" One, two, three")
    expect(fixture.transcript.at(-1)).toBe("agent: One,  two,\n\nthree —")
  })
})

describe("after the answer was complete", () => {
  test("the last turn is cut", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day, how can I help you today?")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.clock.advance(500)
    fixture.conversation.interrupt("Good day, how")
    expect(fixture.items).toEqual(["user: Hello", "assistant: Good day, how"])
    expect(fixture.eventsOf("agent.spoke")).toMatchObject([{ text: "Good day, how", interrupted: true }])
  })

  test("the same report twice changes and publishes nothing more", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day, how can I help you today?")
    fixture.conversation.interrupt("Good day, how")
    const kept = fixture.kept.length
    fixture.conversation.interrupt("Good day, how")
    expect(fixture.kept).toHaveLength(kept)
    expect(fixture.eventsOf("agent.spoke")).toHaveLength(1)
  })

  test("an empty report after a cut takes nothing more away", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day, how can I help you today?")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.interrupt("Good day")
    fixture.conversation.interrupt("")
    expect(fixture.transcript.at(-1)).toBe("agent: Good day —")
  })

  test("an empty report in silence changes nothing", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day.")
    fixture.conversation.interrupt("")
    expect(fixture.transcript.at(-1)).toBe("agent: Good day.")
  })

  test("what had been published as heard is corrected", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day.")
    await fixture.ask("A table")
    fixture.conversation.interrupt("Good")
    const turns = fixture.eventsOf("agent.spoke")
    expect(turns).toMatchObject([
      { text: "Good day.", interrupted: false },
      { text: "Good", interrupted: true },
    ])
    expect(new Set(turns.map(({ turnId }) => turnId)).size).toBe(1)
  })
})

describe("a report about an earlier answer", () => {
  test("cuts that one; the running one is spoken to its end", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day, how can I help you today?")
    fixture.clock.advance(3000)
    const request = await fixture.ask("1")
    await request.say("You pressed one.")
    fixture.output.take()
    fixture.conversation.interrupt("Good day, how can I", { durationMs: 2800 })
    await request.end(" Thank you.")
    expect(fixture.transcript).toEqual([
      "caller: Hello",
      "agent: Good day, how can I —",
      "caller: 1",
      "agent: You pressed one. Thank you.",
    ])
    expect(fixture.output.take()).toEqual(["text  Thank you.", "finish"])
  })

  test("while the next one has not begun yet, silences what is being spoken and lets the next one come", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day, how can I help you today?")
    const request = await fixture.ask("A table")
    fixture.output.take()
    fixture.conversation.interrupt("Good day")
    expect(fixture.output.take()).toEqual(["interrupt"])
    await request.end("For when?")
    expect(fixture.transcript).toEqual([
      "caller: Hello",
      "agent: Good day —",
      "caller: A table",
      "agent: For when?",
    ])
  })

  test("with words that both begin with is distinguished by how long they were spoken", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("One", "Sure, the first thing.")
    fixture.clock.advance(2000)
    const request = await fixture.ask("Two")
    await request.say("Sure, the second thing")
    fixture.clock.advance(300)
    fixture.conversation.interrupt("Sure, the", { durationMs: 1500 })
    expect(request.aborted).toBe(false)
    fixture.clock.advance(1000)
    fixture.conversation.interrupt("Sure, the", { durationMs: 900 })
    expect(request.aborted).toBe(true)
    expect(fixture.transcript.filter((line) => line.startsWith("agent"))).toEqual([
      "agent: Sure, the —",
      "agent: Sure, the —",
    ])
  })

  test("repeated late does not touch the running one", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day, how can I help?")
    fixture.conversation.interrupt("Good day")
    const request = await fixture.ask("A table")
    await request.say("For when")
    fixture.conversation.interrupt("Good day")
    expect(request.aborted).toBe(false)
  })

  test("is not sought in the middle of one of long ago", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("A", "We have five rooms.")
    await fixture.exchange("B", "Second.")
    await fixture.exchange("C", "Third.")
    const request = await fixture.ask("How much?")
    await request.say("€5 each")
    fixture.conversation.interrupt("five")
    expect(request.aborted).toBe(true)
    expect(fixture.transcript.at(-1)).toBe("agent: five —")
    expect(fixture.transcript[1]).toBe("agent: We have five rooms.")
  })
})

describe("what is not an answer", () => {
  test("a greeting is cut", () => {
    using fixture = new ConversationFixture()
    fixture.conversation.greeted("Welcome to Acme. How can I help?")
    fixture.conversation.interrupt("Welcome to")
    expect(fixture.transcript).toEqual(["agent: Welcome to —"])
  })

  test("a report before anything was said is harmless", () => {
    using fixture = new ConversationFixture()
    fixture.conversation.interrupt("Hello")
    fixture.conversation.interrupt("")
    expect({ kept: fixture.kept, events: fixture.events }).toEqual({ kept: [], events: [] })
  })

  test("a wait phrase is cut, and the answer still comes", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Find it")
    fixture.clock.advance(2500)
    fixture.conversation.interrupt("One")
    expect(request.aborted).toBe(false)
    await request.end("Here it is.")
    expect(fixture.transcript).toEqual(["caller: Find it", "agent: One —", "agent: Here it is."])
  })

  test("with a wait phrase before it, the answer is what an empty report means", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Find it")
    fixture.clock.advance(2500)
    await request.say("Here it is")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.interrupt("")
    expect(request.aborted).toBe(true)
    expect(fixture.transcript).toEqual(["caller: Find it", "agent: One moment.", "agent:  —"])
  })

  test("a farewell is cut and the end comes at once", () => {
    using fixture = new ConversationFixture()
    fixture.conversation.wrapUp("Time is up. Goodbye.", { reason: "time-limit", detail: "" })
    fixture.conversation.interrupt("Time is")
    expect(fixture.output.take()).toEqual(["sentence Time is up. Goodbye.", "end time-limit", "interrupt"])
    expect(fixture.transcript).toEqual(["agent: Time is —"])
  })
})

describe("clauses that were played", () => {
  test("after a cut belong to what was said next", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("A", "Yes. We are open.")
    fixture.conversation.interrupt("Yes.")
    await fixture.exchange("B", "We are open until ten.")
    fixture.conversation.played("We are open")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.close()
    expect(fixture.transcript.at(-1)).toBe("agent: We are open —")
  })

  test("that repeat each other are booked one after the other", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("A", "No. No. No.")
    fixture.conversation.played("No.")
    fixture.conversation.played("No.")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.close()
    expect(fixture.transcript.at(-1)).toBe("agent: No. No. —")
  })
})

test("a tool that runs when its answer is cut off gets its one result, which the next request shows", async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
  using fixture = new ConversationFixture({ tools: { find: () => promise } })
  const request = await fixture.ask("Find it")
  await request.say("Let me look. It may take a while.")
  await request.call("find")
  fixture.conversation.interrupt("Let me look.")
  resolve(ok("found"))
  await settled()
  await fixture.ask("Hurry")
  expect(fixture.items).toEqual([
    "user: Find it",
    "assistant: Let me look.",
    "call call_find: find {}",
    'result call_find: {"success":true,"message":"found"}',
    "user: Hurry",
  ])
  expect(fixture.eventsOf("tool.finished")).toHaveLength(1)
})

describe("a turn of the agent ends when it was heard", () => {
  const endOf = (fixture: ConversationFixture) => {
    const turn = fixture.kept.findLast(({ speaker, kind }) => speaker === "agent" && kind === "speech")
    return (turn?.endedAt ?? 0) - 1_000_000
  }
  const endInEvent = (fixture: ConversationFixture) =>
    Date.parse(fixture.eventsOf("agent.spoke").at(-1)?.endedAt ?? "") - 1_000_000

  test("as it was reported as played, not when the model was done", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day. How can I help?")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 3000
    await request.end()
    await settled()
    expect(endOf(fixture)).toBe(3000)
    fixture.clock.advance(1000)
    fixture.conversation.played("Good day.")
    expect(endOf(fixture)).toBe(3000)
    fixture.clock.advance(1500)
    fixture.conversation.played("How can I help?")
    expect([endOf(fixture), endInEvent(fixture)]).toEqual([2500, 2500])
  })

  test("also when it was played long before the answer was complete", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("One moment, please.")
    fixture.clock.advance(700)
    fixture.conversation.played("One moment, please.")
    fixture.clock.advance(5000)
    await request.end()
    await settled()
    expect([endOf(fixture), endInEvent(fixture)]).toEqual([700, 700])
  })

  test("by the estimate where playing is not reported", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day.")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1200
    await request.end()
    await settled()
    fixture.clock.advance(4000)
    await fixture.ask("A table, please")
    expect([endOf(fixture), endInEvent(fixture)]).toEqual([1200, 1200])
  })

  test.each<[string, (fixture: ConversationFixture) => void]>([
    ["with the interruption", ({ conversation }) => conversation.interrupt("Good")],
    ["with the session", ({ conversation }) => conversation.close()],
  ])("%s, at the latest", async (_, act) => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day.")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1200
    await request.end()
    await settled()
    fixture.clock.advance(300)
    act(fixture)
    expect([endOf(fixture), endInEvent(fixture)]).toEqual([300, 300])
  })
})
