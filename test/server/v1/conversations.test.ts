/** `/v1/conversations` over real HTTP, with a model behind a real wire. */

import { describe, expect, test } from "bun:test"
import { FakeOpenAi } from "../../fakes/fake-openai.ts"
import { httpError, says } from "../../fakes/openai-script.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { jsonOf } from "../client.ts"

async function setUp(env: Record<string, string> = {}) {
  const openai = new FakeOpenAi({ script: () => says("Good day.") })
  const app = await AppUnderTest.start({
    MODEL_PROVIDER: "openai-compatible",
    OPENAI_BASE_URL: openai.baseUrl,
    ...env,
  })
  return {
    openai,
    app,
    send: (body: unknown, headers?: Record<string, string>) => app.post("/v1/conversations", body, headers),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await openai[Symbol.asyncDispose]()
    },
  }
}

test("a conversation is begun, continued, read and deleted", async () => {
  await using bench = await setUp()
  const first = await bench.send({ message: "Hello", parameters: { firstname: "Ann", visits: 3 } })
  expect(first.status).toBe(200)
  const { conversationId, ...begun } = await jsonOf(first)
  expect(begun).toEqual({ response: "Good day.", created: true })
  const second = await bench.send({ message: "Paid.", role: "system", conversationId })
  expect(await jsonOf(second)).toEqual({ conversationId, response: "Good day.", created: false })

  const now = new Date(bench.app.clock.now()).toISOString()
  expect(await bench.app.json(`/v1/conversations/${conversationId}`)).toEqual({
    conversationId,
    agent: "default",
    parameters: { firstname: "Ann", visits: "3" },
    userId: null,
    createdAt: now,
    updatedAt: now,
    expiresAt: new Date(bench.app.clock.now() + 86_400_000).toISOString(),
    turns: [
      { speaker: "caller", text: "Hello", at: now },
      { speaker: "agent", text: "Good day.", at: now },
      { speaker: "system", text: "Paid.", at: now },
      { speaker: "agent", text: "Good day.", at: now },
    ],
  })

  const path = `/v1/conversations/${conversationId}`
  expect(await bench.app.json(path, { method: "DELETE" })).toEqual({ conversationId, deleted: true })
  for (const method of ["GET", "DELETE"]) expect((await bench.app.api(path, { method })).status).toBe(404)
})

test.each([
  ["no message", {}, 400],
  ["an empty one", { message: " \n" }, 400],
  ["one that is no text", { message: 7 }, 400],
  ["one that is too long", { message: "x".repeat(32_001) }, 400],
  ["a role there is not", { message: "Hi", role: "assistant" }, 400],
  ["a field there is not", { message: "Hi", model: "x" }, 400],
  ["an unknown agent", { message: "Hi", agent: "unknown" }, 400],
  ["an unknown context", { message: "Hi", contextKey: "../etc" }, 400],
  ["an unknown conversation", { message: "Hi", conversationId: crypto.randomUUID() }, 404],
  ["an id that is none", { message: "Hi", conversationId: "'; DROP TABLE" }, 404],
  ["a body that is too large", { message: "x".repeat(2_000_000) }, 413],
] as const)("%s is refused", async (_, body, status) => {
  await using bench = await setUp()
  const answer = await bench.send(body)
  expect(answer.status).toBe(status)
  expect(await jsonOf(answer)).toEqual({ error: expect.objectContaining({ message: expect.any(String) }) })
  expect(bench.openai.requests.length).toBe(0)
})

test("a model that fails is reported with the id of the waiting message", async () => {
  await using bench = await setUp()
  bench.openai.enqueue(httpError(401, "invalid_api_key"))
  const failed = await bench.send({ message: "Hello" })
  expect(failed.status).toBe(502)
  const { error } = await jsonOf(failed)
  expect(error).toEqual({
    code: "UPSTREAM_FAILED",
    message: "The model did not answer. Send the message again.",
    details: [{ field: "conversationId", message: "holds the message", value: expect.any(String) }],
  })
  const again = await bench.send({ message: "Hello", conversationId: error.details[0].value })
  expect(await jsonOf(again)).toMatchObject({ response: "Good day.", created: false })
})

describe("keys", () => {
  const env = { API_KEYS: "key-of-ann:ann,key-of-eve:eve,key-of-all" }
  const as = (key: string) => ({ Authorization: `Bearer ${key}` })

  test("a bound key sees only its own conversations", async () => {
    await using bench = await setUp(env)
    const { conversationId } = await jsonOf(await bench.send({ message: "Hello" }, as("key-of-ann")))
    const statuses = async (key: string) => [
      (await bench.app.api(`/v1/conversations/${conversationId}`, { headers: as(key) })).status,
      (await bench.send({ message: "More", conversationId }, as(key))).status,
      (await bench.send({ message: "More", userId: "ann" }, as(key))).status,
    ]
    expect(await statuses("key-of-eve")).toEqual([404, 404, 403])
    expect(await statuses("key-of-ann")).toEqual([200, 200, 200])
    expect(await statuses("key-of-all")).toEqual([200, 200, 200])
    const path = `/v1/conversations/${conversationId}`
    const eve = await bench.app.api(path, { method: "DELETE", headers: as("key-of-eve") })
    expect(eve.status).toBe(404)
  })

  test("without a key nothing is said", async () => {
    await using bench = await setUp(env)
    for (const headers of [{}, as("another")]) {
      expect((await bench.send({ message: "Hello" }, headers)).status).toBe(401)
      expect((await bench.app.post("/conversation", { message: "Hello" }, headers)).status).toBe(401)
    }
    expect(bench.openai.requests.length).toBe(0)
  })
})

test("the description of the API names the operations", async () => {
  await using bench = await setUp()
  const { paths } = await bench.app.json("/openapi.json")
  expect(Object.keys(paths["/v1/conversations"])).toEqual(["post"])
  expect(Object.keys(paths["/v1/conversations/{id}"])).toEqual(["get", "delete"])
})

test("a user's messages are limited per minute, and leave other users alone", async () => {
  const [anna, bert] = ["anna", "bert"].map((user) => ({ Authorization: `Bearer key-of-${user}-0123456789` }))
  const API_KEYS = "key-of-anna-0123456789:anna,key-of-bert-0123456789:bert"
  await using bench = await setUp({ API_KEYS, MESSAGES_PER_MINUTE: "2", SERVER_MESSAGES_PER_MINUTE: "4" })
  const send = async (headers = anna) => {
    const answer = await bench.send({ message: "Hello" }, headers)
    return [answer.status, answer.headers.get("retry-after")]
  }
  expect([await send(), await send()]).toEqual([
    [200, null],
    [200, null],
  ])
  expect(await send()).toEqual([429, "60"])
  expect([await send(bert), await send(bert)]).toEqual([
    [200, null],
    [200, null],
  ])
  bench.app.clock.advance(61_000)
  expect(await send()).toEqual([200, null])
})

test("all users together have a limit of their own", async () => {
  await using bench = await setUp({ SERVER_MESSAGES_PER_MINUTE: "1" })
  expect((await bench.send({ message: "Hello" })).status).toBe(200)
  const refused = await bench.send({ message: "Hello" })
  expect([refused.status, (await jsonOf(refused)).error.code]).toEqual([429, "RATE_LIMITED"])
})
