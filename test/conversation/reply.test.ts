/** One reply: failures of the model and their second try, tools in their rounds, and how it all looks to the next request. */

import { describe, expect, test } from "bun:test"
import { ChatModelError } from "../../src/llm/chat-model.ts"
import { settled } from "../fakes/scripted-model.ts"
import { itemLines, ok, ConversationFixture } from "./conversation-fixture.ts"

const outcomes = (fixture: ConversationFixture) =>
  fixture.eventsOf("reply.finished").map(({ outcome }) => outcome)
const failures = (fixture: ConversationFixture) =>
  fixture.eventsOf("model.failed").map(({ retried }) => retried)

describe("a failure before the first word", () => {
  test.each([
    ["a stream that breaks off", (fixture: ConversationFixture) => fixture.model.requests[0]!.breakOff()],
    [
      "an error that may pass",
      (fixture: ConversationFixture) => fixture.model.requests[0]!.fail(retryable()),
    ],
    [
      "garbage thrown by the stream",
      (fixture: ConversationFixture) => fixture.model.requests[0]!.fail("garbage"),
    ],
    [
      "unknown parts",
      async (fixture: ConversationFixture) => {
        await fixture.model.requests[0]!.send({ type: "noise" } as never)
        await fixture.model.requests[0]!.breakOff()
      },
    ],
    [
      "no first part in time",
      async (fixture: ConversationFixture) => {
        fixture.clock.advance(6000)
        await settled()
      },
    ],
  ])("is tried once more: %s", async (_, fail) => {
    using fixture = new ConversationFixture({ phrases: { wait: [] } })
    await fixture.ask("Hello")
    await fail(fixture)
    await (await fixture.model.next()).end("Good day.")
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day."])
    expect({ failures: failures(fixture), outcomes: outcomes(fixture) }).toEqual({
      failures: [true],
      outcomes: ["said"],
    })
    // All connections that are kept open may be dead.
    const fresh = fixture.model.requests.map(({ request }) => request.freshConnection)
    expect(fresh).toEqual([false, true])
  })

  test("is tried once more when the model throws before there is a stream", async () => {
    using fixture = new ConversationFixture()
    fixture.model.throws = new Error("no socket")
    await (await fixture.ask("Hello")).end("Good day.")
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day."])
  })

  test("twice becomes an apology, and the call continues", async () => {
    using fixture = new ConversationFixture()
    await (await fixture.ask("Hello")).fail(retryable())
    await (await fixture.model.next()).fail(retryable())
    expect(fixture.output.take()).toEqual(["text Sorry.", "finish"])
    expect({ failures: failures(fixture), outcomes: outcomes(fixture) }).toEqual({
      failures: [true, false],
      outcomes: ["failed"],
    })
    await fixture.exchange("Again?", "Good day.")
    expect(fixture.transcript).toEqual([
      "caller: Hello",
      "agent: Sorry.",
      "caller: Again?",
      "agent: Good day.",
    ])
    expect(fixture.clock.sweep.size).toBe(0)
  })

  test("that cannot pass becomes an apology at once", async () => {
    using fixture = new ConversationFixture()
    await (await fixture.ask("Hello")).fail(new ChatModelError("no such model", { retryable: false }))
    expect({ requests: fixture.model.requests.length, failures: failures(fixture) }).toEqual({
      requests: 1,
      failures: [false],
    })
    expect(fixture.transcript.at(-1)).toBe("agent: Sorry.")
  })

  test.each([["length" as const], ["filtered" as const]])(
    "an answer that was cut before its first word (%s) becomes an apology",
    async (reason) => {
      using fixture = new ConversationFixture()
      await (await fixture.ask("Hello")).end("", { reason })
      expect(fixture.transcript.at(-1)).toBe("agent: Sorry.")
    },
  )

  test("in a request that follows a tool is tried again too, and the tool is not", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    const first = await fixture.ask("Find it")
    await first.say("Let me look.")
    await first.call("find")
    await first.end("", { reason: "tool-calls" })
    await (await fixture.model.next()).breakOff()
    await (await fixture.model.next()).end("Found.")
    expect(fixture.ran).toEqual(["find {}"])
    expect(fixture.transcript.at(-1)).toBe("agent: Let me look. Found.")
  })

  test("after a tool call was complete keeps call and result, and does not run it twice", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    const first = await fixture.ask("Find it")
    await first.call("find")
    await first.breakOff()
    const second = await fixture.model.next()
    expect(itemLines([...second.items])).toEqual([
      "user: Find it",
      "call call_find: find {}",
      'result call_find: {"success":true,"message":"done"}',
    ])
    await second.end("Found.")
    expect(fixture.ran).toEqual(["find {}"])
  })

  test("leaves no reasoning without what it belonged to", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    const first = await fixture.ask("Find it")
    await first.send(reasoning("lost"))
    await first.breakOff()
    const second = await fixture.model.next()
    expect(itemLines([...second.items])).toEqual(["user: Find it"])
    await second.send(reasoning("kept"))
    await second.call("find")
    await second.end("", { reason: "tool-calls" })
    const third = await fixture.model.next()
    expect(itemLines([...third.items]).slice(1, 3)).toEqual(['opaque "kept"', "call call_find: find {}"])
  })
})

describe("a failure in the middle of the words", () => {
  test.each([
    ["a broken stream", (fixture: ConversationFixture) => fixture.model.requests[0]!.breakOff()],
    [
      "an error that might pass",
      (fixture: ConversationFixture) => fixture.model.requests[0]!.fail(retryable()),
    ],
    [
      "a pause that is too long",
      async (fixture: ConversationFixture) => {
        fixture.output.quietAtMs = fixture.clock.monotonic() + 10_000
        fixture.clock.advance(8000)
        await settled()
      },
    ],
  ])("is owned up to, and nothing is said twice: %s", async (_, fail) => {
    using fixture = new ConversationFixture()
    const request = await fixture.ask("Hello")
    await request.say("Good day, how")
    await fail(fixture)
    expect(fixture.output.take()).toEqual(["text Good day, how", "text  Lost it.", "finish"])
    expect(fixture.transcript).toEqual(["caller: Hello", "agent: Good day, how Lost it."])
    expect(fixture.model.requests).toHaveLength(1)
    expect(fixture.eventsOf("model.failed")).toHaveLength(1)
    expect(outcomes(fixture)).toEqual(["failed"])
  })

  test("a part moves the limit on, however many there are", async () => {
    using fixture = new ConversationFixture({ times: { firstTokenMs: 1000, tokenGapMs: 600 } })
    const request = await fixture.ask("Hello")
    fixture.output.quietAtMs = Number.MAX_SAFE_INTEGER
    for (let n = 0; n < 5; n++) {
      await request.say("a ")
      fixture.clock.advance(599)
    }
    expect(request.aborted).toBe(false)
    fixture.clock.advance(1)
    expect(request.aborted).toBe(true)
    await settled()
    expect(fixture.eventsOf("model.failed")).toMatchObject([
      { message: "no data from the model for 600 ms in the middle of an answer" },
    ])
  })

  test("a limit between parts that is shorter than the one before them holds from the first part on", async () => {
    using fixture = new ConversationFixture({ times: { firstTokenMs: 1000, tokenGapMs: 600 } })
    const request = await fixture.ask("Hello")
    await request.say("Good")
    fixture.clock.advance(600)
    expect(request.aborted).toBe(true)
  })

  test("an answer that a limit cuts after some words is said as it is", async () => {
    using fixture = new ConversationFixture()
    await (await fixture.ask("Hello")).end("Good day, how", { reason: "length" })
    expect(fixture.transcript.at(-1)).toBe("agent: Good day, how")
    expect(outcomes(fixture)).toEqual(["said"])
  })
})

describe("tools", () => {
  test("run once; the result is in the next request, after what was said before", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok("found") } })
    const first = await fixture.ask("Find it")
    await first.say("Let me look.")
    await first.call("find", { what: "it" })
    await first.end("", { reason: "tool-calls" })
    const second = await fixture.model.next()
    expect(itemLines([...second.items])).toEqual([
      "user: Find it",
      "assistant: Let me look.",
      'call call_find: find {"what":"it"}',
      'result call_find: {"success":true,"message":"found"}',
    ])
    await second.end("Here it is.")
    expect(fixture.output.take()).toEqual(["text Let me look.", "text  Here it is.", "finish"])
    expect(fixture.items.slice(1)).toEqual([
      "assistant: Let me look.",
      'call call_find: find {"what":"it"}',
      'result call_find: {"success":true,"message":"found"}',
      "assistant: Here it is.",
    ])
    expect(fixture.ran).toEqual(['find {"what":"it"}'])
    expect(fixture.transcript).toEqual(["caller: Find it", "agent: Let me look. Here it is."])
  })

  test("begin when their call is complete, not when the stream ends, and several run at once", async () => {
    const results = [
      Promise.withResolvers<ReturnType<typeof ok>>(),
      Promise.withResolvers<ReturnType<typeof ok>>(),
    ]
    using fixture = new ConversationFixture({
      tools: { find: (args) => results[JSON.parse(args).n]!.promise },
    })
    const first = await fixture.ask("Find both")
    await first.call("find", '{"n":0}', "a")
    expect(fixture.ran).toHaveLength(1)
    await first.call("find", '{"n":1}', "b")
    await first.end("", { reason: "tool-calls" })
    results[1]!.resolve(ok("second"))
    await settled()
    expect(fixture.model.requests).toHaveLength(1)
    results[0]!.resolve(ok("first"))
    const second = await fixture.model.next()
    expect(itemLines([...second.items]).slice(1)).toEqual([
      'call a: find {"n":0}',
      'call b: find {"n":1}',
      'result a: {"success":true,"message":"first"}',
      'result b: {"success":true,"message":"second"}',
    ])
  })

  test("that fail are reported to the model, and are events", async () => {
    using fixture = new ConversationFixture()
    const first = await fixture.ask("Find it")
    await first.call("nothing")
    await first.end("", { reason: "tool-calls" })
    const second = await fixture.model.next()
    expect(itemLines([...second.items]).at(-1)).toBe(
      'result call_nothing: {"success":false,"code":"UNKNOWN_TOOL","message":"no nothing"}',
    )
    expect(fixture.events.filter(({ type }) => type.startsWith("tool."))).toEqual([
      { type: "tool.started", toolCallId: "call_nothing", name: "nothing" },
      {
        type: "tool.finished",
        toolCallId: "call_nothing",
        name: "nothing",
        ok: false,
        tookMs: 0,
        message: "no nothing",
        code: "UNKNOWN_TOOL",
      },
    ])
  })

  test("reasoning precedes the call it belongs to and is forgotten when the reply is complete", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok("found") } })
    const first = await fixture.ask("Find it")
    await first.send(reasoning("r1"))
    await first.send({ type: "text", text: "Let me look.", phase: "commentary" })
    await first.call("find")
    await first.end("", { reason: "tool-calls" })
    const second = await fixture.model.next()
    await second.send(reasoning("r2"))
    await second.call("find", {}, "again")
    await second.end("", { reason: "tool-calls" })
    const third = await fixture.model.next()
    expect(itemLines([...third.items])).toEqual([
      "user: Find it",
      'opaque "r1"',
      "assistant(commentary): Let me look.",
      "call call_find: find {}",
      'result call_find: {"success":true,"message":"found"}',
      'opaque "r2"',
      "call again: find {}",
      'result again: {"success":true,"message":"found"}',
    ])
    await third.send({ type: "text", text: "Found.", phase: "final_answer" })
    await third.end()
    expect(fixture.items.filter((line) => !/^(call|result)/.test(line))).toEqual([
      "user: Find it",
      "assistant(commentary): Let me look.",
      "assistant(final_answer): Found.",
    ])
  })

  test("reasoning that was interrupted before its call is in no later request", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    const first = await fixture.ask("Find it")
    await first.call("find")
    await first.end("", { reason: "tool-calls" })
    await (await fixture.model.next()).send(reasoning("dangling"))
    const third = await fixture.ask("And?")
    expect(itemLines([...third.items])).toEqual([
      "user: Find it",
      "call call_find: find {}",
      'result call_find: {"success":true,"message":"done"}',
      "user: And?",
    ])
  })

  test("get five rounds, then the model must use words", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    fixture.conversation.hear("Find it")
    for (let round = 0; round < 5; round++) {
      const request = await fixture.model.next()
      expect(request.request.toolChoice).toBe("auto")
      await request.call("find", {}, `call_${round}`)
      await request.end("", { reason: "tool-calls" })
    }
    const last = await fixture.model.next()
    expect(last.request.toolChoice).toBe("none")
    await last.end("I give up.")
    expect(fixture.ran).toHaveLength(5)
    expect(fixture.transcript.at(-1)).toBe("agent: I give up.")
  })

  test("called without leave are not run; without a word there is an apology, and an end", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    fixture.conversation.hear("Find it")
    for (let round = 0; round < 6; round++) {
      const request = await fixture.model.next()
      await request.call("find", {}, `call_${round}`)
      await request.end("", { reason: "tool-calls" })
    }
    expect({ ran: fixture.ran.length, requests: fixture.model.requests.length }).toEqual({
      ran: 5,
      requests: 6,
    })
    expect(fixture.transcript.at(-1)).toBe("agent: Sorry.")
    expect(fixture.conversation.busy).toBe(false)
  })

  test("acts go out when the tool has run, before the words that follow", async () => {
    using fixture = new ConversationFixture({
      tools: { find: () => ok("sent", { type: "send-digits", digits: "1" }) },
    })
    const first = await fixture.ask("Press one")
    await first.say("Pressing.")
    await first.call("find")
    await first.end("", { reason: "tool-calls" })
    await (await fixture.model.next()).end("Pressed.")
    expect(fixture.output.take()).toEqual(["text Pressing.", "act send-digits", "text  Pressed.", "finish"])
  })

  test("the act of a tool that ran is carried out also when its answer was cut off", async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
    using fixture = new ConversationFixture({ tools: { find: () => promise } })
    const request = await fixture.ask("Press one")
    await request.say("Pressing")
    await request.call("find")
    fixture.conversation.interrupt("Press")
    resolve(ok("sent", { type: "send-digits", digits: "1" }))
    await settled()
    expect(fixture.output.take()).toEqual(["text Pressing", "interrupt", "act send-digits"])
  })

  test("their time is counted, and the answer that follows them too", async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
    using fixture = new ConversationFixture({ tools: { find: () => promise } })
    const first = await fixture.ask("Find it")
    fixture.clock.advance(100)
    await first.say("Let me look.")
    await first.call("find")
    await first.end("", { reason: "tool-calls" })
    fixture.clock.advance(700)
    resolve(ok())
    const second = await fixture.model.next()
    fixture.clock.advance(200)
    await second.end("Found.")
    expect(fixture.kept.at(-1)?.latency).toEqual({ firstTokenMs: 100, lastTokenMs: 1000, toolMs: 700 })
    expect(fixture.eventsOf("tool.finished")[0]).toMatchObject({ ok: true, tookMs: 700 })
  })
})

describe("a tool of an answer that was replaced", () => {
  test("is waited for, so that its result is in the next request", async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
    using fixture = new ConversationFixture({ tools: { find: () => promise } })
    const first = await fixture.ask("Find it")
    await first.call("find")
    fixture.conversation.hear("Quickly")
    fixture.clock.advance(1000)
    await settled()
    expect(fixture.model.requests).toHaveLength(1)
    resolve(ok("found"))
    const second = await fixture.model.next()
    expect(itemLines([...second.items]).slice(1)).toEqual([
      "call call_find: find {}",
      'result call_find: {"success":true,"message":"found"}',
      "user: Quickly",
    ])
    await second.end("Here.")
    expect(fixture.clock.sweep.size).toBe(0)
  })

  test("that takes long is shown as running, and later with its one result", async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>()
    using fixture = new ConversationFixture({ tools: { find: () => promise } })
    const first = await fixture.ask("Find it")
    await first.call("find")
    fixture.conversation.hear("Quickly")
    fixture.clock.advance(1500)
    const second = await fixture.model.next()
    expect(itemLines([...second.items])[2]).toContain("STILL_RUNNING")
    await second.end("It takes a while.")
    resolve(ok("found"))
    await settled()
    expect(fixture.items.filter((line) => line.startsWith("result"))).toEqual([
      'result call_find: {"success":true,"message":"found"}',
    ])
    expect(fixture.ran).toHaveLength(1)
  })

  test("is not waited for by an answer that is itself replaced", async () => {
    using fixture = new ConversationFixture({ tools: { find: () => new Promise(() => {}) } })
    await (await fixture.ask("Find it")).call("find")
    fixture.conversation.hear("Quickly")
    await settled()
    fixture.conversation.close()
    await settled()
    expect({ requests: fixture.model.requests.length, deadlines: fixture.clock.sweep.size }).toEqual({
      requests: 1,
      deadlines: 0,
    })
  })
})

describe("the end of the call by a tool", () => {
  const bye = () =>
    ok("ended", {
      type: "end-call",
      end: { reason: "agent-ended", detail: "", summary: "s" },
    })

  test("comes after the farewell is complete, and nothing is asked again", async () => {
    using fixture = new ConversationFixture({ tools: { find: bye } })
    const request = await fixture.ask("Bye")
    await request.say("Goodbye!")
    await request.call("find")
    await request.end("", { reason: "tool-calls" })
    expect(fixture.output.take()).toEqual(["text Goodbye!", "finish", "end agent-ended"])
    expect(fixture.model.requests).toHaveLength(1)
    fixture.conversation.hear("Wait")
    await settled()
    expect(fixture.model.requests).toHaveLength(1)
  })

  test("waits for words that follow the call in the same answer", async () => {
    using fixture = new ConversationFixture({ tools: { find: bye } })
    const request = await fixture.ask("Bye")
    await request.call("find")
    await request.end("Goodbye!")
    expect(fixture.output.take()).toEqual(["text Goodbye!", "finish", "end agent-ended"])
  })

  test("comes also when the caller cut the farewell off, and when the stream broke", async () => {
    using fixture = new ConversationFixture({ tools: { find: bye } })
    const request = await fixture.ask("Bye")
    await request.say("Goodbye and")
    await request.call("find")
    fixture.conversation.interrupt("Goodbye")
    await settled()
    expect(fixture.output.take()).toEqual(["text Goodbye and", "interrupt", "end agent-ended"])
    using other = new ConversationFixture({ tools: { find: bye } })
    const broken = await other.ask("Bye")
    await broken.call("find")
    await broken.breakOff()
    expect(other.output.take()).toEqual(["finish", "end agent-ended"])
  })

  test("does not come when the tool refused", async () => {
    using fixture = new ConversationFixture({
      tools: { find: () => ({ ok: false, code: "NO", message: "Not yet." }) },
    })
    const request = await fixture.ask("Bye")
    await request.call("find")
    await request.end("", { reason: "tool-calls" })
    await (await fixture.model.next()).end("Not yet.")
    expect(fixture.output.take()).toEqual(["text Not yet.", "finish"])
  })
})

function retryable() {
  return new ChatModelError("overloaded", { retryable: true, status: 503 })
}

function reasoning(item: string) {
  return { type: "opaque" as const, backEnd: "openai-responses", item }
}

describe("arguments that no model would take back", () => {
  test.each([
    ["cut off", "find", '{"what":"a key', "call c: find {}", []],
    ["encoded twice", "find", '"{\\"what\\":1}"', 'call c: find {"what":1}', ['find {"what":1}']],
    ["with a NUL", "find", '{"what":"a\\u0000"}', 'call c: find {"what":"a"}', ['find {"what":"a"}']],
    ["null", "find", "null", "call c: find {}", ["find {}"]],
    ["under a name with more than letters", "functions.find", "{}", "call c: find {}", ["find {}"]],
  ])("do not get into the history: %s", async (_, name, args, shown, ran) => {
    using fixture = new ConversationFixture({ tools: { find: () => ok() } })
    const request = await fixture.ask("Find it")
    await request.send({ type: "tool-call", callId: "c", name, arguments: args })
    await request.end("", { reason: "tool-calls" })
    const next = await fixture.model.next()
    expect(itemLines([...next.items])[1]).toBe(shown)
    expect(fixture.ran).toEqual(ran)
  })

  test("that were stored before are repaired when the conversation is resumed", () => {
    using first = new ConversationFixture()
    const { history } = first
    const reply = history.agent()
    const turn = history.toolCalled(reply, { callId: "c", name: "find", arguments: '{"what":' }, 0)
    history.toolFinished(turn, { output: "{}", ok: true, at: 0, tookMs: 1 })
    using again = new ConversationFixture({ turns: [turn] })
    expect(again.items).toEqual(["call c: find {}", "result c: {}"])
  })
})
