import { expect, test } from "bun:test"
import { adapted, newDialect } from "../../../src/llm/openai/dialect.ts"
import { ChatModelError } from "../../../src/llm/chat-model.ts"

function refused(message: string, status = 400): ChatModelError {
  return new ChatModelError(message, { retryable: false, status })
}

test.each([
  ["usage", "Unknown field: stream_options", { streamOptions: false }],
  ["a format", "response_format is not supported", { responseFormat: false }],
  ["reasoning", "Missing reasoning_content in message 3", { returnsReasoning: true }],
  ["signatures", "Function call is missing a thought_signature", { skipsSignatures: true }],
  ["ids", "Tool call id was abc but must be a-z, with a length of 9", { shortIds: true }],
  ["system messages", "System role not supported", { roles: "strict", systemRole: false }],
  ["roles", "Conversation roles must alternate user/assistant", { roles: "strict" }],
] as const)("an error about %s changes the dialect", (_, message, change) => {
  const dialect = newDialect("any")
  expect(adapted(dialect, refused(message))).toEqual({ ...dialect, ...change })
})

test.each([
  ["another error", "The model does not exist", 400],
  ["a status that does not refuse the conversation", "stream_options", 429],
] as const)("%s changes nothing", (_, message, status) => {
  expect(adapted(newDialect("any"), refused(message, status))).toBeUndefined()
})

test("an error that the dialect already avoids changes nothing", () => {
  const dialect = { ...newDialect("any"), streamOptions: false }
  expect(adapted(dialect, refused("stream_options"))).toBeUndefined()
})

test("a failed template of llama.cpp is a status of 500", () => {
  expect(adapted(newDialect("any"), refused("roles must alternate", 500))?.roles).toBe("strict")
})
