/** Several messages at once, tools, failures and limits. */

import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { ChatModelError } from "../../src/llm/chat-model.ts"
import { defineTool, type SmsSender } from "../../src/tools/define-tool.ts"
import { builtinTools } from "../../src/tools/registry.ts"
import { settled } from "../fakes/scripted-model.ts"
import { rejection } from "../llm/fixture.ts"
import { MessengerFixture, said } from "./messenger-fixture.ts"

describe("several messages", () => {
  test("to one conversation are answered in their order, each with its own words", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.")
    const both = [fixture.send("One", { conversationId }), fixture.send("Two", { conversationId })]
    const one = await fixture.model.next()
    await settled()
    expect(fixture.model.requests.length).toBe(2)
    await one.end("Answer to one.")
    await (await fixture.model.next()).end("Answer to two.")
    expect((await Promise.all(both)).map(({ response }) => response)).toEqual([
      "Answer to one.",
      "Answer to two.",
    ])
    expect((await fixture.turns(conversationId)).slice(2)).toEqual([
      "caller: One",
      "agent: Answer to one.",
      "caller: Two",
      "agent: Answer to two.",
    ])
  })

  test("to several conversations do not wait for each other", async () => {
    await using fixture = await MessengerFixture.open()
    const both = [fixture.send("One"), fixture.send("Two")]
    const [one, two] = [await fixture.model.next(), await fixture.model.next()]
    await two.end("2")
    await one.end("1")
    expect((await Promise.all(both)).map(({ response }) => response)).toEqual(["1", "2"])
    expect(fixture.messenger.size).toBe(0)
  })

  test("beyond eight are refused", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.")
    const eight = Array.from({ length: 8 }, (_, n) => fixture.send(`${n}`, { conversationId }))
    expect(await rejection(fixture.send("9", { conversationId }))).toMatchObject({ code: "RATE_LIMITED" })
    for (const n of eight.keys()) await (await fixture.model.next()).end(`answer ${n}`)
    expect((await Promise.all(eight)).at(-1)?.response).toBe("answer 7")
  })
})

describe("tools", () => {
  test.each([
    ["end-call", { conversationSummary: "done" }, "agent"],
    ["send-dtmf", { dtmfDigit: "1" }, undefined],
    ["switch-language", { ttsLanguage: "es-ES" }, undefined],
    ["play-media", { source: "https://example.com/a.mp3" }, undefined],
  ] as const)("%s runs, has no effect, and the answer still comes", async (name, args, endedBy) => {
    await using fixture = await MessengerFixture.open()
    const sent = fixture.send("Please")
    const first = await fixture.model.next()
    await first.call(name, args)
    await first.end("", { reason: "tool-calls" })
    const second = await fixture.model.next()
    expect(second.items.at(-1)).toMatchObject({
      type: "tool-result",
      output: expect.stringContaining('"success":true'),
    })
    await second.end("There you are.")
    const answer = await sent
    expect(answer).toEqual({
      conversationId: answer.conversationId,
      response: "There you are.",
      created: true,
      ...(endedBy ? { endedBy } : {}),
    })
    expect((await fixture.talk("And on", "Yes.", { conversationId: answer.conversationId })).response).toBe(
      "Yes.",
    )
  })

  test("that the agent does not have are refused", async () => {
    await using fixture = await MessengerFixture.open()
    const sent = fixture.send("Please")
    const first = await fixture.model.next()
    await first.call("change-context", { newContext: "defaultContext" })
    await first.end("", { reason: "tool-calls" })
    const second = await fixture.model.next()
    expect(second.items.at(-1)).toMatchObject({ output: expect.stringContaining("UNKNOWN_TOOL") })
    await second.end("I cannot.")
    expect((await sent).response).toBe("I cannot.")
  })

  test("may give the conversation another role, from the next request on", async () => {
    const change = defineTool({
      name: "change",
      parameters: z.object({}),
      run: () => ({
        ok: true,
        value: { message: "changed" },
        action: { type: "change-context", contextKey: "defaultContext", summary: "Ann wants a table." },
      }),
    })
    await using fixture = await MessengerFixture.open({ tools: [change] })
    const sent = fixture.send("Please")
    const first = await fixture.model.next()
    await first.call("change")
    await first.end("", { reason: "tool-calls" })
    const second = await fixture.model.next()
    expect(second.items).toContainEqual(said("system", "Ann wants a table.") as never)
    await second.end("At what time?")
    const { conversationId } = await sent
    expect((await fixture.messenger.read(conversationId, null)).parameters).toEqual({
      contextKey: "defaultContext",
    })
  })

  test("that send messages know how many went out before", async () => {
    const counts: number[] = []
    const sms = (sent: number): SmsSender => {
      counts.push(sent)
      return { send: (to) => Promise.resolve({ outcome: "sent", to, sid: "SM1", status: "queued" }) }
    }
    await using fixture = await MessengerFixture.open({ sms, tools: builtinTools().values().toArray() })
    let conversationId: string | undefined
    for (const text of ["One", "Two"]) {
      const sent = fixture.send(text, { conversationId })
      const first = await fixture.model.next()
      await first.call("send-sms", { to: "+15550100001", message: text })
      await first.end("", { reason: "tool-calls" })
      await (await fixture.model.next()).end("Sent.")
      conversationId = (await sent).conversationId
    }
    expect(counts).toEqual([0, 1])
  })
})

describe("failure", () => {
  test("keeps the message, so that it can be sent again", async () => {
    await using fixture = await MessengerFixture.open()
    const sent = fixture.send("Hello")
    const request = await fixture.model.next()
    await request.say("Good")
    await request.fail(new ChatModelError("secret of the provider", { retryable: false }))
    const error = (await rejection(sent)) as { details: [{ value: string }] }
    expect(error).toMatchObject({ code: "UPSTREAM_FAILED", message: expect.not.stringContaining("secret") })
    const [{ value: conversationId }] = error.details
    expect(await fixture.turns(conversationId)).toEqual(["caller: Hello"])
    expect((await fixture.talk("Hello", "Good day.", { conversationId })).response).toBe("Good day.")
    expect(fixture.model.requests[1]?.items).toEqual([said("user", "Hello")] as never)
    expect(await fixture.turns(conversationId)).toEqual(["caller: Hello", "agent: Good day."])
  })

  test("another message after it stands beside the first", async () => {
    await using fixture = await MessengerFixture.open()
    const sent = fixture.send("Hello")
    await (await fixture.model.next()).fail(new ChatModelError("no", { retryable: false }))
    const [{ value: conversationId }] = ((await rejection(sent)) as { details: [{ value: string }] }).details
    await fixture.talk("Are you there?", "Yes.", { conversationId })
    expect(await fixture.turns(conversationId)).toEqual([
      "caller: Hello",
      "caller: Are you there?",
      "agent: Yes.",
    ])
  })

  test("after a tool ran, what it did is kept", async () => {
    await using fixture = await MessengerFixture.open()
    const sent = fixture.send("Please")
    const first = await fixture.model.next()
    await first.call("send-dtmf", { dtmfDigit: "1" })
    await first.end("", { reason: "tool-calls" })
    await (await fixture.model.next()).fail(new ChatModelError("no", { retryable: false }))
    const [{ value: conversationId }] = ((await rejection(sent)) as { details: [{ value: string }] }).details
    expect(await fixture.turns(conversationId)).toEqual([
      "caller: Please",
      expect.stringMatching(/^tool send-dtmf \{"success":true/),
    ])
  })

  test("one that can be repeated is, without a word to the sender", async () => {
    await using fixture = await MessengerFixture.open()
    const sent = fixture.send("Hello")
    await (await fixture.model.next()).fail(new ChatModelError("busy", { retryable: true }))
    await (await fixture.model.next()).end("Good day.")
    expect((await sent).response).toBe("Good day.")
  })

  test("a model that continues without end is cut off at the limit", async () => {
    await using fixture = await MessengerFixture.open()
    const sent = rejection(fixture.send("Hello"))
    const request = await fixture.model.next()
    await request.say("Well, ")
    fixture.clock.advance(40_000)
    await request.say("you see, ")
    fixture.clock.advance(20_000)
    const error = (await sent) as { details: [{ value: string }] }
    expect(error).toMatchObject({ code: "UPSTREAM_FAILED", message: expect.stringContaining("too long") })
    await settled()
    expect(request.aborted).toBe(true)
    expect(await fixture.turns(error.details[0].value)).toEqual(["caller: Hello"])
    expect(fixture.messenger.size).toBe(0)
  })

  test("the limit counts the waiting too, and what was not reached is not kept", async () => {
    await using fixture = await MessengerFixture.open()
    const { conversationId } = await fixture.talk("Hello", "Hi.")
    const sent = [
      rejection(fixture.send("One", { conversationId })),
      rejection(fixture.send("Two", { conversationId })),
    ]
    await fixture.model.next()
    fixture.clock.advance(60_000)
    expect((await Promise.all(sent)).map((error) => (error as { code: string }).code)).toEqual([
      "UPSTREAM_FAILED",
      "UPSTREAM_FAILED",
    ])
    await settled()
    expect((await fixture.turns(conversationId)).slice(2)).toEqual(["caller: One"])
    expect(fixture.model.requests.length).toBe(2)
  })
})

test("a server that shuts down takes no message, and cuts off what runs", async () => {
  await using fixture = await MessengerFixture.open()
  const sent = rejection(fixture.send("Hello"))
  const request = await fixture.model.next()
  fixture.draining = true
  expect(await rejection(fixture.send("Hello"))).toMatchObject({ code: "UNAVAILABLE" })
  fixture.messenger.close()
  fixture.messenger.close()
  expect(await sent).toMatchObject({ code: "UNAVAILABLE" })
  expect(request.aborted).toBe(true)
})
