/**
 * Deepgram Flux: a transcriber that decides itself when a turn is over, and reports when it probably will be.
 * Sources: Deepgram "Flux quickstart", "Flux configuration", "Flux agent guide", "Close Stream".
 */

import { z } from "zod"
import { silence } from "../../audio/mulaw.ts"
import { CallerBacklog } from "../caller-backlog.ts"
import { SpeechConnection, type SpeechServices } from "../connection.ts"
import { rejection, type SpeechFailure } from "../failure.ts"
import { ignoringOthers } from "../messages.ts"
import { CLOSING_MS, type Transcriber, type TranscriberListener, type TurnProfile } from "../transcriber.ts"
import { deepgramAddress, PHONE_AUDIO, type DeepgramAccount } from "./address.ts"

export type FluxListenOptions = DeepgramAccount & {
  /** `flux-general-en`, or `flux-general-multi` for ten languages. */
  model?: string | undefined
  /** Names and words to favour: 20 to 50 of them, 500 tokens together at most. */
  keyterms?: readonly string[] | undefined
  /** Expected languages; only `flux-general-multi` has them. */
  languages?: readonly string[] | undefined
  /** Whether `eager-end` is reported. Costs one and a half times the answers of the text model. */
  eagerEnd?: boolean | undefined
  profile: TurnProfile
}

/** Confidence that a turn is over, 0.5 to 1, and the silence that ends it in any case, in milliseconds. */
const THRESHOLDS: Record<TurnProfile, { eot_threshold: number; eot_timeout_ms: number }> = {
  conversation: { eot_threshold: 0.7, eot_timeout_ms: 5_000 },
  menu: { eot_threshold: 0.6, eot_timeout_ms: 1_000 },
  dictation: { eot_threshold: 0.9, eot_timeout_ms: 8_000 },
}
/** Not above any of the thresholds. */
const EAGER_THRESHOLD = 0.5
/** The length that Deepgram recommends: shorter pieces cost accuracy of the turn's end, longer ones delay it. */
const PIECE_MS = 80
/** A stream without audio is closed after 20 to 30 s, and its silence does not end a turn: it is filled. */
const FILL_EVERY_MS = 1_000

const turnEvents = ["StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"] as const

const TurnInfo = z.object({
  type: z.literal("TurnInfo"),
  event: z.string(),
  transcript: z.string(),
  /** Seconds of the stream. */
  audio_window_end: z.number().nonnegative(),
})
const Failure = z.object({
  type: z.literal("Error"),
  code: z.string().default("unknown"),
  description: z.string().default(""),
})
const Warning = z.object({ type: z.literal("Warning"), code: z.string() })
const FluxMessage = ignoringOthers(
  ["Connected", "TurnInfo", "Error", "Warning", "ConfigureFailure"],
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("Connected") }),
    z.object({ type: z.literal("ConfigureFailure") }),
    TurnInfo,
    Failure,
    Warning,
  ]),
)
type FluxMessage = z.output<typeof FluxMessage>

/** The running turn: what was reported of it. */
type Turn = { text: string; isEager: boolean }

export class FluxTranscriber implements Transcriber {
  readonly #listener: TranscriberListener
  readonly #services: SpeechServices
  readonly #eagerEnd: boolean
  readonly #connection: SpeechConnection<FluxMessage>
  readonly #backlog = new CallerBacklog({ pieceMs: PIECE_MS, send: (audio) => this.#connection.send(audio) })
  readonly #cancelFilling: () => void
  #turn: Turn | undefined
  #profile: TurnProfile
  readonly #openedFor: TurnProfile
  #isReady = false
  #isOver = false
  #heardAtLastFill = 0
  #filledMs = 0

  constructor(options: FluxListenOptions, services: SpeechServices, listener: TranscriberListener) {
    const { model = "flux-general-en", keyterms, languages, eagerEnd = false, profile } = options
    this.#profile = profile
    this.#openedFor = profile
    this.#listener = listener
    this.#services = services
    this.#eagerEnd = eagerEnd
    const query = {
      model,
      ...PHONE_AUDIO,
      ...THRESHOLDS[profile],
      eager_eot_threshold: eagerEnd ? EAGER_THRESHOLD : undefined,
      numerals: true,
      keyterm: keyterms,
      language_hint: model.endsWith("-multi") ? languages : undefined,
    }
    this.#connection = new SpeechConnection({
      ...services,
      address: deepgramAddress(options, "/v2/listen", query),
      schema: FluxMessage,
      opened: () => {},
      message: (message) => this.#receive(message),
      lost: (failure) => this.#lost(failure),
      finished: () => this.#finished(),
    })
    this.#cancelFilling = services.sweep.every(FILL_EVERY_MS, () => this.#fill())
  }

  hear(audio: Uint8Array): void {
    if (!this.#isOver) this.#backlog.push(audio)
  }

  expect(profile: TurnProfile): void {
    if (profile === this.#profile) return
    this.#profile = profile
    if (this.#isReady) this.#configure()
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelFilling()
    this.#backlog.flush()
    this.#connection.finish(JSON.stringify({ type: "CloseStream" }), CLOSING_MS)
  }

  #receive(message: FluxMessage): void {
    switch (message.type) {
      case "Connected":
        return this.#ready()
      case "TurnInfo":
        return this.#turnInfo(message)
      case "Error":
        return this.#connection.fail(rejection(message.code, message.description))
      case "Warning":
        return this.#services.log.info("warning of the transcriber", { code: message.code })
      case "ConfigureFailure":
        return this.#services.log.warn("the transcriber refused the settings of a turn", {
          profile: this.#profile,
        })
      case "ignored":
        return
      default:
        message satisfies never
    }
  }

  #ready(): void {
    if (this.#isReady) return
    this.#isReady = true
    if (this.#profile !== this.#openedFor) this.#configure()
    this.#backlog.release()
    const { lostMs } = this.#backlog
    if (lostMs > 0) this.#services.log.warn("caller audio lost before the transcriber was ready", { lostMs })
    this.#listener({ type: "ready" })
  }

  #turnInfo({ event: name, transcript, audio_window_end: endSeconds }: z.output<typeof TurnInfo>): void {
    const event = turnEvents.find((known) => known === name)
    if (event === undefined) return
    const text = transcript.trim()
    if (event === "EndOfTurn") return this.#endTurn(text, endSeconds * 1_000)
    // An end by timeout may come without a start, and then without a word.
    const turn = this.#turn ?? this.#beginTurn()
    if (event === "TurnResumed" && turn.isEager) {
      turn.isEager = false
      this.#listener({ type: "resumed" })
    }
    if (text !== "" && (text !== turn.text || event === "Update")) {
      turn.text = text
      this.#listener({ type: "interim", text })
    }
    if (event === "EagerEndOfTurn" && this.#eagerEnd && text !== "") {
      turn.isEager = true
      this.#listener({ type: "eager-end", text })
    }
  }

  #beginTurn(): Turn {
    this.#turn = { text: "", isEager: false }
    this.#listener({ type: "speech-started" })
    return this.#turn
  }

  #endTurn(text: string, endMs: number): void {
    if (!this.#turn && text === "") return
    if (!this.#turn) this.#beginTurn()
    this.#turn = undefined
    this.#listener({ type: "turn-ended", text, untilMs: Math.max(0, endMs - this.#filledMs) })
  }

  #configure(): void {
    this.#connection.send(JSON.stringify({ type: "Configure", thresholds: THRESHOLDS[this.#profile] }))
  }

  #fill(): void {
    const { heardMs } = this.#backlog
    const isSilent = heardMs === this.#heardAtLastFill
    this.#heardAtLastFill = heardMs
    if (!isSilent || !this.#isReady) return
    this.#backlog.flush()
    this.#filledMs += FILL_EVERY_MS
    this.#connection.send(silence(FILL_EVERY_MS))
  }

  #lost(failure: SpeechFailure): void {
    this.#isOver = true
    this.#cancelFilling()
    this.#listener({ type: "failed", failure })
  }

  /** After `CloseStream` there is no `EndOfTurn`: the last update is the final text. */
  #finished(): void {
    if (this.#turn) this.#endTurn(this.#turn.text, this.#backlog.heardMs + this.#filledMs)
    this.#listener({ type: "closed" })
  }
}
