import { expect, test } from "bun:test"
import { z } from "zod"
import { emptyAnswer, isStrictSchema } from "../../src/llm/answer-format.ts"
import type { ChatRequest } from "../../src/llm/chat-model.ts"
import { createDemoModel } from "../../src/llm/demo/demo-model.ts"
import { createChatCompletionsModel } from "../../src/llm/openai/openai-chat.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { says } from "../fakes/openai-script.ts"

const closed = (properties: object, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
})
const text = { type: "string" }

test.each<[string, boolean, unknown]>([
  ["a closed object", true, closed({ a: text })],
  ["a list of closed objects", true, closed({ a: { type: "array", items: closed({ b: text }) } })],
  ["a choice of closed objects", true, closed({ a: { anyOf: [closed({}), { type: "null" }] } })],
  ["an open object", false, { type: "object", properties: { a: text }, required: ["a"] }],
  ["a property that may be missing", false, closed({ a: text }, [])],
  ["an open object inside", false, closed({ a: { type: ["object", "null"], properties: {} } })],
  ["an open object in a list", false, closed({ a: { type: "array", items: { type: "object" } } })],
  ["a word that is not supported", false, closed({ a: { oneOf: [text] } })],
  ["no schema", false, 7],
])("%s is strict: %p", (_, strict, schema) => expect(isStrictSchema(schema)).toBe(strict))

const everything = closed({
  summary: text,
  day: { type: ["string", "null"] },
  kind: { enum: ["a", "b"] },
  sure: { type: "boolean" },
  count: { type: "integer", minimum: 2 },
  fixed: { const: "x" },
  usual: { type: "string", default: "d" },
  list: { type: "array", items: text },
  inner: closed({ maybe: { anyOf: [text, { type: "null" }] } }),
})

test("an empty answer fits its schema", () => {
  const answer = emptyAnswer(everything, (name) => (name === "summary" ? "said" : undefined))
  expect(answer).toEqual({
    summary: "said",
    day: null,
    kind: "a",
    sure: false,
    count: 2,
    fixed: "x",
    usual: "d",
    list: [],
    inner: { maybe: null },
  })
  expect(z.fromJSONSchema(everything as never).safeParse(answer).success).toBe(true)
})

const request: ChatRequest = {
  instructions: "Fill it in.",
  items: [
    { type: "message", role: "user", text: "# Transcript\nCaller: A table\nAgent: Yes\nCaller: for two" },
  ],
  tools: [],
  toolChoice: "none",
  cacheKey: "k",
  safetyId: "s",
  format: { name: "outcome", schema: closed({ summary: text }) },
}

async function answerOf(model: { reply: ReturnType<typeof createDemoModel>["reply"] }): Promise<string> {
  let words = ""
  for await (const part of model.reply(request, new AbortController().signal)) {
    if (part.type === "text") words += part.text
  }
  return words
}

test("the demo fills a schema with what the caller said", async () => {
  expect(JSON.parse(await answerOf(createDemoModel()))).toEqual({ summary: "A table for two" })
})

test("a compatible server that takes no format is asked without, and from then on at once", async () => {
  await using openai = new FakeOpenAi()
  const model = createChatCompletionsModel({ baseUrl: openai.baseUrl, model: "m" })
  const refusal = { http: { status: 400, message: "response_format is not supported", code: "invalid" } }
  openai.enqueue(refusal, says('{"summary":"x"}'), says('{"summary":"y"}'))
  expect([await answerOf(model), await answerOf(model)]).toEqual(['{"summary":"x"}', '{"summary":"y"}'])
  const formats = openai.requests.map(({ body }) => body["response_format"])
  expect(formats).toMatchObject([
    { type: "json_schema", json_schema: { strict: true } },
    undefined,
    undefined,
  ])
})
