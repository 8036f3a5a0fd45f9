/**
 * The schema of an agent's `realtime` section: how the speech-to-speech model hears, speaks and takes turns.
 * Sources: OpenAI "Realtime conversations", "Voice activity detection", "Realtime transcription".
 */

import { z } from "zod"

/** Transcription models that do not work together with turn detection, which a phone call needs. */
const STREAMING_MODELS = ["gpt-live-transcribe", "gpt-realtime-whisper"]

const turns = {
  /** Whether the server starts a response at the end of a turn. */
  createResponse: z.boolean().default(true),
  /** Whether the server cancels the response when the caller begins to speak. */
  interruptResponse: z.boolean().default(true),
}

const serverVad = z.strictObject({
  type: z.literal("server_vad"),
  /** 0 to 1; higher needs louder speech. */
  threshold: z.number().min(0).max(1).default(0.5),
  /** Audio kept from before the detected start, in milliseconds. */
  prefixPaddingMs: z.int().min(0).max(5000).default(300),
  /** Silence that ends a turn, in milliseconds. */
  silenceDurationMs: z.int().min(50).max(10_000).default(500),
  ...turns,
})

const semanticVad = z.strictObject({
  type: z.literal("semantic_vad"),
  /** How soon the turn of the caller counts as finished: `low` waits up to 8 s, `medium` and `auto` 4 s, `high` 2 s. */
  eagerness: z.enum(["auto", "low", "medium", "high"]).default("auto"),
  ...turns,
})

const transcription = z.strictObject({
  /** Default: the transcription model of the server. */
  model: z
    .string()
    .min(1)
    .refine((model) => !canOnlyStream(model), "cannot be used with turn detection; use gpt-transcribe")
    .optional(),
  /** Expected languages. Models older than `gpt-transcribe` accept only one. */
  languages: z
    .array(z.string().regex(/^[a-z]{2}$/, "must be two lowercase letters, such as en"))
    .max(20)
    .default([]),
  /** Words and names to favour; read by `gpt-transcribe` only. */
  keywords: z
    .array(
      z
        .string()
        .min(1)
        .max(100)
        .regex(/^[^<>\r\n]*$/, "must not contain <, > or line breaks"),
    )
    .max(100)
    .default([]),
  prompt: z.string().max(2000).optional(),
})

const truncation = z.union([
  z.enum(["auto", "disabled"]),
  z.strictObject({
    /** Part of the context that is kept when it is full. */
    retentionRatio: z.number().min(0).max(1),
    /** Limit of the context without instructions, in tokens. */
    postInstructionsTokens: z.int().positive().optional(),
  }),
])

export const RealtimeSettings = z.strictObject({
  /** Default: the Realtime model of the server. */
  model: z.string().min(1).optional(),
  voice: z.union([z.string().min(1), z.strictObject({ id: z.string().min(1) })]).default("marin"),
  /** Rate of playback. */
  speed: z.number().min(0.25).max(1.5).default(1),
  turnDetection: z.discriminatedUnion("type", [serverVad, semanticVad]).prefault({ type: "server_vad" }),
  /** Null: the transcript has no text of the caller. */
  transcription: transcription.nullable().prefault({}),
  /** `near_field` for handsets, `far_field` for speakerphones. */
  noiseReduction: z.enum(["near_field", "far_field"]).nullable().default(null),
  /** Only for models that reason. */
  reasoningEffort: z.enum(["minimal", "low", "medium", "high", "xhigh"]).default("low"),
  /** Tokens of one response, audio and tool calls together; at the limit speech stops in mid-sentence. */
  maxOutputTokens: z.union([z.int().min(1).max(4096), z.literal("inf")]).default("inf"),
  truncation: truncation.default("auto"),
  toolChoice: z.enum(["auto", "none", "required"]).default("auto"),
})
export type RealtimeSettings = z.output<typeof RealtimeSettings>

/** Whether a transcription model does not work together with turn detection. */
export function canOnlyStream(model: string): boolean {
  return STREAMING_MODELS.some((name) => model === name || model.startsWith(`${name}-`))
}
