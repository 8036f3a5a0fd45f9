/** From an agent to the session object of a Realtime connection: a phone line, with every value that matters set. */

import { canOnlyStream, type RealtimeSettings } from "../../assets/realtime-settings.ts"
import type { ToolSpec } from "../../call/tool-spec.ts"

/** mu-law at 8 kHz, as Twilio has it; a `rate` beside it is refused. (OpenAI: "Realtime conversations".) */
export const PHONE_FORMAT = "audio/pcmu"

const DEFAULT_TRANSCRIBER = "gpt-transcribe"

export type SessionPlan = {
  /** The model of the connection: it decides which settings the server takes. */
  model: string
  /** Used where the settings name no transcription model of their own. */
  transcribeModel: string
  settings: RealtimeSettings
  instructions: string
  tools: readonly ToolSpec[]
}

/** The `session` of a `session.update`. Also switches off what is null, so that no default of the server counts. */
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

/** Whether the model takes `reasoning`: generation 2 and later, told apart from dates such as `-2025-08-28`. */
export function canReason(model: string): boolean {
  return /^gpt-realtime-[2-9](?:\.\d+)?(?:-|$)/.test(model)
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
        // The server only guesses when its audio has been played; who knows the marks watches the silence.
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
