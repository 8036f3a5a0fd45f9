import { describe, expect, test } from "bun:test"
import type { ChatItem } from "../../../src/llm/chat-model.ts"
import { CHAT_BACK_END, chatMessages, type ChatMessage } from "../../../src/llm/openai/chat-messages.ts"
import { newDialect, type Dialect } from "../../../src/llm/openai/dialect.ts"

type Case = {
  because: string
  instructions?: string
  items: ChatItem[]
  dialect?: Partial<Dialect>
  messages: ChatMessage[]
}

function messagesOf({ instructions = "", items, dialect = {} }: Case): ChatMessage[] {
  return chatMessages({ instructions, items }, { ...newDialect("any"), ...dialect })
}

const user = (text: string): ChatItem => ({ type: "message", role: "user", text })
const agent = (text: string): ChatItem => ({ type: "message", role: "assistant", text })
const note = (text: string): ChatItem => ({ type: "message", role: "system", text })
const call = (callId: string): ChatItem => ({ type: "tool-call", callId, name: "find", arguments: "{}" })
const result = (callId: string): ChatItem => ({ type: "tool-result", callId, output: "yes" })
const called = (id: string) => ({
  id,
  type: "function" as const,
  function: { name: "find", arguments: "{}" },
})
const extras = (item: unknown, backEnd = CHAT_BACK_END): ChatItem => ({ type: "opaque", backEnd, item })

describe("any server", () => {
  test.each<Case>([
    { because: "nothing is nothing", items: [], messages: [] },
    {
      because: "instructions come first, empty messages are left out",
      instructions: "Be kind.",
      items: [user("Hello"), agent(""), note("A fact.")],
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "Hello" },
        { role: "system", content: "A fact." },
      ],
    },
    {
      because: "calls join the words before them",
      items: [agent("Wait."), call("a"), call("b"), result("a"), result("b")],
      messages: [
        { role: "assistant", content: "Wait.", tool_calls: [called("a"), called("b")] },
        { role: "tool", tool_call_id: "a", content: "yes" },
        { role: "tool", tool_call_id: "b", content: "yes" },
      ],
    },
    {
      because: "a call without words is a message of its own",
      items: [user("Find it"), call("a"), result("a")],
      messages: [
        { role: "user", content: "Find it" },
        { role: "assistant", content: null, tool_calls: [called("a")] },
        { role: "tool", tool_call_id: "a", content: "yes" },
      ],
    },
    {
      because: "what the server attached to a call is returned with it, and with no later one",
      items: [extras({ reasoning: "", extras: { a: { x: 1 } } }), call("a"), result("a"), call("a")],
      messages: [
        { role: "assistant", content: null, tool_calls: [{ ...called("a"), extra_content: { x: 1 } }] },
        { role: "tool", tool_call_id: "a", content: "yes" },
        { role: "assistant", content: null, tool_calls: [called("a")] },
      ],
    },
    {
      because: "items of other back ends are left out",
      items: [extras({ reasoning: "", extras: { a: { x: 1 } } }, "another"), call("a")],
      messages: [{ role: "assistant", content: null, tool_calls: [called("a")] }],
    },
  ])("$because", (given) => expect(messagesOf(given)).toEqual(given.messages))
})

describe("a server with requirements", () => {
  test.each<Case>([
    {
      because: "short ids are the same for call and result",
      items: [call("call_with_a_long_id"), result("call_with_a_long_id")],
      dialect: { shortIds: true },
      messages: [
        { role: "assistant", content: null, tool_calls: [called("ffd1996f5")] },
        { role: "tool", tool_call_id: "ffd1996f5", content: "yes" },
      ],
    },
    {
      because: "a short id stays",
      items: [call("Abcde1234")],
      dialect: { shortIds: true },
      messages: [{ role: "assistant", content: null, tool_calls: [called("Abcde1234")] }],
    },
    {
      because: "reasoning is returned, and a blank where it is not known",
      items: [
        agent("Hello."),
        extras({ reasoning: "Look.", extras: {} }),
        call("a"),
        result("a"),
        agent("Done."),
      ],
      dialect: { returnsReasoning: true },
      messages: [
        { role: "assistant", content: "Hello.", tool_calls: [called("a")], reasoning_content: "Look." },
        { role: "tool", tool_call_id: "a", content: "yes" },
        { role: "assistant", content: "Done.", reasoning_content: " " },
      ],
    },
    {
      because: "a missing signature is replaced by the value that skips its check",
      items: [call("a")],
      dialect: { skipsSignatures: true },
      messages: [
        {
          role: "assistant",
          content: null,
          tool_calls: [
            {
              ...called("a"),
              extra_content: { google: { thought_signature: "skip_thought_signature_validator" } },
            },
          ],
        },
      ],
    },
  ])("$because", (given) => expect(messagesOf(given)).toEqual(given.messages))
})

describe("a server with strict roles", () => {
  const silent = { role: "user" as const, content: "[The caller has not said anything yet.]" }
  test.each<Case>([
    { because: "gets at least one message of the user", items: [], messages: [silent] },
    {
      because: "gets the user's message first and last",
      items: [agent("Good day.")],
      messages: [silent, { role: "assistant", content: "Good day." }, silent],
    },
    {
      because: "gets messages of one side as one",
      items: [user("Hello"), user("Are you there?"), agent("Yes."), agent("I am."), user("Good")],
      messages: [
        { role: "user", content: "Hello\nAre you there?" },
        { role: "assistant", content: "Yes. I am." },
        { role: "user", content: "Good" },
      ],
    },
    {
      because: "gets one system message, and later ones as notes",
      instructions: "Be kind.",
      items: [note("A fact."), user("Hello"), note("Another.")],
      messages: [
        { role: "system", content: "Be kind.\n\nA fact." },
        { role: "user", content: "Hello\n[Note, not said by the caller: Another.]" },
      ],
    },
    {
      because: "gets an answer between a result and a caller who did not wait",
      items: [user("Find it"), call("a"), result("a"), user("Never mind")],
      messages: [
        { role: "user", content: "Find it" },
        { role: "assistant", content: null, tool_calls: [called("a")] },
        { role: "tool", tool_call_id: "a", content: "yes" },
        { role: "assistant", content: "…" },
        { role: "user", content: "Never mind" },
      ],
    },
    {
      because: "that takes no system message gets its text with the first message",
      instructions: "Be kind.",
      items: [user("Hello")],
      dialect: { systemRole: false },
      messages: [{ role: "user", content: "Be kind.\n\nHello" }],
    },
  ])("$because", (given) => {
    const dialect = { ...given.dialect, roles: "strict" as const }
    expect(messagesOf({ ...given, dialect })).toEqual(given.messages)
  })
})
