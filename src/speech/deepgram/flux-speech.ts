/**
 * Deepgram Flux text to speech, `/v2/speak`: one speech for each utterance, and a report of what was heard when it is
 * interrupted. English only. Source: Deepgram "Flux TTS".
 */

import { z } from "zod"
import { rejection } from "../failure.ts"
import { ignoringOthers } from "../messages.ts"
import type { SpeechDialect, SpeechSignal } from "../speech-dialect.ts"
import { deepgramAddress, PHONE_AUDIO, type DeepgramAccount } from "./address.ts"

export type FluxSpeakOptions = DeepgramAccount & {
  /** As in `flux-haley-en`. */
  voice?: string | undefined
  /** 0.5 to 1.5 in steps of 0.05. */
  speed?: number | undefined
}

const Message = ignoringOthers(
  ["Connected", "SpeechMetadata", "SpeechInterrupted", "Warning", "Error"],
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("Connected") }),
    z.object({ type: z.literal("SpeechMetadata") }),
    z.object({ type: z.literal("SpeechInterrupted"), text_spoken: z.string().nullish() }),
    z.object({ type: z.literal("Warning"), code: z.string() }),
    z.object({
      type: z.literal("Error"),
      code: z.string().default("unknown"),
      description: z.string().default(""),
    }),
  ]),
)
type Message = z.output<typeof Message>

/** The longest text of one message is not documented for v2; this is the limit of v1. */
const MAX_TEXT_LENGTH = 2_000
/** One hour of the session, or one minute without a message, is over. */
const EXPIRED = ["NET-0003", "NET-0004"]

export function fluxSpeech({
  voice = "flux-haley-en",
  speed,
  ...account
}: FluxSpeakOptions): SpeechDialect<Message> {
  /** The offset of an interruption must grow. */
  let offsetMs = -1
  return {
    address: deepgramAddress(account, "/v2/speak", { model: voice, ...PHONE_AUDIO, speed }),
    schema: Message,
    hello: [],
    readyWhenOpen: false,
    confirmsCancel: true,
    // One speech is one utterance: its audio begins before it is flushed.
    flushesPerMinute: 0,
    maxTextLength: MAX_TEXT_LENGTH,
    begin: () => [],
    say: (text) => [JSON.stringify({ type: "Speak", text })],
    flush: () => [JSON.stringify({ type: "Flush" })],
    cancel(playedMs) {
      offsetMs = Math.max(offsetMs + 1, playedMs)
      return [JSON.stringify({ type: "Interrupt", playback_offset: { type: "time_ms", value: offsetMs } })]
    },
    goodbye: [JSON.stringify({ type: "Close" })],
    read,
  }
}

function read(message: Message): readonly SpeechSignal[] {
  switch (message.type) {
    case "Connected":
      return [{ type: "ready" }]
    case "SpeechMetadata":
      return [{ type: "flushed" }]
    case "SpeechInterrupted":
      return [{ type: "cancelled", spoken: message.text_spoken ?? undefined }]
    case "Warning":
      return readWarning(message.code)
    case "Error": {
      const failure = rejection(message.code, message.description)
      const isExpired = EXPIRED.includes(message.code)
      return [{ type: "failed", failure: isExpired ? { ...failure, reason: "expired" } : failure }]
    }
    case "ignored":
      return []
    default:
      return message satisfies never
  }
}

function readWarning(code: string): readonly SpeechSignal[] {
  switch (code) {
    case "NO_ACTIVE_SPEECH":
      return [{ type: "cancelled" }]
    case "NO_SYNTHESIZABLE_TEXT":
    case "NO_AUDIO_GENERATED":
      return [{ type: "flushed" }]
    case "INVALID_INTERRUPT_OFFSET":
      // The interrupted speech continues, and its audio cannot be distinguished from that of the next one.
      return [{ type: "failed", failure: rejection(code, "the interruption was refused") }]
    default:
      return [{ type: "warning", code }]
  }
}
