/** The `speech` section of an agent: what is read, and what is refused. */

import { expect, test } from "bun:test"
import { SpeechProviderSettings } from "../../src/assets/speech-settings.ts"

test("a provider is named by its name alone or with settings", () => {
  expect(
    SpeechProviderSettings.parse({
      hear: ["deepgram", { provider: "openai", languages: ["en"], keyterms: ["Parley"] }],
      speak: [
        { provider: "elevenlabs", voice: "v1", speed: 1.1 },
        {
          provider: "openai-compatible",
          baseUrl: "http://127.0.0.1:8880/v1/",
          format: "wav",
          sampleRateHz: 16_000,
        },
      ],
    }),
  ).toEqual({
    hear: [{ provider: "deepgram" }, { provider: "openai", languages: ["en"], keyterms: ["Parley"] }],
    speak: [
      { provider: "elevenlabs", voice: "v1", speed: 1.1 },
      {
        provider: "openai-compatible",
        baseUrl: "http://127.0.0.1:8880/v1",
        format: "wav",
        sampleRateHz: 16_000,
      },
    ],
  })
})

test.each([
  ["an unknown provider", { hear: ["google"] }],
  ["one that only speaks", { hear: ["elevenlabs"] }],
  ["an empty list", { speak: [] }],
  ["a long list", { speak: ["deepgram", "openai", "elevenlabs", "deepgram", "openai"] }],
  ["an unknown field", { hear: [{ provider: "deepgram", voice: "x" }] }],
  ["a language that is no code", { hear: [{ provider: "openai", languages: ["English"] }] }],
  ["a rate that cannot be resampled", { speak: [{ provider: "openai-compatible", sampleRateHz: 22_050 }] }],
  ["a wrong section", { listen: ["deepgram"] }],
])("%s is refused", (_, settings) => {
  expect(SpeechProviderSettings.safeParse(settings).success).toBe(false)
})
