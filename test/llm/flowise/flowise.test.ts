import { describe, expect, test } from "bun:test"
import type { ChatPart } from "../../../src/llm/chat-model.ts"
import { createFlowiseModel, type FlowiseModelOptions } from "../../../src/llm/flowise/flowise.ts"
import { FakeFlowise, FLOW_ID, type FlowiseScript } from "../../fakes/fake-flowise.ts"
import { Gate } from "../../fakes/gate.ts"
import {
  agent,
  chatRequest,
  collect,
  END_CALL,
  never,
  rejection,
  SEND_DTMF,
  spoken,
  tool,
  user,
} from "../fixture.ts"

function modelAt(flowise: FakeFlowise, options: Partial<FlowiseModelOptions> = {}) {
  return createFlowiseModel({ baseUrl: flowise.baseUrl, flowId: FLOW_ID, ...options })
}

async function answerTo(
  script: FlowiseScript,
  request: Parameters<typeof chatRequest>[0] = {},
): Promise<ChatPart[]> {
  await using flowise = new FakeFlowise()
  flowise.enqueue(script)
  return await collect(modelAt(flowise).reply(chatRequest(request), never))
}

async function failureOf(script: FlowiseScript): Promise<unknown> {
  return rejection(answerTo(script))
}

/** Without the signs of life, which hold no words. */
const words = (parts: readonly ChatPart[]) => parts.filter((part) => part.type !== "text" || part.text !== "")

describe("request", () => {
  const items = [agent("Good morning."), user("Hello"), agent("Yes?"), user("A table")]
  const facts = { from: "+15550100001", firstname: "Ann" }

  async function requestsFor(options: Partial<FlowiseModelOptions>, conversationId = "CA1") {
    await using flowise = new FakeFlowise()
    const model = modelAt(flowise, options)
    const request = chatRequest({ items, facts, conversationId })
    await collect(model.reply(request, never))
    await collect(model.reply(request, never))
    return flowise.requests
  }

  test("each answer is a session of its own, with the history that was heard", async () => {
    const [first, second] = await requestsFor({})
    expect(first?.body).toEqual({
      question: "A table",
      streaming: true,
      chatId: expect.any(String),
      overrideConfig: { sessionId: first?.body.chatId ?? "", vars: facts },
      history: [
        { role: "apiMessage", content: "Good morning." },
        { role: "userMessage", content: "Hello" },
        { role: "apiMessage", content: "Yes?" },
      ],
    })
    expect(second?.body.chatId).not.toBe(first?.body.chatId)
    expect(first?.headers.get("authorization")).toBeNull()
  })

  test("with Flowise's memory the session is the call's and no history is sent", async () => {
    const [first, second] = await requestsFor({ memory: "flowise" })
    expect(first?.body).toEqual({
      question: "A table",
      streaming: true,
      chatId: expect.any(String),
      overrideConfig: { sessionId: "CA1", vars: facts },
    })
    expect(second?.body.overrideConfig.sessionId).toBe("CA1")
    expect(second?.body.chatId).not.toBe(first?.body.chatId)
  })

  test("instructions and key go along when they are configured", async () => {
    const [request] = await requestsFor({ systemMessage: true, apiKey: "key" })
    expect(request?.body.overrideConfig.systemMessage).toBe("You are a friendly voice.")
    expect(request?.headers.get("authorization")).toBe("Bearer key")
  })

  test("an address may end with the API's path", async () => {
    await using flowise = new FakeFlowise()
    const model = modelAt(flowise, { baseUrl: `${flowise.baseUrl}/api/v1/` })
    expect(spoken(await collect(model.reply(chatRequest(), never)))).toBe("Yes.")
  })

  test("a marker that was carried out and spoken of needs no request", async () => {
    await using flowise = new FakeFlowise()
    const done: Parameters<typeof chatRequest>[0] = {
      items: [
        user("Bye"),
        agent("Goodbye."),
        { type: "tool-call", callId: "a", name: "play-media", arguments: "{}" },
        { type: "tool-result", callId: "a", output: '{"success":true}' },
      ],
    }
    const parts = await collect(modelAt(flowise).reply(chatRequest(done), never))
    expect(parts).toEqual([{ type: "end", reason: "stop" }])
    expect(flowise.requests.length).toBe(0)
  })
})

describe("answer", () => {
  test("the first word, which comes as start too, is said once", async () => {
    expect(await answerTo({ tokens: ["Hel", "lo", " there."] })).toEqual([
      { type: "text", text: "Hel" },
      { type: "text", text: "lo" },
      { type: "text", text: " there." },
      { type: "end", reason: "stop", usage: { inputTokens: 20, cachedTokens: 0, outputTokens: 5 } },
    ])
  })

  test("thinking, nodes and tools are signs of life without words", async () => {
    const before = [
      { event: "agentFlowEvent", data: "INPROGRESS" },
      { event: "nextAgentFlow", data: { nodeId: "x" } },
      { event: "thinking", data: "Let me see" },
      { event: "usedTools", data: [] },
    ]
    const parts = await answerTo({ before, tokens: ["<think>hm</think>", "Yes."] })
    expect(parts.slice(0, 4)).toEqual(before.map(() => ({ type: "text", text: "" })))
    expect(spoken(parts)).toBe("Yes.")
  })

  test("a flow that cannot stream is read as well", async () => {
    const parts = await answerTo(
      { plain: { text: "Good day. [[end-call]]", chatId: "x" } },
      { tools: [END_CALL] },
    )
    expect(parts).toEqual([
      { type: "text", text: "Good day." },
      { type: "tool-call", callId: expect.any(String), name: "end-call", arguments: "{}" },
      { type: "end", reason: "tool-calls" },
    ])
  })

  const person = {
    ...tool("live-agent-handoff"),
    parameters: { type: "object", properties: { other: {}, summary: {} }, required: ["summary"] },
  }
  test.each([
    [
      "words become the first required argument",
      "[[live-agent-handoff: Ann wants a refund]]",
      { summary: "Ann wants a refund" },
    ],
    [
      "JSON is the arguments",
      '[[live-agent-handoff: {"summary":"x","other":1}]]',
      { summary: "x", other: 1 },
    ],
    ["a list is words", "[[live-agent-handoff: [1]. ]]", { summary: "[1]." }],
    ["no words, no arguments", "[[live-agent-handoff]]", {}],
  ])("%s", async (_, marker, expected) => {
    for (const tokens of [[`One moment. ${marker}`], `One moment. ${marker}`.split("")]) {
      const parts = words(await answerTo({ tokens }, { tools: [person] }))
      expect(spoken(parts)).toBe("One moment.")
      expect(parts.at(-2)).toMatchObject({ name: "live-agent-handoff", arguments: JSON.stringify(expected) })
      expect(parts.at(-1)).toMatchObject({ type: "end", reason: "tool-calls" })
    }
  })

  test.each([
    ["a tool that the agent does not have", { tools: [SEND_DTMF] }],
    ["a tool that may not be called now", { tools: [END_CALL], toolChoice: "none" }],
  ] as const)("a marker of %s is left out and calls nothing", async (_, request) => {
    const parts = await answerTo({ tokens: ["Bye. ", "[[end-call]]", " Really."] }, request)
    expect(spoken(parts)).toBe("Bye.  Really.")
    expect(parts.at(-1)).toMatchObject({ type: "end", reason: "stop" })
  })

  test("a marker alone is an answer", async () => {
    const parts = await answerTo({ tokens: ["\n[[end-call]]\n"] }, { tools: [END_CALL] })
    expect(parts.map(({ type }) => type)).toEqual(["tool-call", "end"])
  })
})

describe("failure", () => {
  const json = (status: number, message: string): FlowiseScript => ({
    http: {
      status,
      body: JSON.stringify({ statusCode: status, success: false, message, stack: "at secret" }),
    },
  })

  test.each([
    ["an error event", { tokens: ["Well"], ending: { error: "model says no" } }, true, /model says no/],
    ["a wrong key in the stream", { ending: { error: "Unauthorized" } }, false, /Unauthorized/],
    ["an agentflow that failed", { ending: { event: "agentFlowEvent", data: "ERROR" } }, true, /failed/],
    [
      "one that waits for a person",
      { ending: { event: "agentFlowEvent", data: "STOPPED" } },
      false,
      /decision/,
    ],
    ["one that was stopped", { ending: { event: "agentFlowEvent", data: "TERMINATED" } }, false, /stopped/],
    ["one that took too long", { ending: { event: "agentFlowEvent", data: "TIMEOUT" } }, true, /too long/],
    ["an abort by somebody else", { ending: { event: "abort", data: "[DONE]" } }, false, /stopped/],
    ["a stream without end", { tokens: ["Well"], ending: "closed" }, true, /broke off/],
    ["an answer without a word", { tokens: [] }, false, /without a word/],
    ["a plain answer without text", { plain: { json: { a: 1 } } }, false, /without a word/],
    ["a plain answer of another form", { plain: { text: 7 } }, true, /form/],
    ["a plain answer that is no JSON", { http: { status: 200, body: "oops" } }, true, /./],
    ["a page", { http: { status: 200, type: "text/html", body: "<html>" } }, true, /neither/],
    ["a bad field", json(400, "no"), false, /no/],
    [
      "a refused origin in plain text",
      { http: { status: 403, type: "text/plain", body: "no" } },
      false,
      /403/,
    ],
    ["a limit of the flow", json(429, "slow down"), true, /slow down/],
    ["a failure of the flow", json(500, "boom"), true, /boom/],
    ["a redirection", { http: { status: 302, body: "" } }, false, /302/],
  ] as const)("%s", async (_, script, retryable, message) => {
    const error = await failureOf(script)
    expect(error).toMatchObject({
      name: "ChatModelError",
      retryable,
      message: expect.stringMatching(message),
    })
    expect(String(error)).not.toContain("secret")
  })

  test("a server that is not there may be tried again", async () => {
    const flowise = new FakeFlowise()
    const model = modelAt(flowise)
    await flowise[Symbol.asyncDispose]()
    expect(await rejection(collect(model.reply(chatRequest(), never)))).toMatchObject({ retryable: true })
  })
})

describe("abort", () => {
  test("a request that hangs is closed, and the flow is stopped", async () => {
    await using flowise = new FakeFlowise()
    const controller = new AbortController()
    const parts = collect(
      modelAt(flowise, { flowId: "no-such-flow" }).reply(chatRequest(), controller.signal),
    )
    const request = await flowise.nextRequest()
    controller.abort()
    expect(await parts).toEqual([])
    expect(await request.closed).toBe("aborted")
    await flowise.stops(1)
    expect(flowise.stopped).toEqual([request.body.chatId])
  })

  test("an answer that is cut off stops its flow, and only that", async () => {
    const gate = new Gate()
    await using flowise = new FakeFlowise({ script: () => ({ tokens: ["One", " two"], pace: gate.pass }) })
    const model = modelAt(flowise)
    const controller = new AbortController()
    const cut = collect(model.reply(chatRequest(), controller.signal))
    await gate.reached()
    const whole = collect(model.reply(chatRequest(), never))
    const [first, second] = [await flowise.nextRequest(), await flowise.nextRequest()]
    controller.abort()
    await cut
    await flowise.stops(1)
    gate.openForever()
    expect(spoken(await whole)).toBe("One two")
    expect(flowise.stopped).toEqual([first.body.chatId])
    expect(second.body.chatId).not.toBe(first.body.chatId)
  })

  test("a broken connection stops the flow too, and a finished answer does not", async () => {
    await using flowise = new FakeFlowise()
    flowise.enqueue({ tokens: ["Yes."] }, { tokens: ["Well"], ending: "dropped" })
    const model = modelAt(flowise)
    await collect(model.reply(chatRequest(), never))
    await rejection(collect(model.reply(chatRequest(), never)))
    await flowise.stops(1)
    expect(flowise.stopped).toEqual([flowise.requests[1]?.body.chatId ?? ""])
  })
})
