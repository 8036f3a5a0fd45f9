/** `POST /conversation` as Simple Conversation Relay documents it. */

import { describe, expect, test } from "bun:test"
import { FakeOpenAi } from "../../fakes/fake-openai.ts"
import { httpError, says } from "../../fakes/openai-script.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { jsonOf } from "../client.ts"

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

async function setUp(env: Record<string, string> = {}) {
  const openai = new FakeOpenAi({
    script: ({ body }) => says(`${JSON.stringify(body["messages"]).length} characters`),
  })
  const app = await AppUnderTest.start({
    MODEL_PROVIDER: "openai-compatible",
    OPENAI_BASE_URL: openai.baseUrl,
    ...env,
  })
  return {
    openai,
    app,
    send: (body: unknown, headers?: Record<string, string>) => app.post("/conversation", body, headers),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await openai[Symbol.asyncDispose]()
    },
  }
}

test("the first message opens a session, and the second continues with it", async () => {
  await using bench = await setUp()
  const first = await bench.send({ message: "Hello, I need help" })
  expect(first.status).toBe(200)
  const { sessionId, ...answer } = await jsonOf(first)
  expect(sessionId).toMatch(UUID)
  expect(answer).toEqual({ success: true, response: expect.stringContaining("characters") })
  const second = await jsonOf(await bench.send({ sessionId, message: "Tell me more", role: "user" }))
  expect(second).toEqual({ success: true, sessionId, response: expect.stringContaining("characters") })
  const messages = bench.openai.requests[1]?.body["messages"]
  expect(messages).toMatchObject([
    { role: "system" },
    { role: "user", content: "Hello, I need help" },
    { role: "assistant" },
    { role: "user", content: "Tell me more" },
  ])
})

test("an unknown session opens another one, and says so", async () => {
  await using bench = await setUp()
  const sessionId = "550e8400-e29b-41d4-a716-446655440000"
  const answer = await jsonOf(await bench.send({ sessionId, message: "Tell me more" }))
  expect(answer).toEqual({
    success: true,
    sessionId: expect.stringMatching(UUID),
    response: expect.any(String),
    created: true,
  })
  expect(answer.sessionId).not.toBe(sessionId)
})

test.each([
  ["null", null, undefined],
  ["empty", "", undefined],
  ["a number", 7, true],
  ["an object", { $ne: null }, true],
  ["long", "x".repeat(100_000), true],
])("a session id that is %s is none or an unknown one", async (_, sessionId, created) => {
  await using bench = await setUp()
  const answer = await jsonOf(await bench.send({ sessionId, message: "Hello" }))
  expect(answer).toMatchObject({ success: true, sessionId: expect.stringMatching(UUID) })
  expect(answer.created).toBe(created)
})

test("a system message reaches the model as one", async () => {
  await using bench = await setUp()
  await bench.send({ message: "The order has shipped.", role: "system" })
  expect(bench.openai.requests[0]?.body["messages"]).toMatchObject([
    { role: "system" },
    { role: "system", content: "The order has shipped." },
  ])
})

test("a form does as well as JSON", async () => {
  await using bench = await setUp()
  const body = new URLSearchParams({ message: "Hello", role: "user" })
  const answer = await bench.app.api("/conversation", { method: "POST", body })
  expect(await jsonOf(answer)).toMatchObject({ success: true, sessionId: expect.stringMatching(UUID) })
})

describe("without a message", () => {
  test.each([
    ["an empty object", {}],
    ["an empty text", { message: "" }],
    ["blanks", { message: "  " }],
    ["a number", { message: 5 }],
    ["a list", ["message"]],
    ["a text", "message"],
  ])("%s", async (_, body) => {
    await using bench = await setUp()
    const answer = await bench.send(body)
    expect(answer.status).toBe(400)
    expect(await jsonOf(answer)).toEqual({ success: false, error: "Message is required" })
  })

  test.each([
    ["no body at all", undefined],
    ["a form without it", "role=user"],
    ["JSON that is declared as a form", '{"message":"Hello"}'],
  ])("%s", async (_, body) => {
    await using bench = await setUp()
    const headers = { "Content-Type": "application/x-www-form-urlencoded" }
    const answer = await bench.app.api("/conversation", {
      method: "POST",
      ...(body === undefined ? {} : { body, headers }),
    })
    expect(answer.status).toBe(400)
    expect(await jsonOf(answer)).toEqual({ success: false, error: "Message is required" })
  })
})

test.each([
  ["another role", { message: "Hello", role: "robot" }],
  ["a role of the model", { message: "Hello", role: "assistant" }],
  ["a role that is no text", { message: "Hello", role: 5 }],
])("%s is refused, and the model hears nothing", async (_, body) => {
  await using bench = await setUp()
  const answer = await bench.send(body)
  expect(answer.status).toBe(400)
  expect(await jsonOf(answer)).toEqual({ success: false, error: "Role must be user or system" })
})

test("JSON that is none and a message that is too long are reported in the old form", async () => {
  await using bench = await setUp()
  const headers = { "Content-Type": "application/json" }
  const broken = await bench.app.api("/conversation", { method: "POST", headers, body: "{" })
  expect({ status: broken.status, body: await jsonOf(broken) }).toEqual({
    status: 400,
    body: { success: false, error: "The body is not JSON" },
  })
  const long = await bench.send({ message: "x".repeat(32_001) })
  expect(long.status).toBe(400)
  expect(await jsonOf(long)).toMatchObject({ success: false, error: expect.stringContaining("32000") })
})

test("a model that fails is a 500 in the old form, and the message can be sent again", async () => {
  await using bench = await setUp()
  bench.openai.enqueue(httpError(401, "invalid_api_key"))
  const failed = await bench.send({ message: "Hello" })
  expect(failed.status).toBe(500)
  const { sessionId, ...answer } = await jsonOf(failed)
  expect(answer).toEqual({ success: false, error: "The model did not answer. Send the message again." })
  expect(await jsonOf(await bench.send({ sessionId, message: "Hello" }))).toMatchObject({
    success: true,
    sessionId,
  })
})

test("two at once are both answered, in their order", async () => {
  await using bench = await setUp()
  const { sessionId } = await jsonOf(await bench.send({ message: "Hello" }))
  bench.openai.enqueue(says("Answer to one."), says("Answer to two."))
  const both = await Promise.all([
    bench.send({ sessionId, message: "One" }),
    bench.send({ sessionId, message: "Two" }),
  ])
  const responses = new Set((await Promise.all(both.map(jsonOf))).map(({ response }) => response))
  expect(responses).toEqual(new Set(["Answer to one.", "Answer to two."]))
  const last = bench.openai.requests.at(-1)?.body["messages"]
  expect(last).toMatchObject([
    {},
    {},
    {},
    {},
    { role: "assistant", content: "Answer to one." },
    { role: "user" },
  ])
})

test("without the earlier system's paths it is not there", async () => {
  await using bench = await setUp({ COMPAT: "off" })
  expect((await bench.send({ message: "Hello" })).status).toBe(404)
})
