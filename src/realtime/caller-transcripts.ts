/** The caller's turns: each one enters the history when it was spoken, and gets its text when the transcription comes. */

import { endedAtOf, type CallEvent } from "../call/events.ts"
import type { Turn } from "../call/turn.ts"
import type { History } from "../conversation/history.ts"
import type { Clock } from "../lib/clock.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallerAudio } from "../media/caller-audio.ts"
import type { ModelConnection } from "./connection/reconnecting.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"
import { SilencePadding } from "./silence-padding.ts"

export type CallerTranscriptsOptions = {
  history: Pick<History, "caller">
  keep: (turn: Turn) => void
  callerAudio: Pick<CallerAudio, "pieces" | "fill">
  /** Whether the session has transcription switched on. */
  transcribes: boolean
  publish: (event: CallEvent) => void
  sweep: Sweep
  log: Log
}

/** Turns without a transcript that are kept; a transcription service that never answers must not fill the memory. */
const MAX_UNTRANSCRIBED = 100
/** Transcripts that have not come so long after the turn are not waited for. */
const TRANSCRIPT_WITHIN_MS = 5_000

/** Speech that has not entered the conversation yet. `startedAt` and `stoppedAt` are in milliseconds since the epoch, `stoppedMs` in monotonic time. */
type Speech =
  | { phase: "none" }
  | { phase: "speaking"; startedAt: number }
  | { phase: "stopped"; startedAt: number; stoppedAt: number; stoppedMs: number }

export class CallerTranscripts {
  readonly #options: CallerTranscriptsOptions
  /** By epoch of the connection and id of the item. */
  readonly #untranscribed = new Map<string, { turn: Turn; committedMs: number }>()
  readonly #padding: SilencePadding
  #speech: Speech = { phase: "none" }
  #acceptsSpeech = true

  constructor(options: CallerTranscriptsOptions) {
    this.#options = options
    this.#padding = new SilencePadding(options)
  }

  get isSpeaking(): boolean {
    return this.#speech.phase === "speaking"
  }

  /** Whether the caller speaks, or the transcript of the latest turn is still to come. */
  get awaitsTranscript(): boolean {
    if (!this.#options.transcribes) return false
    if (this.#speech.phase === "speaking") return true
    const since =
      this.#speech.phase === "stopped"
        ? this.#speech.stoppedMs
        : [...this.#untranscribed.values()].at(-1)?.committedMs
    return since !== undefined && this.#clock.monotonic() - since < TRANSCRIPT_WITHIN_MS
  }

  /** Takes any event of the server. */
  apply(event: RealtimeEvent, { epoch }: Pick<ModelConnection, "epoch">): void {
    if (event.type === "speech-started") this.#started()
    else if (event.type === "speech-stopped") this.#stopped()
    else if (event.type === "committed") this.#committed(keyOf(epoch, event.itemId))
    else if (event.type === "caller-transcript")
      this.#transcribed(keyOf(epoch, event.itemId), event.text, event.languages[0] ?? null)
    else if (event.type === "caller-transcript-failed") {
      this.#options.log.warn("caller speech not transcribed", { code: event.code })
      this.#untranscribed.delete(keyOf(epoch, event.itemId))
    }
  }

  /** Speech that has not entered the conversation by now never will. */
  discardSpeech(): void {
    this.#speech = { phase: "none" }
    this.#padding.stop()
  }

  /** The call is over: no further turn begins. One that has begun is still recorded. */
  close(): void {
    this.#acceptsSpeech = false
    this.#padding.stop()
  }

  #started(): void {
    if (!this.#acceptsSpeech) return
    this.#speech = { phase: "speaking", startedAt: this.#clock.now() }
    this.#padding.start()
  }

  #stopped(): void {
    this.#padding.stop()
    if (this.#speech.phase !== "speaking") return
    this.#speech = {
      phase: "stopped",
      startedAt: this.#speech.startedAt,
      stoppedAt: this.#clock.now(),
      stoppedMs: this.#clock.monotonic(),
    }
  }

  #committed(key: string): void {
    const speech = this.#speech
    this.discardSpeech()
    const turn = this.#options.history.caller("", { kind: "speech", at: this.#clock.now() })
    if (speech.phase !== "none") turn.startedAt = speech.startedAt
    if (speech.phase === "stopped") turn.endedAt = speech.stoppedAt
    if (this.#options.transcribes)
      this.#untranscribed.set(key, { turn, committedMs: this.#clock.monotonic() })
    const [oldest] = this.#untranscribed.keys()
    if (this.#untranscribed.size > MAX_UNTRANSCRIBED && oldest !== undefined)
      this.#untranscribed.delete(oldest)
  }

  /** A transcript that comes twice changes nothing. */
  #transcribed(key: string, text: string, lang: string | null): void {
    const { keep, publish } = this.#options
    const waiting = this.#untranscribed.get(key)
    if (!waiting) return
    const { turn } = waiting
    this.#untranscribed.delete(key)
    turn.text = text.trim()
    turn.lang = lang
    keep(turn)
    if (turn.text === "") return
    publish({ type: "caller.spoke", turnId: turn.id, text: turn.text, lang, ...endedAtOf(turn.endedAt) })
  }

  get #clock(): Clock {
    return this.#options.sweep.clock
  }
}

const keyOf = (epoch: number, itemId: string) => `${epoch}/${itemId}`
