import { expect, test } from "bun:test"
import { createChatModel } from "../../src/llm/create-model.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { httpError, says } from "../fakes/openai-script.ts"
import { chatRequest, collect, never, rejection, spoken } from "./fixture.ts"

const key = { openaiApiKey: "sk-test" }
const local = "http://127.0.0.1:9/v1"

test.each([
  ["nothing", { provider: "auto" }, {}, "demo"],
  ["an empty key is none", { provider: "auto" }, { openaiApiKey: "" }, "demo"],
  ["a key", { provider: "auto" }, key, "openai:gpt-6-luna"],
  ["a key and a model", { provider: "auto" }, { ...key, openaiModel: "gpt-6.1-sol" }, "openai:gpt-6.1-sol"],
  [
    "the agent's model goes first",
    { provider: "auto", name: "gpt-6.1-terra" },
    { ...key, openaiModel: "gpt-6.1-sol" },
    "openai:gpt-6.1-terra",
  ],
  [
    "an address alone",
    { provider: "auto", name: "llama" },
    { openaiBaseUrl: local },
    "openai-compatible:llama",
  ],
  [
    "the agent's address alone",
    { provider: "auto", name: "llama", baseUrl: local },
    {},
    "openai-compatible:llama",
  ],
  ["a key and an address", { provider: "auto", name: "llama", baseUrl: local }, key, "openai:llama"],
  ["openai by name", { provider: "openai", baseUrl: local, name: "llama" }, key, "openai:llama"],
  [
    "compatible by name",
    { provider: "openai-compatible", name: "llama" },
    { ...key, openaiBaseUrl: local },
    "openai-compatible:llama",
  ],
  [
    "compatible without a key",
    { provider: "openai-compatible", name: "llama", baseUrl: local },
    {},
    "openai-compatible:llama",
  ],
  ["a flow", { provider: "flowise" }, { flowise: { baseUrl: local, flowId: "f1" } }, "flowise:f1"],
  [
    "the agent's flow goes first",
    { provider: "flowise", name: "f2", baseUrl: local },
    { flowise: { flowId: "f1" } },
    "flowise:f2",
  ],
  ["demo although there is a key", { provider: "demo" }, key, "demo"],
] as const)("%s", (_, choice, keys, expected) => expect(createChatModel(choice, keys).name).toBe(expected))

test.each([
  ["openai without a key", { provider: "openai" }, {}, "OPENAI_API_KEY"],
  ["compatible at OpenAI without a key", { provider: "openai-compatible" }, {}, "OPENAI_API_KEY"],
  ["a flow without an address", { provider: "flowise", name: "f1" }, key, "FLOWISE_BASE_URL"],
  ["an address without a flow", { provider: "flowise", baseUrl: local }, key, "FLOWISE_FLOW_ID"],
  ["an address that is none", { provider: "auto", baseUrl: "localhost/v1" }, key, "not a URL"],
] as const)("%s is reported", (_, choice, keys, message) => {
  expect(() => createChatModel(choice, keys)).toThrow(message)
})

test.each(["responses", "chat"] as const)(
  "with a key and an address it speaks what is there, when %s is absent",
  async (absent) => {
    await using openai = new FakeOpenAi({ script: () => says("Hi there."), absent: [absent] })
    const model = createChatModel({ provider: "auto", baseUrl: openai.baseUrl, name: "llama" }, key)
    for (let n = 0; n < 2; n++)
      expect(spoken(await collect(model.reply(chatRequest(), never)))).toBe("Hi there.")
    const there = absent === "chat" ? "responses" : "chat"
    expect(openai.requests.map(({ api }) => api)).toEqual([there, there])
    expect(model.name).toBe(there === "responses" ? "openai:llama" : "openai-compatible:llama")
  },
)

test.each([404, 405, 501])("status %d from the first API is a reason to try the other", async (status) => {
  await using openai = new FakeOpenAi()
  openai.enqueue(httpError(status, "no_route"), says("Hi there."), says("Hi again."))
  const model = createChatModel({ provider: "auto", baseUrl: openai.baseUrl, name: "llama" }, key)
  expect(spoken(await collect(model.reply(chatRequest(), never)))).toBe("Hi there.")
  expect(spoken(await collect(model.reply(chatRequest(), never)))).toBe("Hi again.")
  expect(openai.requests.map(({ api }) => api)).toEqual(["responses", "chat", "chat"])
})

test("requests that find out at the same time are all answered", async () => {
  await using openai = new FakeOpenAi({ script: () => says("Hi there."), absent: ["responses"] })
  const model = createChatModel({ provider: "auto", baseUrl: openai.baseUrl, name: "llama" }, key)
  const answers = await Promise.all([1, 2, 3].map(() => collect(model.reply(chatRequest(), never))))
  expect(answers.map(spoken)).toEqual(["Hi there.", "Hi there.", "Hi there."])
})

test("an unknown model does not decide which API is there", async () => {
  await using openai = new FakeOpenAi()
  openai.enqueue(httpError(404, "model_not_found"), httpError(404, "model_not_found"), says("Loaded now."))
  const model = createChatModel({ provider: "auto", baseUrl: openai.baseUrl, name: "llama" }, key)
  expect(await rejection(collect(model.reply(chatRequest(), never)))).toMatchObject({ status: 404 })
  expect(spoken(await collect(model.reply(chatRequest(), never)))).toBe("Loaded now.")
  expect(openai.requests.map(({ api }) => api)).toEqual(["responses", "chat", "responses"])
})

test("any other failure stays one", async () => {
  await using openai = new FakeOpenAi()
  openai.enqueue(httpError(500, "server_error"))
  const model = createChatModel({ provider: "auto", baseUrl: openai.baseUrl, name: "llama" }, key)
  expect(await rejection(collect(model.reply(chatRequest(), never)))).toMatchObject({
    status: 500,
    retryable: true,
  })
  expect(openai.requests.length).toBe(1)
})

test("an answer that breaks off is not begun again elsewhere", async () => {
  await using openai = new FakeOpenAi()
  openai.enqueue(says("Good morning", { ending: { error: { code: "server_error", message: "?" } } }))
  const model = createChatModel({ provider: "auto", baseUrl: openai.baseUrl, name: "llama" }, key)
  expect(await rejection(collect(model.reply(chatRequest(), never)))).toMatchObject({ retryable: true })
  expect(openai.requests.length).toBe(1)
})
