/** One conversation with imitations of the servers that people run: nothing is lost, and what is refused is learned. */

import { describe, expect, test } from "bun:test"
import type { ChatItem, ChatPart } from "../../../src/llm/chat-model.ts"
import { createChatCompletionsModel } from "../../../src/llm/openai/openai-chat.ts"
import { CompatibleServer, SERVER_NAMES } from "../../fakes/compatible-servers.ts"
import { agent, chatRequest, collect, never, note, spoken, tool, user } from "../fixture.ts"

const GREETING = agent("Hello, this is Acme.")
const tools = [tool("order-status")]

/** The items of a reply that called, as the history has them while the reply continues. */
function replied(parts: readonly ChatPart[]): ChatItem[] {
  const made = parts.flatMap((part): ChatItem[] =>
    part.type === "opaque" || part.type === "tool-call" ? [part] : [],
  )
  const results = parts.flatMap((part): ChatItem[] =>
    part.type === "tool-call" ? [{ type: "tool-result", callId: part.callId, output: "on its way" }] : [],
  )
  return [...made, ...results]
}

const settledItems = (items: readonly ChatItem[]) => items.filter(({ type }) => type !== "opaque")

describe.each(SERVER_NAMES)("%s", (name) => {
  test("a whole conversation is understood, and no refusal comes twice", async () => {
    await using server = new CompatibleServer(name)
    const model = createChatCompletionsModel({ baseUrl: server.baseUrl, model: "m" })
    const ask = (items: readonly ChatItem[]) => collect(model.reply(chatRequest({ items, tools }), never))

    server.enqueue("call")
    const first = [GREETING, user("Where is my order, number 7?")]
    const calling = await ask(first)
    expect(spoken(calling)).toBe("")
    expect(calling.filter(({ type }) => type === "tool-call")).toMatchObject([
      { name: "order-status", arguments: '{"number":7}' },
    ])
    expect(calling.at(-1)).toMatchObject({ type: "end", reason: "tool-calls" })

    const withResult = [...first, ...replied(calling)]
    const answer = await ask(withResult)
    expect(spoken(answer)).toBe("It is on its way.")
    expect(answer.at(-1)).toMatchObject({ type: "end", reason: "stop" })

    // Later requests do not have what belonged to that reply alone.
    const later = [...settledItems(withResult), agent("It is on its way."), note("The caller has paid.")]
    expect(spoken(await ask(later))).toBe("It is on its way.")
    expect(spoken(await ask([...later, user("And"), user("when?")]))).toBe("It is on its way.")
    // A caller who did not wait for the answer.
    const interrupted = [...settledItems(withResult), user("Never mind.")]
    expect(spoken(await ask(interrupted))).toBe("It is on its way.")
    // The agent is asked to continue after its own words.
    expect(spoken(await ask([...later, agent("One moment.")]))).toBe("It is on its way.")
    expect(spoken(await ask([]))).toBe("It is on its way.")

    server.takeRefusals()
    for (const items of [first, withResult, later, interrupted]) await ask(items)
    expect(server.takeRefusals()).toBe(0)
  })
})

test.each([
  ["vLLM with a template that wants turns", 1],
  ["vLLM with a template without a system role", 1],
  ["llama.cpp", 1],
  ["Mistral", 2],
  ["Gemini", 0],
  ["Ollama", 0],
] as const)("%s refuses the first request %d times", async (name, refusals) => {
  await using server = new CompatibleServer(name)
  const model = createChatCompletionsModel({ baseUrl: server.baseUrl, model: "m" })
  await collect(model.reply(chatRequest({ items: [GREETING, note("Paid."), user("Hi")] }), never))
  expect(server.takeRefusals()).toBe(refusals)
})

test("with strict roles a server that wants turns has nothing to refuse", async () => {
  await using server = new CompatibleServer("llama.cpp")
  const model = createChatCompletionsModel({ baseUrl: server.baseUrl, model: "m", roles: "strict" })
  const items = [
    note("Vip."),
    GREETING,
    user("Hi"),
    note("Paid."),
    user("Well?"),
    agent("Yes"),
    agent("indeed."),
  ]
  await collect(model.reply(chatRequest({ items }), never))
  expect(server.requests.map(({ body, refused }) => ({ refused, messages: body.messages }))).toEqual([
    {
      refused: false,
      messages: [
        { role: "system", content: "You are a friendly voice.\n\nVip." },
        { role: "user", content: "[The caller has not said anything yet.]" },
        { role: "assistant", content: "Hello, this is Acme." },
        { role: "user", content: "Hi\n[Note, not said by the caller: Paid.]\nWell?" },
        { role: "assistant", content: "Yes indeed." },
        { role: "user", content: "[The caller has not said anything yet.]" },
      ],
    },
  ])
})

test("Gemini gets its signature back with the call", async () => {
  await using server = new CompatibleServer("Gemini")
  const model = createChatCompletionsModel({ baseUrl: server.baseUrl, model: "m" })
  server.enqueue("call")
  const first = [user("Where is my order, number 7?")]
  const calling = await collect(model.reply(chatRequest({ items: first, tools }), never))
  await collect(model.reply(chatRequest({ items: [...first, ...replied(calling)], tools }), never))
  expect(server.requests.at(-1)?.body.messages.at(-2)?.tool_calls).toMatchObject([
    { extra_content: { google: { thought_signature: "EjQKMgEM" } } },
  ])
})

test("DeepSeek gets its reasoning back with the call", async () => {
  await using server = new CompatibleServer("DeepSeek")
  const model = createChatCompletionsModel({ baseUrl: server.baseUrl, model: "m" })
  server.enqueue("call")
  const first = [user("Where is my order, number 7?")]
  const calling = await collect(model.reply(chatRequest({ items: first, tools }), never))
  await collect(model.reply(chatRequest({ items: [...first, ...replied(calling)], tools }), never))
  expect(server.requests.at(-1)?.body.messages.at(-2)).toMatchObject({
    reasoning_content: "Hm, the number is 7.",
  })
})
