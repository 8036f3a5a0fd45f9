/** The caller's side of the record: each turn takes its place when it was spoken, and gets its words when they come. */

import type { CallEvent } from "../call/events.ts"
import type { Turn } from "../call/turn.ts"
import type { History } from "../conversation/history.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallerAudio } from "../media/caller-audio.ts"
import type { ModelConnection } from "./connection/reconnecting.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"
import { SilencePadding } from "./silence-padding.ts"

export type CallerTurnsOptions = {
  history: History
  keep: (turn: Turn) => void
  sound: CallerAudio
  /** Whether words ever come. */
  transcribes: boolean
  publish: (event: CallEvent) => void
  sweep: Sweep
  log: Log
}

/** Turns whose words have not come; a recogniser that is silent for ever must not make this grow. */
const MAX_WAITING = 100
/** Words that have not come so long after they were spoken are not waited for. */
const WORDS_WITHIN_MS = 5_000

export class CallerTranscripts {
  readonly #options: CallerTurnsOptions
  readonly #waiting = new Map<string, Turn>()
  readonly #filler: SilencePadding
  #isSpeaking = false
  /** When a turn that has not entered the conversation yet began or ended. */
  #uncommittedAt: number | undefined
  #isClosed = false
  #startedAt: number | undefined

  constructor(options: CallerTurnsOptions) {
    this.#options = options
    this.#filler = new SilencePadding(options)
  }

  get isSpeaking(): boolean {
    return this.#isSpeaking
  }

  /** Whether the caller speaks, or the words of what was said last are still to come. */
  get hasWordsToCome(): boolean {
    if (!this.#options.transcribes) return false
    if (this.#isSpeaking) return true
    const since = this.#uncommittedAt ?? [...this.#waiting.values()].at(-1)?.endedAt ?? undefined
    return since !== undefined && this.#now() - since < WORDS_WITHIN_MS
  }

  /** Takes an event of the server; most are not about the caller. */
  apply(event: RealtimeEvent, modelConnection: ModelConnection): void {
    if (event.type === "speech-started") this.#began()
    else if (event.type === "speech-stopped") this.#fallsSilent()
    else if (event.type === "committed") this.#committed(keyOf(modelConnection, event.itemId))
    else if (event.type === "caller-transcript")
      this.#said(keyOf(modelConnection, event.itemId), event.text, event.languages[0] ?? null)
    else if (event.type === "caller-transcript-failed") {
      this.#options.log.warn("speech of the caller was not recognised", { code: event.code })
      this.#waiting.delete(keyOf(modelConnection, event.itemId))
    }
  }

  /** Nothing comes of a turn that has not entered the conversation by now. */
  stopped(): void {
    this.#fallsSilent()
    this.#uncommittedAt = undefined
  }

  /** The caller is gone, and begins no other turn. */
  close(): void {
    this.#isClosed = true
    this.#filler.stop()
  }

  #began(): void {
    if (this.#isClosed) return
    this.#startedAt = this.#now()
    this.#uncommittedAt = this.#startedAt
    this.#isSpeaking = true
    this.#filler.start()
  }

  #fallsSilent(): void {
    if (this.#isSpeaking) this.#uncommittedAt = this.#now()
    this.#isSpeaking = false
    this.#filler.stop()
  }

  /** What was said has entered the conversation. */
  #committed(key: string): void {
    this.stopped()
    const turn = this.#options.history.caller("", { kind: "speech", at: this.#now() })
    turn.startedAt = this.#startedAt ?? turn.startedAt
    this.#startedAt = undefined
    if (this.#options.transcribes) this.#waiting.set(key, turn)
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest)
  }

  /** The words of it. Told again they change nothing. */
  #said(key: string, text: string, lang: string | null): void {
    const { keep, publish } = this.#options
    const turn = this.#waiting.get(key)
    if (!turn) return
    this.#waiting.delete(key)
    turn.text = text.trim()
    turn.lang = lang
    keep(turn)
    if (turn.text !== "") publish({ type: "caller.spoke", turnId: turn.id, text: turn.text, lang })
  }

  #now(): number {
    return this.#options.sweep.clock.now()
  }
}

const keyOf = ({ epoch }: ModelConnection, itemId: string) => `${epoch}/${itemId}`
