import { expect, test } from "bun:test"
import { rejection } from "../llm/fixture.ts"
import { FakeOpenAi } from "./fake-openai.ts"
import { requestFaults } from "./openai-request-check.ts"
import { says } from "./openai-script.ts"

const responses = { model: "gpt-6-luna", input: [{ role: "user", content: "Hello" }] }
const chat = { model: "llama", messages: [{ role: "user", content: "Hello" }] }
const call = { type: "function_call", call_id: "a", name: "x", arguments: "{}" }
const tool = {
  type: "function",
  name: "x",
  strict: true,
  parameters: { type: "object", properties: { n: {} } },
}

test.each([
  ["a plain request", "responses", responses, true],
  ["a plain chat", "chat", chat, true],
  ["no input", "responses", { model: "gpt-6-luna" }, false],
  ["a misspelt field", "responses", { ...responses, max_tokens: 90 }, false],
  [
    "a misspelt field of an item",
    "responses",
    { ...responses, input: [{ role: "user", text: "Hello", content: "" }] },
    false,
  ],
  ["a field of the other API", "chat", { ...chat, instructions: "Be brief" }, false],
  ["an unknown role", "responses", { ...responses, input: [{ role: "tool", content: "Hello" }] }, false],
  ["an unknown effort", "responses", { ...responses, reasoning: { effort: "tiny" } }, false],
  ["a limit that is too low", "responses", { ...responses, max_output_tokens: 5 }, false],
  ["a call without its output", "responses", { ...responses, input: [call] }, false],
  [
    "an output without its call",
    "responses",
    { ...responses, input: [{ type: "function_call_output", call_id: "a", output: "" }] },
    false,
  ],
  ["a strict tool with an open schema", "responses", { ...responses, tools: [tool] }, false],
  [
    "a tool without strict",
    "responses",
    { ...responses, tools: [{ type: "function", name: "x", parameters: {} }] },
    false,
  ],
  [
    "a nested tool",
    "responses",
    { ...responses, tools: [{ type: "function", function: { name: "x" } }] },
    false,
  ],
  ["a flat tool", "chat", { ...chat, tools: [{ type: "function", name: "x" }] }, false],
  ["a tool choice without tools", "chat", { ...chat, tool_choice: "auto" }, false],
] as const)("the check of requests: %s", (_, api, body, fine) => {
  expect(requestFaults(api, body).length === 0).toBe(fine)
})

test("a bad request gets a 400 and fails the test that made it", async () => {
  const openai = new FakeOpenAi({ script: () => says("Hi") })
  const answer = await fetch(`${openai.baseUrl}/responses`, {
    method: "POST",
    body: JSON.stringify({ model: "x" }),
  })
  expect(answer.status).toBe(400)
  expect(await rejection(openai[Symbol.asyncDispose]())).toHaveProperty(
    "message",
    expect.stringContaining("would have refused"),
  )
})

test("events come in OpenAI's order, numbered from 0", async () => {
  await using openai = new FakeOpenAi({ script: () => says("Hi there") })
  const answer = await fetch(`${openai.baseUrl}/responses`, {
    method: "POST",
    body: JSON.stringify(responses),
  })
  const events = (await answer.text()).trim().split("\n\n")
  expect(
    events.map((event) =>
      /^event: (\S+)\ndata: \{"type":"\1","sequence_number":(\d+),/.exec(event)?.slice(1),
    ),
  ).toEqual(
    [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ].map((type, at) => [type, String(at)]),
  )
})
