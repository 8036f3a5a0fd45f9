/**
 * Deepgram Aura text to speech, `/v1/speak`: seven languages, no report of what was heard.
 * Sources: Deepgram "TTS WebSocket", "TTS troubleshooting".
 */

import { z } from "zod"
import { rejection } from "../failure.ts"
import { ignoringOthers } from "../messages.ts"
import type { SpeechDialect, SpeechSignal } from "../speech-dialect.ts"
import { deepgramAddress, PHONE_AUDIO, type DeepgramAccount } from "./address.ts"

export type AuraSpeakOptions = DeepgramAccount & {
  /** As in `aura-2-thalia-en`. */
  voice?: string | undefined
  /** 0.7 to 1.5, for English and Spanish voices. */
  speed?: number | undefined
}

const Message = ignoringOthers(
  ["Flushed", "Cleared", "Warning", "Error"],
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("Flushed") }),
    z.object({ type: z.literal("Cleared") }),
    z.object({ type: z.literal("Warning"), code: z.string().default("unknown") }),
    z.object({
      type: z.literal("Error"),
      code: z.string().default("unknown"),
      description: z.string().default(""),
    }),
  ]),
)
type Message = z.output<typeof Message>

/** Longer messages close the socket with 1009. */
const MAX_TEXT_LENGTH = 2_000

export function auraSpeech({
  voice = "aura-2-thalia-en",
  speed,
  ...account
}: AuraSpeakOptions): SpeechDialect<Message> {
  return {
    address: deepgramAddress(account, "/v1/speak", { model: voice, ...PHONE_AUDIO, speed }),
    schema: Message,
    hello: [],
    readyWhenOpen: true,
    confirmsCancel: true,
    // Twenty are allowed, of which the ends of utterances need some.
    flushesPerMinute: 12,
    maxTextLength: MAX_TEXT_LENGTH,
    begin: () => [],
    say: (text) => [JSON.stringify({ type: "Speak", text })],
    flush: () => [JSON.stringify({ type: "Flush" })],
    cancel: () => [JSON.stringify({ type: "Clear" })],
    goodbye: [JSON.stringify({ type: "Close" })],
    read,
  }
}

function read(message: Message): readonly SpeechSignal[] {
  switch (message.type) {
    case "Flushed":
      return [{ type: "flushed" }]
    case "Cleared":
      return [{ type: "cancelled" }]
    case "Warning":
      return [{ type: "warning", code: message.code }]
    case "Error":
      return [{ type: "failed", failure: rejection(message.code, message.description) }]
    case "ignored":
      return []
    default:
      return message satisfies never
  }
}
