/** The caller's side of the record: each turn takes its place when it was spoken, and gets its words when they come. */

import type { CallEvent } from "../call/events.ts"
import type { Turn } from "../call/turn.ts"
import type { History } from "../conversation/history.ts"
import type { Clock } from "../lib/clock.ts"
import type { Dialogue } from "./model-line.ts"

export type CallerTurnsOptions = {
  history: History
  keep: (turn: Turn) => void
  clock: Clock
  publish: (event: CallEvent) => void
}

/** Turns whose words have not come; a recogniser that is silent for ever must not make this grow. */
const MAX_WAITING = 100

export class CallerTurns {
  readonly #options: CallerTurnsOptions
  readonly #waiting = new Map<string, Turn>()
  #startedAt: number | undefined

  constructor(options: CallerTurnsOptions) {
    this.#options = options
  }

  /** The caller begins to speak. */
  began(): void {
    this.#startedAt = this.#options.clock.now()
  }

  /** What was said has entered the conversation. */
  committed({ epoch }: Dialogue, itemId: string): void {
    const { history, clock } = this.#options
    const turn = history.caller("", { kind: "speech", at: clock.now() })
    turn.startedAt = this.#startedAt ?? turn.startedAt
    this.#startedAt = undefined
    this.#waiting.set(`${epoch}/${itemId}`, turn)
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest)
  }

  /** The words of it. Told again they change nothing. */
  said({ epoch }: Dialogue, itemId: string, text: string, lang: string | null): void {
    const { keep, publish } = this.#options
    const key = `${epoch}/${itemId}`
    const turn = this.#waiting.get(key)
    if (!turn) return
    this.#waiting.delete(key)
    turn.text = text.trim()
    turn.lang = lang
    keep(turn)
    if (turn.text !== "") publish({ type: "caller.spoke", turnId: turn.id, text: turn.text, lang })
  }

  /** Nobody will ever know the words. */
  failed({ epoch }: Dialogue, itemId: string): void {
    this.#waiting.delete(`${epoch}/${itemId}`)
  }
}
