import { describe, expect, test } from "bun:test"
import { createResponsesModel } from "../../src/llm/openai/openai-responses.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { Gate } from "../fakes/gate.ts"
import { callsTool, httpError, says, type Script } from "../fakes/openai-script.ts"
import { chatRequest, collect, END_CALL, never, rejection } from "./fixture.ts"

function modelAt(openai: FakeOpenAi) {
  return createResponsesModel({ apiKey: "sk-test", baseUrl: openai.baseUrl, model: "gpt-6-luna" })
}

/** The parts of the answer to a plain request, or the error. */
async function answerTo(script: Script) {
  await using openai = new FakeOpenAi()
  openai.enqueue(script)
  return await collect(modelAt(openai).reply(chatRequest(), never)).catch((error: unknown) => error)
}

describe("failure", () => {
  test.each([
    ["no terminal event", { ...says("Hi"), ending: "closed" }, true],
    ["a connection that breaks", { ...says("Hi"), ending: "dropped" }, true],
    [
      "a failed answer",
      { ...says("Hi"), ending: { failed: { code: "server_error", message: "Sorry" } } },
      true,
    ],
    [
      "a failed answer for its prompt",
      { ending: { failed: { code: "invalid_prompt", message: "No" } } },
      false,
    ],
    [
      "a failed answer against a policy",
      { ending: { failed: { code: "bio_policy", message: "No" } } },
      false,
    ],
    [
      "an error event",
      { ...says("Hi"), ending: { error: { code: "rate_limit_exceeded", message: "Slow" } } },
      true,
    ],
    [
      "an error event about money",
      { ending: { error: { code: "insufficient_quota", message: "Pay" } } },
      false,
    ],
    ["an unnamed error event", { steps: [{ event: { type: "error", code: null, message: "?" } }] }, true],
    ["garbage", { steps: [{ raw: "data: {{{{\n\n" }] }, true],
    ["a broken event", { steps: [{ event: { type: "response.output_text.delta", delta: 7 } }] }, true],
    [
      "a call without a name",
      { steps: [{ event: { type: "response.output_item.done", item: { type: "function_call" } } }] },
      true,
    ],
    ["an empty answer of no known kind", { http: { status: 200, body: "" } }, true],
  ] as const satisfies readonly (readonly [string, Script, boolean])[])(
    "%s",
    async (_, script, retryable) => {
      expect(await answerTo(script)).toMatchObject({ name: "ChatModelError", retryable })
    },
  )

  test.each([
    [400, "invalid_value", {}, false],
    [401, "invalid_api_key", {}, false],
    [403, "unsupported_country", {}, false],
    [404, "model_not_found", {}, false],
    [408, "timeout", {}, true],
    [409, "conflict", {}, true],
    [422, "unprocessable", {}, false],
    [429, "rate_limit_exceeded", {}, true],
    [429, "slow_down", { "retry-after": "1" }, true],
    [429, "rate_limit_exceeded", { "retry-after": "30" }, false],
    [429, "rate_limit_exceeded", { "retry-after-ms": "20000" }, false],
    [429, "insufficient_quota", {}, false],
    [429, "credit_balance_exhausted", {}, false],
    [429, "organization_spend_limit_exceeded", {}, false],
    [429, "project_spend_limit_exceeded", {}, false],
    [429, "organization_usage_limit_exceeded", {}, false],
    [500, "server_error", {}, true],
    [501, "not_implemented", {}, false],
    [502, "bad_gateway", {}, true],
    [503, "overloaded", {}, true],
    [504, "timeout", {}, true],
  ] as const)("status %d %s %o: may be tried again: %p", async (status, code, headers, retryable) => {
    const error = await answerTo(httpError(status, code, headers))
    expect(error).toMatchObject({ name: "ChatModelError", status, retryable })
    expect(error).toHaveProperty("message", expect.stringContaining("req_fake"))
  })

  test("it asks once, however retryable the answer is", async () => {
    await using openai = new FakeOpenAi({ script: () => httpError(500, "server_error") })
    expect(await rejection(collect(modelAt(openai).reply(chatRequest(), never)))).toMatchObject({
      status: 500,
    })
    expect(openai.requests.length).toBe(1)
  })

  test("a page of HTML does not flood the message", async () => {
    const error = await answerTo({ http: { status: 502, body: `<html>${"x".repeat(50_000)}</html>` } })
    expect(error).toMatchObject({ status: 502, retryable: true })
    expect(error).toHaveProperty("message.length", expect.any(Number))
    expect(error instanceof Error ? error.message.length : 0).toBeLessThan(400)
  })

  test("a server that is not there", async () => {
    const openai = new FakeOpenAi()
    const model = modelAt(openai)
    await openai[Symbol.asyncDispose]()
    expect(await rejection(collect(model.reply(chatRequest(), never)))).toMatchObject({
      name: "ChatModelError",
      retryable: true,
    })
  })
})

describe("abort", () => {
  test("before the response headers", async () => {
    await using openai = new FakeOpenAi()
    const gate = new Gate()
    openai.enqueue({ ...says("Too late"), hold: gate.pass() })
    const controller = new AbortController()
    const parts = collect(modelAt(openai).reply(chatRequest(), controller.signal))
    const request = await openai.nextRequest()
    controller.abort()
    expect(await parts).toEqual([])
    expect(await request.closed).toBe("aborted")
    gate.openForever()
  })

  test("while the server is silent", async () => {
    await using openai = new FakeOpenAi()
    openai.enqueue(says("Good morning", { ending: "stalled" }))
    const controller = new AbortController()
    const parts = modelAt(openai).reply(chatRequest(), controller.signal)[Symbol.asyncIterator]()
    await parts.next()
    await parts.next()
    const next = parts.next()
    controller.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(await openai.requests[0]?.closed).toBe("aborted")
  })

  test("in the middle of a call the call falls away", async () => {
    await using openai = new FakeOpenAi()
    const gate = new Gate()
    openai.enqueue(callsTool("end-call", { conversationSummary: "Nothing" }, { pace: gate.pass }))
    const controller = new AbortController()
    const parts = collect(modelAt(openai).reply(chatRequest({ tools: [END_CALL] }), controller.signal))
    await gate.reached()
    gate.open()
    await gate.reached()
    controller.abort()
    expect(await parts).toEqual([])
  })
})
