/**
 * A Realtime transcription session of OpenAI: the server finds the turns, and their text follows. Sources: OpenAI
 * "Realtime transcription", "Voice activity detection".
 */

import { z } from "zod"
import { CallerBacklog } from "../caller-backlog.ts"
import { SpeechConnection, type SpeechServices } from "../connection.ts"
import { ignoringOthers } from "../messages.ts"
import { CLOSING_MS, type Transcriber, type TranscriberListener, type TurnProfile } from "../transcriber.ts"
import { TurnOrder } from "../turn-order.ts"
import {
  errorFailure,
  ErrorEvent,
  formatRefusal,
  MULAW_FORMAT,
  realtimeAddress,
  SessionUpdated,
  type RealtimeAccount,
} from "./realtime-account.ts"

export type RealtimeListenOptions = RealtimeAccount & {
  /** A model that works with turn detection, such as `gpt-transcribe`. */
  model: string
  languages?: readonly string[] | undefined
  /** Names and words to favour. */
  keyterms?: readonly string[] | undefined
  profile: TurnProfile
}

/** Silence that ends a turn, in milliseconds. */
const SILENCE_MS: Record<TurnProfile, number> = { conversation: 500, menu: 300, dictation: 1_500 }
const PIECE_MS = 100

const PREFIX = "conversation.item.input_audio_transcription"
const item = { item_id: z.string() }
const Message = ignoringOthers(
  [
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    `${PREFIX}.delta`,
    `${PREFIX}.completed`,
    `${PREFIX}.failed`,
    "error",
  ],
  z.discriminatedUnion("type", [
    SessionUpdated,
    z.object({ type: z.literal("input_audio_buffer.speech_started"), ...item }),
    z.object({ type: z.literal("input_audio_buffer.speech_stopped"), ...item, audio_end_ms: z.number() }),
    z.object({ type: z.literal(`${PREFIX}.delta`), ...item, delta: z.string() }),
    z.object({ type: z.literal(`${PREFIX}.completed`), ...item, transcript: z.string() }),
    z.object({ type: z.literal(`${PREFIX}.failed`), ...item }),
    ErrorEvent,
  ]),
)
type Message = z.output<typeof Message>

export class RealtimeTranscriber implements Transcriber {
  readonly #options: RealtimeListenOptions
  readonly #services: SpeechServices
  readonly #listener: TranscriberListener
  readonly #turns: TurnOrder
  readonly #connection: SpeechConnection<Message>
  readonly #backlog = new CallerBacklog({
    pieceMs: PIECE_MS,
    send: (audio) =>
      this.#connection.send(`{"type":"input_audio_buffer.append","audio":"${base64Of(audio)}"}`),
  })
  #profile: TurnProfile
  #phase: "opening" | "ready" | "closing" | "over" = "opening"
  #isSpeaking = false
  #cancelClosing = () => {}

  constructor(options: RealtimeListenOptions, services: SpeechServices, listener: TranscriberListener) {
    this.#options = options
    this.#services = services
    this.#listener = listener
    this.#profile = options.profile
    this.#turns = new TurnOrder(listener)
    this.#connection = new SpeechConnection({
      ...services,
      address: realtimeAddress(options, { intent: "transcription" }),
      schema: Message,
      opened: () => this.#configure(),
      message: (message) => this.#receive(message),
      lost: (failure) => {
        if (this.#phase === "closing") return this.#closed()
        this.#phase = "over"
        listener({ type: "failed", failure })
      },
    })
  }

  hear(audio: Uint8Array): void {
    if (this.#phase === "opening" || this.#phase === "ready") this.#backlog.push(audio)
  }

  expect(profile: TurnProfile): void {
    if (profile === this.#profile) return
    this.#profile = profile
    if (this.#phase === "ready") this.#configure()
  }

  close(): void {
    if (this.#phase === "closing" || this.#phase === "over") return
    const wasReady = this.#phase === "ready"
    this.#phase = "closing"
    this.#backlog.flush()
    if (!wasReady) return this.#closed()
    // The server ends a turn only at a pause, which does not come any more.
    if (this.#isSpeaking) this.#connection.send(JSON.stringify({ type: "input_audio_buffer.commit" }))
    if (this.#turns.isEmpty) return this.#closed()
    this.#cancelClosing = this.#services.sweep.after(CLOSING_MS, () => this.#closed())
  }

  #configure(): void {
    const { model, languages = [], keyterms = [] } = this.#options
    const session = {
      type: "transcription",
      audio: {
        input: {
          format: { type: MULAW_FORMAT },
          transcription: {
            model,
            ...(languages.length > 0 ? { languages } : {}),
            ...(keyterms.length > 0 ? { keywords: keyterms } : {}),
          },
          turn_detection: { type: "server_vad", silence_duration_ms: SILENCE_MS[this.#profile] },
        },
      },
    }
    this.#connection.send(JSON.stringify({ type: "session.update", session }))
  }

  #receive(message: Message): void {
    switch (message.type) {
      case "session.updated":
        return this.#updated(message.session.audio?.input?.format?.type)
      case "input_audio_buffer.speech_started":
        this.#isSpeaking = true
        return this.#turns.begin(message.item_id)
      case "input_audio_buffer.speech_stopped":
        this.#isSpeaking = false
        return this.#turns.spokenUntil(message.item_id, message.audio_end_ms)
      case `${PREFIX}.delta`:
        return this.#turns.append(message.item_id, message.delta)
      case `${PREFIX}.completed`:
        return this.#ended(message.item_id, message.transcript)
      case `${PREFIX}.failed`:
        this.#services.log.warn("a turn could not be transcribed")
        return this.#ended(message.item_id, "")
      case "error":
        return this.#error(message)
      case "ignored":
        return
      default:
        message satisfies never
    }
  }

  #updated(format: string | undefined): void {
    if (this.#phase !== "opening") return
    const failure = formatRefusal(format)
    if (failure) return this.#connection.fail(failure)
    this.#phase = "ready"
    this.#backlog.release()
    const { lostMs } = this.#backlog
    if (lostMs > 0) this.#services.log.warn("caller audio lost before the transcriber was ready", { lostMs })
    this.#listener({ type: "ready" })
  }

  #ended(itemId: string, text: string): void {
    this.#turns.end(itemId, text)
    if (this.#phase === "closing" && this.#turns.isEmpty) this.#closed()
  }

  /** An error about one event leaves the session as it was, once it is ready. */
  #error(message: z.output<typeof ErrorEvent>): void {
    const failure = errorFailure(message)
    if (this.#phase === "opening" || failure.reason === "expired") return this.#connection.fail(failure)
    this.#services.log.warn("error of the transcriber", { code: failure.code })
    // Less than 100 ms were there to be committed.
    if (this.#phase === "closing") this.#closed()
  }

  #closed(): void {
    if (this.#phase !== "closing") return
    this.#phase = "over"
    this.#cancelClosing()
    this.#connection.close()
    this.#turns.endAll(this.#backlog.heardMs)
    this.#listener({ type: "closed" })
  }
}

function base64Of(audio: Uint8Array<ArrayBuffer>): string {
  return Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString("base64")
}
