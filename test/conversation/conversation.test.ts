/** Who answers what: newer words, keys, messages put in, last words, the end of the line, and the silence of listen mode. */

import { describe, expect, test } from "bun:test"
import { itemLines, END, ok, ConversationFixture } from "./conversation-fixture.ts"
import { settled } from "../fakes/scripted-model.ts"

test("an answer streams out piece by piece and is closed once", async () => {
  using fixture = new ConversationFixture()
  const request = await fixture.ask("Hello?")
  await request.say("Good ", "day")
  expect(fixture.output.take()).toEqual(["text Good ", "text day"])
  await request.end("!")
  expect(fixture.output.take()).toEqual(["text !", "finish"])
  expect(fixture.transcript).toEqual(["caller: Hello?", "agent: Good day!"])
  expect(fixture.conversation.busy).toBe(false)
})

test("the request holds the brief as it is now, all that was said, and free choice of tools", async () => {
  using fixture = new ConversationFixture()
  await fixture.exchange("One", "First.")
  fixture.conversation.setPrompt({ instructions: "Be brief.", tools: [], cacheKey: "other", safetyId: "id" })
  const { request } = await fixture.ask("Two")
  expect(request).toMatchObject({
    instructions: "Be brief.",
    tools: [],
    cacheKey: "other",
    safetyId: "id",
    toolChoice: "auto",
  })
  expect(itemLines([...request.items])).toEqual(["user: One", "assistant: First.", "user: Two"])
})

test("an agent's turn is kept from its first word on, under one id, and has its end and its times when it is settled", async () => {
  using fixture = new ConversationFixture()
  const request = await fixture.ask("Hello?")
  fixture.clock.advance(300)
  await request.say("Good ")
  const first = fixture.kept.at(-1)
  expect(first).toMatchObject({
    speaker: "agent",
    text: "Good ",
    seq: 1,
    endedAt: null,
    startedAt: 1_000_300,
  })
  fixture.clock.advance(200)
  await request.say("day")
  fixture.clock.advance(100)
  await request.end()
  expect(fixture.kept.at(-1)).toEqual({
    ...first!,
    text: "Good day",
    endedAt: 1_000_600,
    latency: { firstTokenMs: 300, lastTokenMs: 500 },
  })
  expect(fixture.events.map(({ type }) => type)).toEqual([
    "caller.spoke",
    "reply.started",
    "reply.first-token",
    "reply.finished",
  ])
  expect(fixture.eventsOf("reply.first-token")[0]).toEqual({
    type: "reply.first-token",
    replyId: first!.id,
    tookMs: 300,
  })
  expect(fixture.eventsOf("reply.finished")[0]).toMatchObject({
    replyId: first!.id,
    outcome: "said",
    tookMs: 600,
  })
})

test("tokens of all requests of a reply are counted together", async () => {
  using fixture = new ConversationFixture({ tools: { find: () => ok() } })
  const usage = { inputTokens: 10, cachedTokens: 4, outputTokens: 2 }
  const first = await fixture.ask("Find it")
  await first.call("find")
  await first.end("", { reason: "tool-calls", usage })
  await (await fixture.model.next()).end("Found.", { usage })
  expect(fixture.eventsOf("reply.finished")[0]).toMatchObject({
    inputTokens: 20,
    cachedTokens: 8,
    outputTokens: 4,
  })
})

test("words come out as one text, whatever the pieces", async () => {
  using fixture = new ConversationFixture()
  const request = await fixture.ask("Hello?")
  await request.send({ type: "text", text: "\n\n" })
  await request.send({ type: "text", text: " Well,", phase: "commentary" })
  await request.send({ type: "text", text: "", phase: "commentary" })
  await request.send({ type: "text", text: " then.", phase: "commentary" })
  await request.send({ type: "text", text: "Done. ", phase: "final_answer" })
  await request.end()
  expect(fixture.output.take()).toEqual(["text Well,", "text  then.", "text  Done. ", "finish"])
  expect(fixture.items).toEqual([
    "user: Hello?",
    "assistant(commentary): Well, then.",
    "assistant(final_answer): Done.",
  ])
})

test("an empty answer is a silence that the model has chosen", async () => {
  using fixture = new ConversationFixture()
  await (await fixture.ask("Press one to rate us")).end()
  expect(fixture.output.take()).toEqual(["finish"])
  expect(fixture.transcript).toEqual(["caller: Press one to rate us"])
})

test.each([[""], ["  \n"]])("a prompt without words is not answered: %j", async (text) => {
  using fixture = new ConversationFixture()
  fixture.conversation.hear(text)
  await settled()
  expect({ requests: fixture.model.requests.length, kept: fixture.kept.length }).toEqual({
    requests: 0,
    kept: 0,
  })
})

describe("a newer prompt", () => {
  test("takes the place of an answer that has not begun; the model sees both prompts", async () => {
    using fixture = new ConversationFixture()
    const first = await fixture.ask("I need")
    fixture.clock.advance(50)
    const second = await fixture.ask("a table")
    expect(first.aborted).toBe(true)
    await first.say("Too late")
    await second.end("For when?")
    expect(itemLines([...second.items])).toEqual(["user: I need", "user: a table"])
    expect(fixture.output.take()).toEqual(["text For when?", "finish"])
    expect(fixture.eventsOf("reply.finished").map(({ outcome }) => outcome)).toEqual(["superseded", "said"])
  })

  test("leaves the words that were sent before it in their place, and closes them", async () => {
    using fixture = new ConversationFixture()
    const first = await fixture.ask("Hello")
    await first.say("Good day, how")
    const second = await fixture.ask("A table, please")
    await first.say(" can I help?")
    await second.end("For when?")
    expect(fixture.output.take()).toEqual(["text Good day, how", "finish", "text For when?", "finish"])
    expect(fixture.transcript).toEqual([
      "caller: Hello",
      "agent: Good day, how",
      "caller: A table, please",
      "agent: For when?",
    ])
  })

  test("a hundred at once lead to one answer", async () => {
    using fixture = new ConversationFixture()
    for (let n = 0; n < 100; n++) fixture.conversation.hear(`word ${n}`)
    await settled()
    const open = fixture.model.requests.filter(({ aborted }) => !aborted)
    expect(open).toHaveLength(1)
    expect(open[0]!.items).toHaveLength(100)
    await open[0]!.end("Yes.")
    expect(fixture.clock.sweep.size).toBe(0)
  })
})

describe("keys", () => {
  test("are collected to one row, which a pause ends", async () => {
    using fixture = new ConversationFixture()
    for (const digit of "123") {
      fixture.conversation.dtmf(digit)
      fixture.clock.advance(1999)
    }
    expect(fixture.kept).toEqual([])
    fixture.clock.advance(1)
    const request = await fixture.model.next()
    expect(itemLines([...request.items])).toEqual(["user: The caller pressed 123 on the keypad."])
    expect(fixture.eventsOf("digits.received")[0]).toMatchObject({ digits: "123" })
    expect(fixture.kept[0]).toMatchObject({ kind: "keypad", speaker: "caller", text: "123" })
  })

  test("# ends the row at once, also alone", async () => {
    using fixture = new ConversationFixture()
    for (const digit of "12#") fixture.conversation.dtmf(digit)
    await fixture.model.next()
    fixture.conversation.dtmf("#")
    const request = await fixture.model.next()
    expect(fixture.transcript).toEqual(["caller: 12#", "caller: #"])
    await request.end()
    fixture.clock.advance(10_000)
    expect(fixture.model.requests).toHaveLength(2)
  })

  test("go into one request with words that follow at once, before them", async () => {
    using fixture = new ConversationFixture()
    fixture.conversation.dtmf("7")
    const request = await fixture.ask("that was my choice")
    expect(itemLines([...request.items])).toEqual([
      "user: The caller pressed 7 on the keypad.",
      "user: that was my choice",
    ])
    await request.end("Good.")
    fixture.clock.advance(10_000)
    expect(fixture.model.requests).toHaveLength(1)
  })

  test("take the place of a running answer", async () => {
    using fixture = new ConversationFixture()
    const first = await fixture.ask("Hello")
    fixture.conversation.dtmf("1")
    expect(first.aborted).toBe(false)
    fixture.conversation.dtmf("#")
    expect(first.aborted).toBe(true)
  })

  test("a flood is passed on in pieces of 64", async () => {
    using fixture = new ConversationFixture()
    for (let n = 0; n < 130; n++) fixture.conversation.dtmf("9")
    fixture.conversation.close()
    expect(fixture.eventsOf("digits.received").map(({ digits }) => digits.length)).toEqual([64, 64, 2])
  })
})

describe("a message put in", () => {
  test("joins the history and is not answered unless it asks for that", async () => {
    using fixture = new ConversationFixture()
    fixture.conversation.insert({ role: "system", text: "The caller has signed in.", respond: false })
    await settled()
    expect(fixture.model.requests).toHaveLength(0)
    fixture.conversation.insert({ role: "user", text: "Greet me.", respond: true })
    const request = await fixture.model.next()
    expect(itemLines([...request.items])).toEqual(["system: The caller has signed in.", "user: Greet me."])
    expect(fixture.kept.map(({ kind, speaker }) => `${kind} ${speaker}`)).toEqual([
      "note system",
      "note caller",
    ])
  })

  test("without a request for an answer it leaves the running answer alone", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    fixture.conversation.insert({ role: "system", text: "A fact.", respond: false })
    await request.end("Good day.")
    expect(fixture.output.take()).toEqual(["text Good day.", "finish"])
  })
})

describe("sentences of the program", () => {
  test("are said, and belong to transcript and history", async () => {
    using fixture = new ConversationFixture()
    fixture.conversation.greeted("Welcome!")
    fixture.conversation.say("A colleague listens.")
    expect(fixture.output.take()).toEqual(["sentence A colleague listens."])
    expect(fixture.items).toEqual(["assistant: Welcome!", "assistant: A colleague listens."])
  })

  test("last words stop the answer, and then comes the end", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good")
    fixture.conversation.wrapUp("Time is up.", END)
    await request.say(" day")
    expect(fixture.output.take()).toEqual(["text Good", "finish", "sentence Time is up.", "end agent-ended"])
    fixture.conversation.wrapUp("Once more.", END)
    fixture.conversation.say("And more.")
    expect(fixture.output.take()).toEqual([])
  })

  test("last words may be missing", () => {
    using fixture = new ConversationFixture()
    fixture.conversation.wrapUp("", END)
    expect(fixture.output.take()).toEqual(["end agent-ended"])
  })

  test("after the last words nothing is answered, but everything is kept", async () => {
    using fixture = new ConversationFixture()
    fixture.conversation.dtmf("4")
    fixture.conversation.wrapUp("Bye.", END)
    fixture.conversation.hear("Wait!")
    fixture.conversation.dtmf("5")
    fixture.clock.advance(10_000)
    fixture.conversation.insert({ role: "user", text: "Answer!", respond: true })
    await settled()
    expect(fixture.model.requests).toHaveLength(0)
    expect(fixture.transcript).toEqual([
      "caller: 4",
      "agent: Bye.",
      "caller: Wait!",
      "caller: 5",
      "caller: Answer!",
    ])
  })
})

describe("the end of the line", () => {
  test("stops the answer, keeps keys that waited, and leaves no deadline", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day, how can I")
    fixture.conversation.dtmf("1")
    fixture.conversation.close()
    expect(request.aborted).toBe(true)
    await settled()
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day, how can I —", "caller: 1"])
    expect(fixture.eventsOf("reply.finished")[0]).toMatchObject({ outcome: "interrupted" })
    expect(fixture.clock.sweep.size).toBe(0)
  })

  test("what is known not to have been played was not heard", async () => {
    using fixture = new ConversationFixture()
    fixture.conversation.greeted("Welcome!")
    fixture.conversation.played("Welcome!")
    const request = await fixture.ask("Hello")
    await request.say("Good day. How can I help")
    fixture.conversation.played("Good day.")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.close()
    expect(fixture.transcript).toEqual(["agent: Welcome!", "caller: Hello", "agent: Good day. —"])
  })

  test("so it is for an answer that was complete, and for those after it", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day. How can I help?")
    fixture.conversation.played("Good day.")
    fixture.conversation.say("Are you there?")
    fixture.output.quietAtMs = fixture.clock.monotonic() + 1000
    fixture.conversation.close()
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day. —", "agent:  —"])
    expect(fixture.eventsOf("agent.spoke").map(({ text }) => text)).toEqual(["Good day.", ""])
  })

  test("once the agent is silent, a last clause that was never reported was heard all the same", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good morning. How are you?")
    fixture.conversation.played("Good morning.")
    fixture.conversation.close()
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good morning. How are you?"])
  })

  test("where playing is not reported, everything counts as heard", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day. How can I help?")
    fixture.conversation.close()
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day. How can I help?"])
  })

  test("what an interruption has reported stays, whatever is known of playing", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day. How can I help?")
    fixture.conversation.played("Good day.")
    fixture.conversation.interrupt("Good day. How can")
    fixture.conversation.close()
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day. How can —"])
  })

  test("closing twice is harmless", () => {
    using fixture = new ConversationFixture()
    fixture.conversation.greeted("Welcome!")
    fixture.conversation.close()
    fixture.conversation.close()
    expect(fixture.eventsOf("agent.spoke")).toHaveLength(1)
  })
})

describe("what was heard is published when it is known", () => {
  test("when all of it was played", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day. How can I help?")
    fixture.conversation.played("Good day. ")
    expect(fixture.eventsOf("agent.spoke")).toEqual([])
    fixture.conversation.played("How can I help?")
    fixture.conversation.played("How can I help?")
    expect(fixture.eventsOf("agent.spoke")).toMatchObject([
      { text: "Good day. How can I help?", interrupted: false },
    ])
  })

  test("when it was played before it was complete", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day.")
    fixture.conversation.played("Good day.")
    expect(fixture.eventsOf("agent.spoke")).toEqual([])
    await request.end()
    expect(fixture.eventsOf("agent.spoke")).toMatchObject([{ text: "Good day.", interrupted: false }])
  })

  test("when the caller speaks again", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day.")
    expect(fixture.eventsOf("agent.spoke")).toEqual([])
    await fixture.ask("A table, please")
    expect(fixture.events.slice(-3).map(({ type }) => type)).toEqual([
      "agent.spoke",
      "caller.spoke",
      "reply.started",
    ])
  })

  test("a clause that was never sent belongs to no utterance", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "Good day.")
    fixture.conversation.played("1234#")
    fixture.conversation.close()
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day."])
  })
})

describe("in listen mode", () => {
  test("tools run and nothing counts as said", async () => {
    using fixture = new ConversationFixture({
      tools: { find: () => ok("found", { type: "send-digits", digits: "1" }) },
    })
    fixture.output.muted = true
    const first = await fixture.ask("Press one for sales")
    await first.say("I press one.")
    await first.call("find")
    await first.end("", { reason: "tool-calls" })
    await (await fixture.model.next()).end("Pressed.")
    fixture.conversation.say("Still there?")
    fixture.clock.advance(60_000)
    expect(fixture.output.take()).toEqual(["act send-digits", "finish"])
    expect(fixture.transcript).toEqual(["caller: Press one for sales"])
    expect(fixture.items.slice(1)).toEqual([
      "call call_find: find {}",
      'result call_find: {"success":true,"message":"found"}',
    ])
  })

  test("no wait phrase is said, and a failure is silent", async () => {
    using fixture = new ConversationFixture()
    fixture.output.muted = true
    const request = await fixture.ask("Hello")
    fixture.clock.advance(5000)
    await request.fail(new Error("no"))
    await (await fixture.model.next()).fail(new Error("no"))
    expect(fixture.output.take()).toEqual(["finish"])
    expect(fixture.transcript).toEqual(["caller: Hello"])
  })
})

describe("text that cannot be spoken", () => {
  const answer = [
    "**Sure**",
    "! \ud83d",
    "\ude00 See",
    " https://acme.ex",
    "ample/a/b?c",
    ".\n- milk",
    "\n- eggs",
  ]
  const said = "Sure! See acme.example.\nmilk,\neggs"

  test("is removed on its way to the voice, and history and transcript keep what was spoken", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    for (const piece of answer) await request.say(piece)
    await request.end("")
    await settled()
    const tokens = fixture.output.take().filter((note) => note.startsWith("text "))
    expect(tokens.map((note) => note.slice(5)).join("")).toBe(said)
    expect(fixture.items).toEqual(["user: Hello", `assistant: ${said}`])
    expect(fixture.transcript.at(-1)).toBe(`agent: ${said}`)
  })

  test("what the voice reports as heard is found in what was spoken", async () => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    for (const piece of answer) await request.say(piece)
    await request.end("")
    await settled()
    fixture.conversation.interrupt("Sure! See acme.example.")
    expect(fixture.transcript.at(-1)).toBe("agent: Sure! See acme.example. —")
  })

  test("is spoken as it comes where the agent wants so", async () => {
    using fixture = new ConversationFixture({ speechFilter: false })
    await fixture.exchange("Hello", "**Sure**")
    expect(fixture.output.take()).toEqual(["text **Sure**", "finish"])
  })

  test("an answer without a word that can be spoken is silent", async () => {
    using fixture = new ConversationFixture()
    await fixture.exchange("Hello", "👍")
    expect(fixture.output.take()).toEqual(["finish"])
  })

  test("what is held back is spoken before a tool runs", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    const request = await fixture.ask("Hello")
    await request.say("See www.acme.example/a")
    expect(fixture.output.take()).toEqual(["text See "])
    await request.call("find", "{}", "c")
    expect(fixture.output.take()).toEqual(["text acme.example"])
    await request.end("", { reason: "tool-calls" })
    await (await fixture.model.next()).end("- Found.")
    await settled()
    expect(fixture.transcript.at(-1)).toBe("agent: See acme.example Found.")
  })
})
