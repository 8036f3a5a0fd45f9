/** Several messages at once, tools, failures and limits. */

import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { ChatModelError } from "../../src/llm/chat-model.ts"
import { defineTool, type SmsSender } from "../../src/tools/define-tool.ts"
import { builtinTools } from "../../src/tools/registry.ts"
import { settled } from "../fakes/scripted-model.ts"
import { rejection } from "../llm/samples.ts"
import { Bench, said } from "./bench.ts"

describe("several messages", () => {
  test("to one conversation are answered in their order, each with its own words", async () => {
    await using bench = await Bench.open()
    const { conversationId } = await bench.talk("Hello", "Hi.")
    const both = [bench.send("One", { conversationId }), bench.send("Two", { conversationId })]
    const one = await bench.model.next()
    await settled()
    expect(bench.model.requests.length).toBe(2)
    await one.end("Answer to one.")
    await (await bench.model.next()).end("Answer to two.")
    expect((await Promise.all(both)).map(({ response }) => response)).toEqual([
      "Answer to one.",
      "Answer to two.",
    ])
    expect((await bench.turns(conversationId)).slice(2)).toEqual([
      "caller: One",
      "agent: Answer to one.",
      "caller: Two",
      "agent: Answer to two.",
    ])
  })

  test("to several conversations do not wait for each other", async () => {
    await using bench = await Bench.open()
    const both = [bench.send("One"), bench.send("Two")]
    const [one, two] = [await bench.model.next(), await bench.model.next()]
    await two.end("2")
    await one.end("1")
    expect((await Promise.all(both)).map(({ response }) => response)).toEqual(["1", "2"])
    expect(bench.messenger.size).toBe(0)
  })

  test("beyond eight are refused", async () => {
    await using bench = await Bench.open()
    const { conversationId } = await bench.talk("Hello", "Hi.")
    const eight = Array.from({ length: 8 }, (_, n) => bench.send(`${n}`, { conversationId }))
    expect(await rejection(bench.send("9", { conversationId }))).toMatchObject({ code: "RATE_LIMITED" })
    for (const n of eight.keys()) await (await bench.model.next()).end(`answer ${n}`)
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
    await using bench = await Bench.open()
    const sent = bench.send("Please")
    const first = await bench.model.next()
    await first.call(name, args)
    await first.end("", { reason: "tool-calls" })
    const second = await bench.model.next()
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
    expect((await bench.talk("And on", "Yes.", { conversationId: answer.conversationId })).response).toBe(
      "Yes.",
    )
  })

  test("that the agent does not have are told so", async () => {
    await using bench = await Bench.open()
    const sent = bench.send("Please")
    const first = await bench.model.next()
    await first.call("change-context", { newContext: "defaultContext" })
    await first.end("", { reason: "tool-calls" })
    const second = await bench.model.next()
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
    await using bench = await Bench.open({ tools: [change] })
    const sent = bench.send("Please")
    const first = await bench.model.next()
    await first.call("change")
    await first.end("", { reason: "tool-calls" })
    const second = await bench.model.next()
    expect(second.items).toContainEqual(said("system", "Ann wants a table.") as never)
    await second.end("At what time?")
    const { conversationId } = await sent
    expect((await bench.messenger.read(conversationId, null)).parameters).toEqual({
      contextKey: "defaultContext",
    })
  })

  test("that send messages know how many went out before", async () => {
    const counts: number[] = []
    const sms = (sent: number): SmsSender => {
      counts.push(sent)
      return { send: (to) => Promise.resolve({ outcome: "sent", to, sid: "SM1", status: "queued" }) }
    }
    await using bench = await Bench.open({ sms, tools: builtinTools().values().toArray() })
    let conversationId: string | undefined
    for (const text of ["One", "Two"]) {
      const sent = bench.send(text, { conversationId })
      const first = await bench.model.next()
      await first.call("send-sms", { to: "+15550100001", message: text })
      await first.end("", { reason: "tool-calls" })
      await (await bench.model.next()).end("Sent.")
      conversationId = (await sent).conversationId
    }
    expect(counts).toEqual([0, 1])
  })
})

describe("failure", () => {
  test("keeps the message, so that it can be sent again", async () => {
    await using bench = await Bench.open()
    const sent = bench.send("Hello")
    const request = await bench.model.next()
    await request.say("Good")
    await request.fail(new ChatModelError("secret of the provider", { retryable: false }))
    const error = (await rejection(sent)) as { details: { conversationId: string } }
    expect(error).toMatchObject({ code: "UPSTREAM_FAILED", message: expect.not.stringContaining("secret") })
    const { conversationId } = error.details
    expect(await bench.turns(conversationId)).toEqual(["caller: Hello"])
    expect((await bench.talk("Hello", "Good day.", { conversationId })).response).toBe("Good day.")
    expect(bench.model.requests[1]?.items).toEqual([said("user", "Hello")] as never)
    expect(await bench.turns(conversationId)).toEqual(["caller: Hello", "agent: Good day."])
  })

  test("another message after it stands beside the first", async () => {
    await using bench = await Bench.open()
    const sent = bench.send("Hello")
    await (await bench.model.next()).fail(new ChatModelError("no", { retryable: false }))
    const { conversationId } = ((await rejection(sent)) as { details: { conversationId: string } }).details
    await bench.talk("Are you there?", "Yes.", { conversationId })
    expect(await bench.turns(conversationId)).toEqual([
      "caller: Hello",
      "caller: Are you there?",
      "agent: Yes.",
    ])
  })

  test("after a tool ran, what it did is kept", async () => {
    await using bench = await Bench.open()
    const sent = bench.send("Please")
    const first = await bench.model.next()
    await first.call("send-dtmf", { dtmfDigit: "1" })
    await first.end("", { reason: "tool-calls" })
    await (await bench.model.next()).fail(new ChatModelError("no", { retryable: false }))
    const { conversationId } = ((await rejection(sent)) as { details: { conversationId: string } }).details
    expect(await bench.turns(conversationId)).toEqual([
      "caller: Please",
      expect.stringMatching(/^tool send-dtmf \{"success":true/),
    ])
  })

  test("one that can be repeated is, without a word to the sender", async () => {
    await using bench = await Bench.open()
    const sent = bench.send("Hello")
    await (await bench.model.next()).fail(new ChatModelError("busy", { retryable: true }))
    await (await bench.model.next()).end("Good day.")
    expect((await sent).response).toBe("Good day.")
  })

  test("a model that goes on without end is cut off at the limit", async () => {
    await using bench = await Bench.open()
    const sent = rejection(bench.send("Hello"))
    const request = await bench.model.next()
    await request.say("Well, ")
    bench.clock.advance(40_000)
    await request.say("you see, ")
    bench.clock.advance(20_000)
    const error = (await sent) as { details: { conversationId: string } }
    expect(error).toMatchObject({ code: "UPSTREAM_FAILED", message: expect.stringContaining("too long") })
    await settled()
    expect(request.aborted).toBe(true)
    expect(await bench.turns(error.details.conversationId)).toEqual(["caller: Hello"])
    expect(bench.messenger.size).toBe(0)
  })

  test("the limit counts the waiting too, and what was not reached is not kept", async () => {
    await using bench = await Bench.open()
    const { conversationId } = await bench.talk("Hello", "Hi.")
    const sent = [
      rejection(bench.send("One", { conversationId })),
      rejection(bench.send("Two", { conversationId })),
    ]
    await bench.model.next()
    bench.clock.advance(60_000)
    expect((await Promise.all(sent)).map((error) => (error as { code: string }).code)).toEqual([
      "UPSTREAM_FAILED",
      "UPSTREAM_FAILED",
    ])
    await settled()
    expect((await bench.turns(conversationId)).slice(2)).toEqual(["caller: One"])
    expect(bench.model.requests.length).toBe(2)
  })
})

test("a server that shuts down takes no message, and cuts off what runs", async () => {
  await using bench = await Bench.open()
  const sent = rejection(bench.send("Hello"))
  const request = await bench.model.next()
  bench.draining = true
  expect(await rejection(bench.send("Hello"))).toMatchObject({ code: "UNAVAILABLE" })
  bench.messenger.close()
  bench.messenger.close()
  expect(await sent).toMatchObject({ code: "UNAVAILABLE" })
  expect(request.aborted).toBe(true)
})
