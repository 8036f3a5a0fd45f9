/**
 * ElevenLabs text to speech over one socket, a context for each utterance, with the time of each character.
 * Source: ElevenLabs "Multi-Context WebSocket", `/v1/text-to-speech/{voice_id}/multi-stream-input`.
 */

import { z } from "zod"
import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import { socketUrl, type SocketTarget } from "../../lib/client-socket.ts"
import { failureOfStatus } from "../failure.ts"
import type { SpeechDialect, SpeechSignal } from "../speech-dialect.ts"
import { AlignedText } from "./alignment.ts"

export type ElevenLabsOptions = {
  /** As in `https://api.elevenlabs.io`. */
  baseUrl: string
  apiKey: string
  /** Id of a voice. */
  voice?: string | undefined
  /** A model that serves sockets; not `eleven_v3` or `eleven_v4`. */
  model?: string | undefined
  /** Two letters; only for models of several languages. */
  language?: string | undefined
  /** 0.7 to 1.2. */
  speed?: number | undefined
}

const times = z.array(z.number())
const alignment = z.object({
  chars: z.array(z.string()),
  charStartTimesMs: times,
  charDurationsMs: times.optional(),
  /** The spelling of older servers. */
  charsDurationsMs: times.optional(),
})
const Message = z.object({
  audio: z.base64().nullish(),
  alignment: alignment.nullish(),
  contextId: z.string().nullish(),
  isFinal: z.boolean().nullish(),
  error: z.string().nullish(),
  message: z.string().nullish(),
})
type Message = z.output<typeof Message>

/** The voice of the vendor's examples. */
const DEFAULT_VOICE = "JBFqnCBsd6RMkjVDRZzb"
const MAX_TEXT_LENGTH = 2_000
/** Seconds without text after which the server ends a context; this is the most. */
const INACTIVITY_SECONDS = 180
const LIMITS = /quota|concurren|rate|busy|limit/i
const REFUSALS = /auth|api_key|voice|model|unauthorized/i

export function elevenLabsSpeech(options: ElevenLabsOptions): SpeechDialect<Message> {
  const { speed } = options
  let serial = 0
  let contextId = ""
  let text = new AlignedText()
  let audioMs = 0
  /** Lengths of the text before each flush whose audio is not complete. */
  let flushes: number[] = []
  const frame = (fields: object) => JSON.stringify({ ...fields, context_id: contextId })

  function readAudio(message: Message): SpeechSignal[] {
    const audio = Buffer.from(message.audio ?? "", "base64")
    const spoken = message.alignment
    const positions = spoken
      ? text.take(
          {
            chars: spoken.chars,
            startsMs: spoken.charStartTimesMs,
            durationsMs: spoken.charDurationsMs ?? spoken.charsDurationsMs ?? [],
          },
          audioMs,
        )
      : []
    audioMs += audio.length / MULAW_BYTES_PER_MS
    const signals: SpeechSignal[] = [{ type: "audio", audio, positions }]
    while (flushes.length > 0 && (message.isFinal || text.spoken >= (flushes[0] ?? 0))) {
      flushes.shift()
      signals.push({ type: "flushed" })
    }
    return signals
  }

  return {
    address: addressOf(options),
    schema: Message,
    hello: [],
    readyWhenOpen: true,
    confirmsCancel: false,
    flushesPerMinute: Infinity,
    maxTextLength: MAX_TEXT_LENGTH,
    begin() {
      const closeLast = contextId === "" ? [] : [frame({ close_context: true })]
      contextId = `utterance_${++serial}`
      text = new AlignedText()
      audioMs = 0
      flushes = []
      const settings = speed === undefined ? {} : { voice_settings: { speed } }
      return [...closeLast, frame({ text: " ", ...settings })]
    },
    say(clause) {
      text.add(clause)
      // Each piece ends with a blank; words never span two pieces.
      return [frame({ text: /\s$/.test(clause) ? clause : `${clause} ` })]
    },
    flush() {
      flushes.push(text.length)
      return [frame({ text: " ", flush: true })]
    },
    cancel() {
      flushes = []
      const close = frame({ close_context: true })
      contextId = ""
      return [close]
    },
    goodbye: [JSON.stringify({ close_socket: true })],
    read(message) {
      if (message.error) return [{ type: "failed", failure: failureOf(message.error, message.message ?? "") }]
      // Audio of a cancelled context may still arrive.
      return message.contextId === contextId ? readAudio(message) : []
    },
  }
}

function addressOf({
  baseUrl,
  apiKey,
  voice = DEFAULT_VOICE,
  model,
  language,
}: ElevenLabsOptions): SocketTarget {
  const url = socketUrl(baseUrl, `/v1/text-to-speech/${encodeURIComponent(voice)}/multi-stream-input`)
  const query = {
    model_id: model ?? "eleven_flash_v2_5",
    output_format: "ulaw_8000",
    sync_alignment: "true",
    auto_mode: "true",
    inactivity_timeout: String(INACTIVITY_SECONDS),
    ...(language === undefined ? {} : { language_code: language }),
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return { url: url.href, headers: { "xi-api-key": apiKey } }
}

/** The server reports a refusal in a message, not in the status of the upgrade. */
function failureOf(error: string, message: string) {
  const status = LIMITS.test(error) ? 429 : REFUSALS.test(error) ? 401 : 500
  return { ...failureOfStatus(status, message), status: null, code: error.slice(0, 60) }
}
