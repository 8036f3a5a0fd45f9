/**
 * The schema of an agent's `speech` section: which providers hear and speak, for the engine `pipeline`, in the order in
 * which they are tried.
 */

import { z } from "zod"
import { httpUrl } from "../config/text-fields.ts"

const language = z.string().regex(/^[a-z]{2}$/, "must be two lowercase letters, such as en")
const named = <const T extends readonly [string, ...string[]]>(names: T) => {
  const provider = z.enum(names, `must be one of ${names.join(", ")}`)
  return { provider, short: provider.transform((name) => ({ provider: name })) }
}

const hearing = named(["deepgram", "openai", "openai-compatible", "embedded"])
const speaking = named(["deepgram", "elevenlabs", "openai", "openai-compatible", "embedded"])

const HearSetting = z.union([
  hearing.short,
  z.strictObject({
    provider: hearing.provider,
    model: z.string().min(1).max(100).optional(),
    languages: z.array(language).max(20).optional(),
    /** Names and words to favour. */
    keyterms: z
      .array(
        z
          .string()
          .min(1)
          .max(100)
          .regex(/^[^<>\r\n]*$/, "must not contain <, > or line breaks"),
      )
      .max(100)
      .optional(),
    baseUrl: httpUrl.optional(),
  }),
])

const SpeakSetting = z.union([
  speaking.short,
  z.strictObject({
    provider: speaking.provider,
    voice: z.string().min(1).max(100).optional(),
    model: z.string().min(1).max(100).optional(),
    language: language.optional(),
    /** 1 is the ordinary rate. */
    speed: z.number().min(0.5).max(2).optional(),
    instructions: z.string().min(1).max(2_000).optional(),
    baseUrl: httpUrl.optional(),
    /** Rate of the raw PCM of a compatible server, in hertz. */
    sampleRateHz: z.union([8_000, 16_000, 24_000, 48_000].map((hz) => z.literal(hz))).optional(),
    format: z.enum(["pcm", "wav"]).optional(),
  }),
])

/** Providers beyond the third are hardly ever reached within a call. */
const MAX_PROVIDERS = 4

export const SpeechProviderSettings = z.strictObject({
  /** Default: every provider with a key. */
  hear: z.array(HearSetting).min(1).max(MAX_PROVIDERS).optional(),
  speak: z.array(SpeakSetting).min(1).max(MAX_PROVIDERS).optional(),
})
export type SpeechProviderSettings = z.output<typeof SpeechProviderSettings>
