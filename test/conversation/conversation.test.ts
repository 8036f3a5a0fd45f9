/** Who answers what: newer words, keys, messages put in, last words, the end of the line, and the silence of listen mode. */

import { describe, expect, test } from "bun:test"
import { itemLines, END, ok, Stand } from "./stand.ts"
import { settled } from "../fakes/scripted-model.ts"

test("an answer streams out piece by piece and is closed once", async () => {
  using stand = new Stand()
  const request = await stand.ask("Hello?")
  await request.say("Good ", "day")
  expect(stand.output.take()).toEqual(["text Good ", "text day"])
  await request.end("!")
  expect(stand.output.take()).toEqual(["text !", "finish"])
  expect(stand.transcript).toEqual(["caller: Hello?", "agent: Good day!"])
  expect(stand.conversation.busy).toBe(false)
})

test("the request holds the brief as it is now, all that was said, and free choice of tools", async () => {
  using stand = new Stand()
  await stand.exchange("One", "First.")
  stand.conversation.setPrompt({ instructions: "Be brief.", tools: [], cacheKey: "other", safetyId: "id" })
  const { request } = await stand.ask("Two")
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
  using stand = new Stand()
  const request = await stand.ask("Hello?")
  stand.clock.advance(300)
  await request.say("Good ")
  const first = stand.kept.at(-1)
  expect(first).toMatchObject({
    speaker: "agent",
    text: "Good ",
    seq: 1,
    endedAt: null,
    startedAt: 1_000_300,
  })
  stand.clock.advance(200)
  await request.say("day")
  stand.clock.advance(100)
  await request.end()
  expect(stand.kept.at(-1)).toEqual({
    ...first!,
    text: "Good day",
    endedAt: 1_000_600,
    latency: { firstTokenMs: 300, lastTokenMs: 500 },
  })
  expect(stand.events.map(({ type }) => type)).toEqual([
    "caller.spoke",
    "reply.started",
    "reply.first-token",
    "reply.finished",
  ])
  expect(stand.eventsOf("reply.first-token")[0]).toEqual({
    type: "reply.first-token",
    replyId: first!.id,
    tookMs: 300,
  })
  expect(stand.eventsOf("reply.finished")[0]).toMatchObject({
    replyId: first!.id,
    outcome: "said",
    tookMs: 600,
  })
})

test("tokens of all requests of a reply are counted together", async () => {
  using stand = new Stand({ tools: { find: () => ok() } })
  const usage = { inputTokens: 10, cachedTokens: 4, outputTokens: 2 }
  const first = await stand.ask("Find it")
  await first.call("find")
  await first.end("", { reason: "tool-calls", usage })
  await (await stand.model.next()).end("Found.", { usage })
  expect(stand.eventsOf("reply.finished")[0]).toMatchObject({
    inputTokens: 20,
    cachedTokens: 8,
    outputTokens: 4,
  })
})

test("words come out as one text, whatever the pieces", async () => {
  using stand = new Stand()
  const request = await stand.ask("Hello?")
  await request.send({ type: "text", text: "\n\n" })
  await request.send({ type: "text", text: " Well,", phase: "commentary" })
  await request.send({ type: "text", text: "", phase: "commentary" })
  await request.send({ type: "text", text: " then.", phase: "commentary" })
  await request.send({ type: "text", text: "Done. ", phase: "final_answer" })
  await request.end()
  expect(stand.output.take()).toEqual(["text Well,", "text  then.", "text  Done. ", "finish"])
  expect(stand.items).toEqual([
    "user: Hello?",
    "assistant(commentary): Well, then.",
    "assistant(final_answer): Done.",
  ])
})

test("an empty answer is a silence that the model has chosen", async () => {
  using stand = new Stand()
  await (await stand.ask("Press one to rate us")).end()
  expect(stand.output.take()).toEqual(["finish"])
  expect(stand.transcript).toEqual(["caller: Press one to rate us"])
})

test.each([[""], ["  \n"]])("a prompt without words is not answered: %j", async (text) => {
  using stand = new Stand()
  stand.conversation.hear(text)
  await settled()
  expect({ requests: stand.model.requests.length, kept: stand.kept.length }).toEqual({ requests: 0, kept: 0 })
})

describe("a newer prompt", () => {
  test("takes the place of an answer that has not begun; the model sees both prompts", async () => {
    using stand = new Stand()
    const first = await stand.ask("I need")
    stand.clock.advance(50)
    const second = await stand.ask("a table")
    expect(first.aborted).toBe(true)
    await first.say("Too late")
    await second.end("For when?")
    expect(itemLines([...second.items])).toEqual(["user: I need", "user: a table"])
    expect(stand.output.take()).toEqual(["text For when?", "finish"])
    expect(stand.eventsOf("reply.finished").map(({ outcome }) => outcome)).toEqual(["superseded", "said"])
  })

  test("leaves the words that were sent before it in their place, and closes them", async () => {
    using stand = new Stand()
    const first = await stand.ask("Hello")
    await first.say("Good day, how")
    const second = await stand.ask("A table, please")
    await first.say(" can I help?")
    await second.end("For when?")
    expect(stand.output.take()).toEqual(["text Good day, how", "finish", "text For when?", "finish"])
    expect(stand.transcript).toEqual([
      "caller: Hello",
      "agent: Good day, how",
      "caller: A table, please",
      "agent: For when?",
    ])
  })

  test("a hundred at once lead to one answer", async () => {
    using stand = new Stand()
    for (let n = 0; n < 100; n++) stand.conversation.hear(`word ${n}`)
    await settled()
    const open = stand.model.requests.filter(({ aborted }) => !aborted)
    expect(open).toHaveLength(1)
    expect(open[0]!.items).toHaveLength(100)
    await open[0]!.end("Yes.")
    expect(stand.clock.sweep.size).toBe(0)
  })
})

describe("keys", () => {
  test("are collected to one row, which a pause ends", async () => {
    using stand = new Stand()
    for (const digit of "123") {
      stand.conversation.dtmf(digit)
      stand.clock.advance(1999)
    }
    expect(stand.kept).toEqual([])
    stand.clock.advance(1)
    const request = await stand.model.next()
    expect(itemLines([...request.items])).toEqual(["user: The caller pressed 123 on the keypad."])
    expect(stand.eventsOf("digits.received")[0]).toMatchObject({ digits: "123" })
    expect(stand.kept[0]).toMatchObject({ kind: "keypad", speaker: "caller", text: "123" })
  })

  test("# ends the row at once, also alone", async () => {
    using stand = new Stand()
    for (const digit of "12#") stand.conversation.dtmf(digit)
    await stand.model.next()
    stand.conversation.dtmf("#")
    const request = await stand.model.next()
    expect(stand.transcript).toEqual(["caller: 12#", "caller: #"])
    await request.end()
    stand.clock.advance(10_000)
    expect(stand.model.requests).toHaveLength(2)
  })

  test("go into one request with words that follow at once, before them", async () => {
    using stand = new Stand()
    stand.conversation.dtmf("7")
    const request = await stand.ask("that was my choice")
    expect(itemLines([...request.items])).toEqual([
      "user: The caller pressed 7 on the keypad.",
      "user: that was my choice",
    ])
    await request.end("Good.")
    stand.clock.advance(10_000)
    expect(stand.model.requests).toHaveLength(1)
  })

  test("take the place of a running answer", async () => {
    using stand = new Stand()
    const first = await stand.ask("Hello")
    stand.conversation.dtmf("1")
    expect(first.aborted).toBe(false)
    stand.conversation.dtmf("#")
    expect(first.aborted).toBe(true)
  })

  test("a flood is passed on in pieces of 64", async () => {
    using stand = new Stand()
    for (let n = 0; n < 130; n++) stand.conversation.dtmf("9")
    stand.conversation.close()
    expect(stand.eventsOf("digits.received").map(({ digits }) => digits.length)).toEqual([64, 64, 2])
  })
})

describe("a message put in", () => {
  test("joins the history and is not answered unless it asks for that", async () => {
    using stand = new Stand()
    stand.conversation.insert({ role: "system", text: "The caller has signed in.", respond: false })
    await settled()
    expect(stand.model.requests).toHaveLength(0)
    stand.conversation.insert({ role: "user", text: "Greet me.", respond: true })
    const request = await stand.model.next()
    expect(itemLines([...request.items])).toEqual(["system: The caller has signed in.", "user: Greet me."])
    expect(stand.kept.map(({ kind, speaker }) => `${kind} ${speaker}`)).toEqual([
      "note system",
      "note caller",
    ])
  })

  test("without a request for an answer it leaves the running answer alone", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    stand.conversation.insert({ role: "system", text: "A fact.", respond: false })
    await request.end("Good day.")
    expect(stand.output.take()).toEqual(["text Good day.", "finish"])
  })
})

describe("sentences of the program", () => {
  test("are said, and belong to transcript and history", async () => {
    using stand = new Stand()
    stand.conversation.greeted("Welcome!")
    stand.conversation.say("A colleague listens.")
    expect(stand.output.take()).toEqual(["sentence A colleague listens."])
    expect(stand.items).toEqual(["assistant: Welcome!", "assistant: A colleague listens."])
  })

  test("last words stop the answer, and then comes the end", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    await request.say("Good")
    stand.conversation.wrapUp("Time is up.", END)
    await request.say(" day")
    expect(stand.output.take()).toEqual(["text Good", "finish", "sentence Time is up.", "end agent-ended"])
    stand.conversation.wrapUp("Once more.", END)
    stand.conversation.say("And more.")
    expect(stand.output.take()).toEqual([])
  })

  test("last words may be missing", () => {
    using stand = new Stand()
    stand.conversation.wrapUp("", END)
    expect(stand.output.take()).toEqual(["end agent-ended"])
  })

  test("after the last words nothing is answered, but everything is kept", async () => {
    using stand = new Stand()
    stand.conversation.dtmf("4")
    stand.conversation.wrapUp("Bye.", END)
    stand.conversation.hear("Wait!")
    stand.conversation.dtmf("5")
    stand.clock.advance(10_000)
    stand.conversation.insert({ role: "user", text: "Answer!", respond: true })
    await settled()
    expect(stand.model.requests).toHaveLength(0)
    expect(stand.transcript).toEqual([
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
    using stand = new Stand()
    const request = await stand.ask("Hello")
    await request.say("Good day, how can I")
    stand.conversation.dtmf("1")
    stand.conversation.close()
    expect(request.aborted).toBe(true)
    await settled()
    expect(stand.transcript).toEqual(["caller: Hello", "agent: Good day, how can I —", "caller: 1"])
    expect(stand.eventsOf("reply.finished")[0]).toMatchObject({ outcome: "interrupted" })
    expect(stand.clock.sweep.size).toBe(0)
  })

  test("what is known not to have been played was not heard", async () => {
    using stand = new Stand()
    stand.conversation.greeted("Welcome!")
    stand.conversation.played("Welcome!")
    const request = await stand.ask("Hello")
    await request.say("Good day. How can I help")
    stand.conversation.played("Good day.")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.close()
    expect(stand.transcript).toEqual(["agent: Welcome!", "caller: Hello", "agent: Good day. —"])
  })

  test("so it is for an answer that was complete, and for those after it", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day. How can I help?")
    stand.conversation.played("Good day.")
    stand.conversation.say("Are you there?")
    stand.output.quietAtMs = stand.clock.now() + 1000
    stand.conversation.close()
    expect(stand.transcript).toEqual(["caller: Hello", "agent: Good day. —", "agent:  —"])
    expect(stand.eventsOf("agent.spoke").map(({ text }) => text)).toEqual(["Good day.", ""])
  })

  test("once the agent is silent, a last clause that was never reported was heard all the same", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good morning. How are you?")
    stand.conversation.played("Good morning.")
    stand.conversation.close()
    expect(stand.transcript).toEqual(["caller: Hello", "agent: Good morning. How are you?"])
  })

  test("where playing is not reported, everything counts as heard", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day. How can I help?")
    stand.conversation.close()
    expect(stand.transcript).toEqual(["caller: Hello", "agent: Good day. How can I help?"])
  })

  test("what an interruption has told stays, whatever is known of playing", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day. How can I help?")
    stand.conversation.played("Good day.")
    stand.conversation.interrupt("Good day. How can")
    stand.conversation.close()
    expect(stand.transcript).toEqual(["caller: Hello", "agent: Good day. How can —"])
  })

  test("closing twice is harmless", () => {
    using stand = new Stand()
    stand.conversation.greeted("Welcome!")
    stand.conversation.close()
    stand.conversation.close()
    expect(stand.eventsOf("agent.spoke")).toHaveLength(1)
  })
})

describe("what was heard is published when it is known", () => {
  test("when all of it was played", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day. How can I help?")
    stand.conversation.played("Good day. ")
    expect(stand.eventsOf("agent.spoke")).toEqual([])
    stand.conversation.played("How can I help?")
    stand.conversation.played("How can I help?")
    expect(stand.eventsOf("agent.spoke")).toMatchObject([
      { text: "Good day. How can I help?", interrupted: false },
    ])
  })

  test("when it was played before it was complete", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    await request.say("Good day.")
    stand.conversation.played("Good day.")
    expect(stand.eventsOf("agent.spoke")).toEqual([])
    await request.end()
    expect(stand.eventsOf("agent.spoke")).toMatchObject([{ text: "Good day.", interrupted: false }])
  })

  test("when the caller speaks again", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day.")
    expect(stand.eventsOf("agent.spoke")).toEqual([])
    await stand.ask("A table, please")
    expect(stand.events.slice(-3).map(({ type }) => type)).toEqual([
      "agent.spoke",
      "caller.spoke",
      "reply.started",
    ])
  })

  test("a clause that was never sent is nobody's", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "Good day.")
    stand.conversation.played("1234#")
    stand.conversation.close()
    expect(stand.transcript).toEqual(["caller: Hello", "agent: Good day."])
  })
})

describe("in listen mode", () => {
  test("tools run and nothing counts as said", async () => {
    using stand = new Stand({ tools: { find: () => ok("found", { type: "send-digits", digits: "1" }) } })
    stand.output.muted = true
    const first = await stand.ask("Press one for sales")
    await first.say("I press one.")
    await first.call("find")
    await first.end("", { reason: "tool-calls" })
    await (await stand.model.next()).end("Pressed.")
    stand.conversation.say("Still there?")
    stand.clock.advance(60_000)
    expect(stand.output.take()).toEqual(["act send-digits", "finish"])
    expect(stand.transcript).toEqual(["caller: Press one for sales"])
    expect(stand.items.slice(1)).toEqual([
      "call call_find: find {}",
      'result call_find: {"success":true,"message":"found"}',
    ])
  })

  test("no wait phrase is said, and a failure is silent", async () => {
    using stand = new Stand()
    stand.output.muted = true
    const request = await stand.ask("Hello")
    stand.clock.advance(5000)
    await request.fail(new Error("no"))
    await (await stand.model.next()).fail(new Error("no"))
    expect(stand.output.take()).toEqual(["finish"])
    expect(stand.transcript).toEqual(["caller: Hello"])
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

  test("is taken out on its way to the voice, and history and transcript keep what was spoken", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    for (const piece of answer) await request.say(piece)
    await request.end("")
    await settled()
    const tokens = stand.output.take().filter((note) => note.startsWith("text "))
    expect(tokens.map((note) => note.slice(5)).join("")).toBe(said)
    expect(stand.items).toEqual(["user: Hello", `assistant: ${said}`])
    expect(stand.transcript.at(-1)).toBe(`agent: ${said}`)
  })

  test("what the voice reports as heard is found in what was spoken", async () => {
    using stand = new Stand()
    const request = await stand.ask("Hello")
    for (const piece of answer) await request.say(piece)
    await request.end("")
    await settled()
    stand.conversation.interrupt("Sure! See acme.example.")
    expect(stand.transcript.at(-1)).toBe("agent: Sure! See acme.example. —")
  })

  test("is spoken as it comes where the agent wants so", async () => {
    using stand = new Stand({ speechFilter: false })
    await stand.exchange("Hello", "**Sure**")
    expect(stand.output.take()).toEqual(["text **Sure**", "finish"])
  })

  test("an answer without a word that can be spoken is silent", async () => {
    using stand = new Stand()
    await stand.exchange("Hello", "👍")
    expect(stand.output.take()).toEqual(["finish"])
  })

  test("what is held back is spoken before a tool runs", async () => {
    using stand = new Stand({ tools: { find: () => ok() } })
    const request = await stand.ask("Hello")
    await request.say("See www.acme.example/a")
    expect(stand.output.take()).toEqual(["text See "])
    await request.call("find", "{}", "c")
    expect(stand.output.take()).toEqual(["text acme.example"])
    await request.end("", { reason: "tool-calls" })
    await (await stand.model.next()).end("- Found.")
    await settled()
    expect(stand.transcript.at(-1)).toBe("agent: See acme.example Found.")
  })
})
