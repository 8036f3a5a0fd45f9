import { describe, expect, test } from "bun:test"
import { createResponsesModel, type ResponsesModelOptions } from "../../../src/llm/openai/openai-responses.ts"
import { FakeOpenAi } from "../../fakes/fake-openai.ts"
import { Gate } from "../../fakes/gate.ts"
import { says, type Script } from "../../fakes/openai-script.ts"
import { agent, chatRequest, collect, END_CALL, never, note, SEND_DTMF, spoken, user } from "../fixture.ts"

function modelAt(openai: FakeOpenAi, options: Partial<ResponsesModelOptions> = {}) {
  return createResponsesModel({ apiKey: "sk-test", baseUrl: openai.baseUrl, model: "gpt-6-luna", ...options })
}

/** The parts of the answer to a plain request, or the error. */
async function answerTo(script: Script, options?: Partial<ResponsesModelOptions>) {
  await using openai = new FakeOpenAi()
  openai.enqueue(script)
  return await collect(modelAt(openai, options).reply(chatRequest(), never)).catch((error: unknown) => error)
}

async function bodyFor(request: Parameters<typeof chatRequest>[0], options?: Partial<ResponsesModelOptions>) {
  await using openai = new FakeOpenAi({ script: () => says("Yes.") })
  await collect(modelAt(openai, options).reply(chatRequest(request), never))
  return openai.requests[0]?.body
}

describe("request", () => {
  test("it is stateless, streamed, without padding, and quick by default", async () => {
    expect(await bodyFor({})).toEqual({
      model: "gpt-6-luna",
      stream: true,
      store: false,
      stream_options: { include_obfuscation: false },
      reasoning: { effort: "none" },
      text: { verbosity: "low" },
      instructions: "You are a friendly voice.",
      input: [{ type: "message", role: "user", content: "Hello" }],
      prompt_cache_key: "agent-1",
      safety_identifier: "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    })
  })

  test("history goes whole and in order, with phases, and with nothing that is empty or another's", async () => {
    const body = await bodyFor({
      instructions: "",
      items: [
        note("The caller is Anna."),
        user("Press 1"),
        agent("One moment.", "commentary"),
        { type: "opaque", backEnd: "openai-responses", item: { type: "reasoning", id: "rs_1", summary: [] } },
        { type: "opaque", backEnd: "another", item: { type: "reasoning", id: "rs_2", summary: [] } },
        { type: "tool-call", callId: "call_1", name: "send-dtmf", arguments: '{"dtmfDigit":"1"}' },
        { type: "tool-result", callId: "call_1", output: '{"success":true}' },
        agent(""),
        agent("Done."),
        user("Thanks"),
      ],
    })
    expect(body?.["input"]).toEqual([
      { type: "message", role: "system", content: "The caller is Anna." },
      { type: "message", role: "user", content: "Press 1" },
      { type: "message", role: "assistant", content: "One moment.", phase: "commentary" },
      { type: "reasoning", id: "rs_1", summary: [] },
      { type: "function_call", call_id: "call_1", name: "send-dtmf", arguments: '{"dtmfDigit":"1"}' },
      { type: "function_call_output", call_id: "call_1", output: '{"success":true}' },
      { type: "message", role: "assistant", content: "Done." },
      { type: "message", role: "user", content: "Thanks" },
    ])
    expect(body).not.toHaveProperty("instructions")
  })

  test("tools are flat and say whether they are strict", async () => {
    const body = await bodyFor({ tools: [SEND_DTMF, END_CALL], toolChoice: "none" })
    expect(body).toMatchObject({
      tools: [
        { type: "function", name: "send-dtmf", parameters: SEND_DTMF.parameters, strict: true },
        { type: "function", name: "end-call", parameters: END_CALL.parameters, strict: false },
      ],
      tool_choice: "none",
      parallel_tool_calls: true,
    })
  })

  test.each([
    [
      "what is configured is sent",
      "gpt-6-luna",
      { temperature: 0.4, maxOutputTokens: 300 },
      { temperature: 0.4, max_output_tokens: 300 },
    ],
    [
      "a limit below the API's own is raised to it",
      "gpt-6-luna",
      { maxOutputTokens: 5 },
      { max_output_tokens: 16 },
    ],
    [
      "reasoning is asked back when there is some",
      "gpt-6.1-sol",
      { reasoningEffort: "low", verbosity: "medium" },
      {
        reasoning: { effort: "low" },
        text: { verbosity: "medium" },
        include: ["reasoning.encrypted_content"],
      },
    ],
    ["the largest model knows no effort none", "gpt-6-astra", {}, { reasoning: { effort: "low" } }],
    [
      "undefined is not configured",
      "gpt-6-luna",
      { reasoningEffort: undefined },
      { reasoning: { effort: "none" } },
    ],
  ] as const)("%s", async (_, model, settings, expected) => {
    expect(await bodyFor({}, { model, ...settings })).toMatchObject(expected)
  })

  test.each(["gpt-4.1-mini", "gpt-5.3-chat-latest", "llama-4", "openai/gpt-oss"])(
    "%s gets nothing it may not know",
    async (model) => {
      const body = await bodyFor({}, { model })
      expect(Object.keys(body ?? {})).not.toContainAnyValues([
        "reasoning",
        "text",
        "include",
        "temperature",
        "max_output_tokens",
      ])
    },
  )

  test("the key goes into the header, and nothing comes from the environment", async () => {
    await using openai = new FakeOpenAi({ script: () => says("Yes.") })
    process.env["OPENAI_ORG_ID"] = "org-environment"
    await collect(modelAt(openai).reply(chatRequest(), never)).finally(
      () => delete process.env["OPENAI_ORG_ID"],
    )
    const headers = openai.requests[0]?.headers
    expect(headers?.get("authorization")).toBe("Bearer sk-test")
    expect(headers?.get("openai-organization")).toBeNull()
  })
})

describe("answer", () => {
  const usage = { inputTokens: 120, cachedTokens: 64, outputTokens: 12 }

  test("text comes with its phase, and the end with usage", async () => {
    const script: Script = {
      steps: [{ say: ["Let me ", "look."], phase: "commentary" }, { say: ["Found it."] }],
    }
    expect(await answerTo(script)).toEqual([
      { type: "text", text: "Let me ", phase: "commentary" },
      { type: "text", text: "look.", phase: "commentary" },
      { type: "text", text: "Found it." },
      { type: "end", reason: "stop", usage },
    ])
  })

  test("calls are read whole, several in one answer, after words", async () => {
    const script: Script = {
      steps: [
        { say: ["One moment."] },
        { call: "send-dtmf", arguments: { dtmfDigit: "1" }, callId: "call_a" },
        { call: "end-call", arguments: "", callId: "call_b" },
      ],
    }
    expect(await answerTo(script)).toEqual([
      { type: "text", text: "One moment." },
      { type: "tool-call", callId: "call_a", name: "send-dtmf", arguments: '{"dtmfDigit":"1"}' },
      { type: "tool-call", callId: "call_b", name: "end-call", arguments: "{}" },
      { type: "end", reason: "tool-calls", usage },
    ])
  })

  test("a call is handed on before the answer ends", async () => {
    const gate = new Gate()
    await using openai = new FakeOpenAi()
    openai.enqueue({ steps: [{ call: "end-call", arguments: {} }, { wait: gate.pass() }] })
    const answer = modelAt(openai).reply(chatRequest({ tools: [END_CALL] }), never)
    const parts = answer[Symbol.asyncIterator]()
    expect((await parts.next()).value).toMatchObject({ type: "tool-call", name: "end-call" })
    gate.openForever()
    expect((await parts.next()).value).toMatchObject({ type: "end" })
  })

  test("reasoning is never spoken, and is handed on only in its encrypted form", async () => {
    const script: Script = {
      steps: [{ reason: ["secret ", "thoughts"], encrypted: "gAAA" }, { say: ["Hi."] }],
    }
    const summary = [{ type: "summary_text", text: "secret thoughts" }]
    expect(await answerTo(script, { reasoningEffort: "low" })).toEqual([
      {
        type: "opaque",
        backEnd: "openai-responses",
        item: { id: "item_1_0", type: "reasoning", summary, encrypted_content: "gAAA" },
      },
      { type: "text", text: "Hi." },
      { type: "end", reason: "stop", usage },
    ])
    expect(await answerTo(script)).toEqual([
      { type: "text", text: "Hi." },
      { type: "end", reason: "stop", usage },
    ])
  })

  test("reasoning goes back before the call it led to", async () => {
    await using openai = new FakeOpenAi()
    openai.enqueue(
      { steps: [{ reason: [] }, { call: "end-call", arguments: {}, callId: "call_1" }] },
      says("Bye."),
    )
    const model = modelAt(openai, { reasoningEffort: "low" })
    const [opaque, call] = await collect(model.reply(chatRequest({ tools: [END_CALL] }), never))
    if (opaque?.type !== "opaque" || call?.type !== "tool-call")
      throw new Error("not a reasoning item and a call")
    const result = { type: "tool-result", callId: call.callId, output: "{}" } as const
    await collect(
      model.reply(chatRequest({ items: [user("Bye"), opaque, call, result], tools: [END_CALL] }), never),
    )
    expect(openai.requests[1]?.body["input"]).toMatchObject([
      { role: "user" },
      { type: "reasoning", encrypted_content: "encrypted_item_1_0" },
      { type: "function_call" },
      { type: "function_call_output" },
    ])
  })

  test("a refusal is spoken like text", async () => {
    const parts = await answerTo({ steps: [{ refuse: ["I cannot ", "say that."] }] })
    expect(spoken(Array.isArray(parts) ? parts : [])).toBe("I cannot say that.")
  })

  test.each([
    ["max_output_tokens", "length"],
    ["max_messages", "length"],
    ["content_filter", "filtered"],
  ])("incomplete by %s ends as %s, without the call that was cut off", async (reason, expected) => {
    const script: Script = {
      steps: [{ say: ["Well"] }, { call: "end-call", arguments: '{"conv', status: "incomplete" }],
      ending: { incomplete: reason },
    }
    expect(await answerTo(script)).toEqual([
      { type: "text", text: "Well" },
      { type: "end", reason: expected, usage },
    ])
  })

  test("think tags of other servers are not spoken", async () => {
    const script: Script = { steps: [{ say: ["<th", "ink>hm", "</think>", "\n\nHi", " there", " <"] }] }
    const parts = await answerTo(script)
    expect(spoken(Array.isArray(parts) ? parts : [])).toBe("Hi there <")
  })

  test("events of unknown families, comments and missing usage do no harm", async () => {
    const steps: Script["steps"] = [
      { raw: ": keep-alive\n\n" },
      { event: { type: "response.web_search_call.searching", item_id: 7 } },
      { event: { type: "response.from.the.future" } },
      { event: 5 },
      { event: null },
      { say: ["Hi."] },
    ]
    expect(await answerTo({ steps, usage: null })).toEqual([
      { type: "text", text: "Hi." },
      { type: "end", reason: "stop" },
    ])
  })

  test("one connection carries answer after answer", async () => {
    await using openai = new FakeOpenAi({ script: () => says("One two three.") })
    const model = modelAt(openai)
    for (let n = 0; n < 3; n++) {
      for await (const part of model.reply(chatRequest(), never)) if (part.type === "end") break
      await openai.requests[n]?.closed
    }
    expect(new Set(openai.requests.map(({ port }) => port)).size).toBe(1)
  })
})
