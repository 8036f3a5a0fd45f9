import { expect, test } from "bun:test"
import { priced } from "../../src/call/price.ts"

test.each([
  [
    "text, a part of it cached",
    {
      kind: "chat",
      model: "openai:gpt-6-luna",
      amounts: { inputTokens: 2000, cachedTokens: 1000, outputTokens: 100 },
    },
    (1000 * 0.1 + 1000 * 0.01 + 100 * 0.5) / 1e6,
  ],
  [
    "sound both ways, with text",
    {
      kind: "realtime",
      model: "gpt-realtime-2.1",
      amounts: {
        inputTokens: 1500,
        inputTextTokens: 500,
        inputAudioTokens: 1000,
        outputTokens: 700,
        outputTextTokens: 100,
        outputAudioTokens: 600,
      },
    },
    (500 * 4 + 1000 * 32 + 100 * 24 + 600 * 64) / 1e6,
  ],
  ["minutes", { kind: "transcription", model: "gpt-transcribe", amounts: { seconds: 90 } }, 1.5 * 0.0045],
  ["a model that is not in the table", { kind: "chat", model: "demo", amounts: { inputTokens: 5 } }, null],
  [
    "a model that is billed another way",
    { kind: "transcription", model: "gpt-transcribe", amounts: { tokens: 5 } },
    null,
  ],
] as const)("%s", (_, usage, cost) => {
  const { cost: estimated } = priced({ ...usage, cost: null })
  if (cost === null || estimated === null) expect(estimated).toBe(cost)
  else expect(estimated).toBeCloseTo(cost, 12)
})
