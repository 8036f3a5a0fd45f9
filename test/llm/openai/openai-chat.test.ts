import { describe, expect, test } from "bun:test"
import { openAiSource } from "../../../src/llm/openai/openai-client.ts"
import {
  createChatCompletionsModel,
  type ChatCompletionsModelOptions,
} from "../../../src/llm/openai/openai-chat.ts"
import { FakeOpenAi } from "../../fakes/fake-openai.ts"
import { Gate } from "../../fakes/gate.ts"
import { httpError, says, type Script } from "../../fakes/openai-script.ts"
import { agent, chatRequest, collect, END_CALL, never, note, SEND_DTMF, spoken, user } from "../fixture.ts"

function modelAt(openai: FakeOpenAi, options: Partial<ChatCompletionsModelOptions> = {}) {
  return createChatCompletionsModel({ baseUrl: openai.baseUrl, model: "llama", ...options })
}

async function answerTo(script: Script, request: Parameters<typeof chatRequest>[0] = {}) {
  await using openai = new FakeOpenAi()
  openai.enqueue(script)
  return await collect(modelAt(openai).reply(chatRequest(request), never)).catch((error: unknown) => error)
}

async function requestFor(
  request: Parameters<typeof chatRequest>[0],
  options?: Partial<ChatCompletionsModelOptions>,
) {
  await using openai = new FakeOpenAi({ script: () => says("Yes.") })
  await collect(modelAt(openai, options).reply(chatRequest(request), never))
  return openai.requests[0]
}

/** A model that believes to speak with OpenAI itself. */
function atOpenAi(openai: FakeOpenAi, options: Partial<ChatCompletionsModelOptions> = {}) {
  const client = openAiSource({ apiKey: "sk-test", baseUrl: openai.baseUrl })
  return createChatCompletionsModel({ apiKey: "sk-test", model: "gpt-6-luna", client, ...options })
}

const chunk = (delta: unknown, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
})

const call = (id: string, name: string, args: string) => ({
  id,
  type: "function",
  function: { name, arguments: args },
})

describe("request", () => {
  test("only what every server knows is sent by default", async () => {
    expect((await requestFor({}))?.body).toEqual({
      model: "llama",
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: "system", content: "You are a friendly voice." },
        { role: "user", content: "Hello" },
      ],
    })
  })

  test("what is configured is sent, with the older name of the limit", async () => {
    const settings = {
      temperature: 0.2,
      maxOutputTokens: 90,
      reasoningEffort: "low",
      verbosity: "low",
    } as const
    expect((await requestFor({}, settings))?.body).toMatchObject({
      temperature: 0.2,
      max_tokens: 90,
      reasoning_effort: "low",
      verbosity: "low",
    })
  })

  test("OpenAI itself gets its own fields", async () => {
    await using openai = new FakeOpenAi({ script: () => says("Yes.") })
    const request = chatRequest({ tools: [SEND_DTMF], toolChoice: "none" })
    await collect(atOpenAi(openai, { maxOutputTokens: 90 }).reply(request, never))
    expect(openai.requests[0]?.body).toMatchObject({
      max_completion_tokens: 90,
      reasoning_effort: "none",
      verbosity: "low",
      prompt_cache_key: "agent-1",
      tools: [{ type: "function", function: { name: "send-dtmf", strict: true } }],
      tool_choice: "none",
      parallel_tool_calls: true,
    })
  })

  test("history becomes messages, calls that stand together one of them", async () => {
    const request = await requestFor({
      items: [
        note("The caller is Anna."),
        user("Press 1 and 2"),
        agent("One moment.", "commentary"),
        { type: "opaque", backEnd: "openai-responses", item: {} },
        { type: "tool-call", callId: "a", name: "send-dtmf", arguments: '{"dtmfDigit":"1"}' },
        { type: "tool-call", callId: "b", name: "send-dtmf", arguments: '{"dtmfDigit":"2"}' },
        { type: "tool-result", callId: "a", output: "yes" },
        { type: "tool-result", callId: "b", output: "no" },
        { type: "tool-call", callId: "c", name: "end-call", arguments: "{}" },
        { type: "tool-result", callId: "c", output: "ended" },
      ],
      tools: [END_CALL],
    })
    expect(request?.body["messages"]).toEqual([
      { role: "system", content: "You are a friendly voice." },
      { role: "system", content: "The caller is Anna." },
      { role: "user", content: "Press 1 and 2" },
      {
        role: "assistant",
        content: "One moment.",
        tool_calls: [
          call("a", "send-dtmf", '{"dtmfDigit":"1"}'),
          call("b", "send-dtmf", '{"dtmfDigit":"2"}'),
        ],
      },
      { role: "tool", tool_call_id: "a", content: "yes" },
      { role: "tool", tool_call_id: "b", content: "no" },
      { role: "assistant", content: null, tool_calls: [call("c", "end-call", "{}")] },
      { role: "tool", tool_call_id: "c", content: "ended" },
    ])
    expect(request?.body["tools"]).toEqual([
      {
        type: "function",
        function: { name: "end-call", description: "Ends the call", parameters: END_CALL.parameters },
      },
    ])
  })

  test("tools that may not be used are not offered, because many servers ignore the choice", async () => {
    const request = await requestFor({ tools: [SEND_DTMF], toolChoice: "none" })
    expect(Object.keys(request?.body ?? {})).toEqual(["model", "stream", "messages", "stream_options"])
  })

  test.each([
    ["no key, no header", undefined, null],
    ["any key is sent", "local", "Bearer local"],
  ])("%s", async (_, apiKey, expected) => {
    expect((await requestFor({}, { apiKey }))?.headers.get("authorization")).toBe(expected)
  })

  test("a server that refuses to count is asked again without, and not bothered later", async () => {
    const refusal: Script = { http: { status: 400, message: "Unrecognized field: stream_options" } }
    await using openai = new FakeOpenAi()
    openai.enqueue(refusal, says("Hi."), says("Hi."))
    const model = modelAt(openai)
    expect(spoken(await collect(model.reply(chatRequest(), never)))).toBe("Hi.")
    expect(spoken(await collect(model.reply(chatRequest(), never)))).toBe("Hi.")
    expect(openai.requests.map(({ body }) => "stream_options" in body)).toEqual([true, false, false])
  })
})

describe("answer", () => {
  const usage = { inputTokens: 120, cachedTokens: 64, outputTokens: 12 }

  test("text comes in pieces, calls at the end, with usage", async () => {
    const script: Script = {
      steps: [
        { say: ["One ", "moment."] },
        { call: "send-dtmf", arguments: { dtmfDigit: "1" }, callId: "a" },
        { call: "end-call", arguments: {}, callId: "b" },
      ],
    }
    expect(await answerTo(script)).toEqual([
      { type: "text", text: "One " },
      { type: "text", text: "moment." },
      { type: "tool-call", callId: "a", name: "send-dtmf", arguments: '{"dtmfDigit":"1"}' },
      { type: "tool-call", callId: "b", name: "end-call", arguments: "{}" },
      { type: "end", reason: "tool-calls", usage },
    ])
  })

  test.each([
    ["no [DONE]", { ...says("Hi."), done: false }],
    ["no usage", { ...says("Hi."), usage: null }],
    [
      "broken usage",
      {
        steps: [{ say: ["Hi."] }, { event: { choices: [], usage: { prompt_tokens: "many" } } }],
        usage: null,
      },
    ],
    [
      "chunks without choices or delta",
      { steps: [{ event: {} }, { event: { choices: null } }, { event: chunk(null) }, { say: ["Hi."] }] },
    ],
    ["unknown fields", { steps: [{ event: { ...chunk({ content: "Hi.", audio: 5 }), x_groq: {} } }] }],
    ["a refusal", { steps: [{ refuse: ["Hi."] }] }],
    [
      "content as a list of parts, some of them reasoning",
      {
        steps: [
          { event: chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] }) },
          { event: chunk({ content: [{ type: "text", text: "H" }, "i", { type: "image_url" }] }) },
          { say: ["."] },
        ],
      },
    ],
    [
      "a whole message in place of pieces",
      { steps: [{ event: { choices: [{ message: { content: "Hi." } }] } }] },
    ],
    ["comments that keep the connection open", { steps: [{ raw: ": keep-alive\n\n" }, { say: ["Hi."] }] }],
    [
      "events with Windows line ends",
      { steps: [{ raw: `data: ${JSON.stringify(chunk({ content: "Hi." }))}\r\n\r\n` }] },
    ],
    ["no reason for the end, but its mark", { ...says("Hi."), finishReason: null }],
    ["reasoning in a field of its own", { steps: [{ reason: ["hm ", "hm"] }, { say: ["Hi."] }] }],
    ["reasoning between tags", { steps: [{ say: ["<think>hm</think>\n\nHi."] }] }],
    [
      "tags cut anywhere",
      { steps: [{ say: ["<", "th", "ink", ">h", "m<", "/thi", "nk", ">", "\n", "Hi."] }] },
    ],
    ["reasoning that never ends", { steps: [{ say: ["Hi.", "<think>", "hm"] }] }],
  ] as const satisfies readonly (readonly [string, Script])[])("tolerates %s", async (_, script) => {
    const parts = await answerTo(script)
    if (!Array.isArray(parts)) throw parts
    expect(spoken(parts)).toBe("Hi.")
    expect(parts.at(-1)).toMatchObject({ type: "end", reason: "stop" })
  })

  test.each([
    ["a call in one chunk", [{ index: 0, id: "a", function: { name: "end-call", arguments: '{"x":1}' } }]],
    ["no index", [{ id: "a", function: { name: "end-call", arguments: '{"x":1}' } }]],
    ["no type and no fields but these", [{ function: { name: "end-call", arguments: '{"x":1}' } }]],
    ["arguments as an object", [{ index: 0, id: "a", function: { name: "end-call", arguments: { x: 1 } } }]],
  ])("tolerates %s", async (_, calls) => {
    const parts = await answerTo({ steps: [{ event: chunk({ tool_calls: calls }) }], finishReason: "stop" })
    expect(parts).toEqual([
      {
        type: "tool-call",
        callId: expect.stringMatching(/^(a|call_[0-9a-f-]{36})$/),
        name: "end-call",
        arguments: '{"x":1}',
      },
      { type: "end", reason: "tool-calls", usage },
    ])
  })

  test("a connection that breaks after the answer is complete does no harm", async () => {
    await using openai = new FakeOpenAi()
    const gate = new Gate()
    openai.enqueue({
      steps: [{ event: chunk({ content: "Hi." }, "stop") }, { wait: gate.pass() }],
      ending: "dropped",
    })
    const parts = modelAt(openai).reply(chatRequest(), never)[Symbol.asyncIterator]()
    expect((await parts.next()).value).toEqual({ type: "text", text: "Hi." })
    const end = parts.next()
    gate.open()
    expect((await end).value).toEqual({ type: "end", reason: "stop" })
  })

  test("an id that the conversation already knows is replaced", async () => {
    const items = [
      user("Bye"),
      { type: "tool-call", callId: "call_0", name: "end-call", arguments: "{}" } as const,
      { type: "tool-result", callId: "call_0", output: "{}" } as const,
    ]
    const parts = await answerTo(
      { steps: [{ call: "end-call", arguments: {}, callId: "call_0" }] },
      { items },
    )
    expect(parts).toMatchObject([{ callId: expect.stringMatching(/^call_[0-9a-f-]{36}$/) }, { type: "end" }])
  })

  test("a call although none was wanted is left out", async () => {
    const script: Script = { steps: [{ say: ["Well."] }, { call: "end-call", arguments: {} }] }
    const parts = await answerTo(script, { tools: [END_CALL], toolChoice: "none" })
    expect(parts).toEqual([
      { type: "text", text: "Well." },
      { type: "end", reason: "stop", usage },
    ])
  })

  test.each([
    ["max_output_tokens", "length"],
    ["content_filter", "filtered"],
  ])("cut by %s it ends as %s, without a call that is not whole", async (reason, expected) => {
    const script: Script = {
      steps: [{ say: ["Well"] }, { call: "end-call", arguments: '{"conv' }],
      ending: { incomplete: reason },
    }
    expect(await answerTo(script)).toEqual([
      { type: "text", text: "Well" },
      { type: "end", reason: expected, usage },
    ])
  })
})

describe("failure", () => {
  test.each([
    ["no finish reason", { ...says("Hi"), ending: "closed" }, true],
    ["a connection that breaks", { ...says("Hi"), ending: "dropped" }, true],
    [
      "an error in the stream",
      { ...says("Hi"), ending: { error: { code: "server_error", message: "?" } } },
      true,
    ],
    [
      "an error with a status as its code",
      { steps: [{ event: { error: { code: 400, message: "?" } } }] },
      false,
    ],
    ["an error in words alone", { steps: [{ event: { error: "out of memory" } }] }, true],
    [
      "an error without a wrapper",
      { steps: [{ say: ["Hi"] }, { event: { object: "error", message: "?", code: 400 } }] },
      false,
    ],
    ["a server that gave up", { ...says("Hi"), finishReason: "insufficient_system_resource" }, true],
    ["an end mark after nothing", { steps: [], finishReason: null }, true],
    ["garbage", { steps: [{ raw: "data: <html>\n\n" }] }, true],
    ["a chunk that is none", { steps: [{ event: [1, 2] }] }, true],
    ["content that is no text", { steps: [{ event: chunk({ content: 7 }) }] }, true],
    ["arguments without end", { steps: [{ call: "end-call", arguments: "x".repeat(800_000) }] }, true],
    ["an unknown model", httpError(404, "model_not_found"), false],
    ["a spent account", httpError(429, "insufficient_quota"), false],
    ["a busy server", httpError(503, "overloaded"), true],
  ] as const satisfies readonly (readonly [string, Script, boolean])[])(
    "%s",
    async (_, script, retryable) => {
      expect(await answerTo(script)).toMatchObject({ name: "ChatModelError", retryable })
    },
  )
})
