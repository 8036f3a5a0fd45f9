/** Builds the session object of a Realtime connection from the settings of an agent. */

import { canOnlyStream, type RealtimeSettings } from "../../assets/realtime-settings.ts"
import type { ToolSpec } from "../../call/tool-spec.ts"

/** mu-law at 8 kHz, the format of Twilio; OpenAI refuses a `rate` beside it. Source: OpenAI "Realtime conversations". */
export const PHONE_FORMAT = "audio/pcmu"

const DEFAULT_TRANSCRIBER = "gpt-transcribe"

export type SessionPlan = {
  /** The model of the connection, which decides which settings the server accepts. */
  model: string
  /** Used where the settings name no transcription model of their own. */
  transcribeModel: string
  settings: RealtimeSettings
  instructions: string
  tools: readonly ToolSpec[]
}

/** The `session` of a `session.update`. Settings that are null are switched off, so that no default of the server applies. */
export function sessionFor({ model, transcribeModel, settings, instructions, tools }: SessionPlan): object {
  const { voice, speed, reasoningEffort, maxOutputTokens, toolChoice } = settings
  return {
    type: "realtime",
    output_modalities: ["audio"],
    instructions,
    audio: {
      input: {
        format: { type: PHONE_FORMAT },
        noise_reduction: settings.noiseReduction === null ? null : { type: settings.noiseReduction },
        transcription: transcriptionOf(settings.transcription, transcribeModel),
        turn_detection: turnDetectionOf(settings.turnDetection),
      },
      output: { format: { type: PHONE_FORMAT }, voice, speed },
    },
    tools: tools.map(({ name, description, parameters }) => ({
      type: "function",
      name,
      description,
      parameters,
    })),
    tool_choice: tools.length === 0 ? "auto" : toolChoice,
    max_output_tokens: maxOutputTokens,
    truncation: truncationOf(settings.truncation),
    ...(canReason(model) ? { reasoning: { effort: reasoningEffort } } : {}),
  }
}

/** Whether the model accepts `reasoning`: generation 2 and later; dates such as `-2025-08-28` are not generations. */
export function canReason(model: string): boolean {
  return /^gpt-realtime-[2-9](?:\.\d+)?(?:-|$)/.test(model)
}

/** The longest pause of the caller, in milliseconds, after which the server ends the turn. (OpenAI "Voice activity detection".) */
export function turnEndMs({ turnDetection: turns }: Pick<RealtimeSettings, "turnDetection">): number {
  if (turns.type === "server_vad") return turns.silenceDurationMs
  return { high: 2_000, auto: 4_000, medium: 4_000, low: 8_000 }[turns.eagerness]
}

function turnDetectionOf(turns: RealtimeSettings["turnDetection"]): object {
  const flags = { create_response: turns.createResponse, interrupt_response: turns.interruptResponse }
  switch (turns.type) {
    case "server_vad":
      return {
        type: "server_vad",
        threshold: turns.threshold,
        prefix_padding_ms: turns.prefixPaddingMs,
        silence_duration_ms: turns.silenceDurationMs,
        // The server can only estimate when its audio was played; `SilenceDetection` knows it from the marks.
        idle_timeout_ms: null,
        ...flags,
      }
    case "semantic_vad":
      return { type: "semantic_vad", eagerness: turns.eagerness, ...flags }
    default:
      return turns satisfies never
  }
}

function transcriptionOf(settings: RealtimeSettings["transcription"], fallback: string): object | null {
  if (!settings) return null
  const { languages, keywords, prompt } = settings
  const model = settings.model ?? (canOnlyStream(fallback) ? DEFAULT_TRANSCRIBER : fallback)
  const hints = prompt === undefined ? {} : { prompt }
  if (!/^gpt-transcribe(?:-|$)/.test(model)) {
    const [language, ...others] = languages
    return { model, ...hints, ...(language && others.length === 0 ? { language } : {}) }
  }
  return {
    model,
    ...hints,
    ...(languages.length > 0 ? { languages } : {}),
    ...(keywords.length > 0 ? { keywords } : {}),
  }
}

function truncationOf(truncation: RealtimeSettings["truncation"]): unknown {
  if (typeof truncation === "string") return truncation
  const { retentionRatio, postInstructionsTokens: limit } = truncation
  return {
    type: "retention_ratio",
    retention_ratio: retentionRatio,
    ...(limit === undefined ? {} : { token_limits: { post_instructions: limit } }),
  }
}
