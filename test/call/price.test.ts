import { expect, test } from "bun:test"
import { EMBEDDED_PRICES } from "../../src/assets/prices.ts"
import { priced } from "../../src/call/price.ts"

test.each([
  [
    "started minutes",
    { kind: "carrier", model: "twilio:voice-outbound", amounts: { seconds: 61, minutes: 2 } },
    2 * 0.014,
  ],
  [
    "seconds of audio",
    { kind: "transcription", model: "deepgram:flux", amounts: { seconds: 30 } },
    0.0065 / 2,
  ],
  ["characters", { kind: "speech", model: "deepgram:aura-2", amounts: { characters: 1000 } }, 0.03],
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
    "audio both ways, with text",
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
  [
    "cached audio has a price of its own",
    {
      kind: "realtime",
      model: "gpt-realtime-2.1-mini",
      amounts: { inputTokens: 1500, inputAudioTokens: 1000, cachedTokens: 900, cachedAudioTokens: 600 },
    },
    (200 * 0.6 + 300 * 0.06 + 400 * 10 + 600 * 0.3) / 1e6,
  ],
  [
    "cached tokens of an unknown kind count as audio first",
    {
      kind: "realtime",
      model: "gpt-realtime-2.1-mini",
      amounts: { inputTokens: 1500, inputAudioTokens: 1000, cachedTokens: 1200 },
    },
    (300 * 0.6 + 200 * 0.06 + 1000 * 0.3) / 1e6,
  ],
  [
    "gpt-6.1-terra, cached",
    { kind: "chat", model: "gpt-6.1-terra", amounts: { inputTokens: 2000, cachedTokens: 1000 } },
    (1000 * 1 + 1000 * 0.05) / 1e6,
  ],
  [
    "gpt-6.1-sol, cached",
    { kind: "chat", model: "gpt-6.1-sol", amounts: { inputTokens: 2000, cachedTokens: 1000 } },
    (1000 * 2 + 1000 * 0.1) / 1e6,
  ],
  [
    "gpt-6-sol, cached",
    { kind: "chat", model: "gpt-6-sol", amounts: { inputTokens: 2000, cachedTokens: 1000 } },
    (1000 * 2 + 1000 * 0.2) / 1e6,
  ],
  [
    "gpt-6-astra, cached",
    { kind: "chat", model: "gpt-6-astra", amounts: { inputTokens: 2000, cachedTokens: 1000 } },
    (1000 * 10 + 1000 * 1) / 1e6,
  ],
  ["minutes", { kind: "transcription", model: "gpt-transcribe", amounts: { seconds: 90 } }, 1.5 * 0.0045],
  ["a model that is not in the table", { kind: "chat", model: "demo", amounts: { inputTokens: 5 } }, null],
  [
    "a model that is billed another way",
    { kind: "transcription", model: "gpt-transcribe", amounts: { tokens: 5 } },
    null,
  ],
] as const)("%s", (_, usage, cost) => {
  const { cost: estimated } = priced({ ...usage, cost: null }, EMBEDDED_PRICES)
  if (cost === null || estimated === null) expect(estimated).toBe(cost)
  else expect(estimated).toBeCloseTo(cost, 12)
})
