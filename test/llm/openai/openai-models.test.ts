import { expect, test } from "bun:test"
import { isOpenAiHost } from "../../../src/llm/openai/openai-client.ts"
import { DEFAULT_MODEL, quickSettings, reasons } from "../../../src/llm/openai/openai-models.ts"

const low = { verbosity: "low" } as const

test.each([
  [DEFAULT_MODEL, { reasoningEffort: "none", ...low }],
  ["gpt-6.1-sol", { reasoningEffort: "none", ...low }],
  ["gpt-6.1-terra", { reasoningEffort: "none", ...low }],
  ["gpt-6-astra", { reasoningEffort: "low", ...low }],
  ["gpt-5.6-luna", { reasoningEffort: "none", ...low }],
  ["gpt-5.4-mini-2026-03-17", { reasoningEffort: "none", ...low }],
  ["gpt-5-nano", { reasoningEffort: "minimal", ...low }],
  ["gpt-5-2025-08-07", { reasoningEffort: "minimal", ...low }],
  ["gpt-10", { reasoningEffort: "none", ...low }],
  ["gpt-5.2-pro", {}],
  ["gpt-5.1-codex", {}],
  ["gpt-5.3-chat-latest", {}],
  ["gpt-4.1-mini", {}],
  ["gpt-4o", {}],
  ["gpt-oss-20b", {}],
  ["o3", {}],
  ["openai/gpt-6-luna", {}],
  ["", {}],
] as const)("quick settings of %p", (model, expected) => expect(quickSettings(model)).toEqual(expected))

test.each([
  ["gpt-6-luna", "none", false],
  ["gpt-6-luna", "low", true],
  ["gpt-5", "minimal", true],
  ["o3", undefined, true],
  ["gpt-4o", undefined, false],
] as const)("%s with effort %p reasons: %p", (model, effort, expected) =>
  expect(reasons(model, effort)).toBe(expected),
)

test.each([
  ["https://api.openai.com/v1", true],
  ["https://eu.api.openai.com/v1", true],
  ["https://api.openai.com.evil.example/v1", false],
  ["https://notapi.openai.com/v1", false],
  ["http://127.0.0.1:1234/v1", false],
  ["nonsense", false],
] as const)("%s is OpenAI's: %p", (url, expected) => expect(isOpenAiHost(url)).toBe(expected))
