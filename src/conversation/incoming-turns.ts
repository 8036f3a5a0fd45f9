/** Records what the caller and programs bring into a conversation: a turn in the history, and the event of it. */

import { endedAtOf, type CallEvent } from "../call/events.ts"
import type { InsertedMessage } from "../call/live-calls.ts"
import type { Clock } from "../lib/clock.ts"
import type { History } from "./history.ts"

export type IncomingTurnsOptions = { history: History; clock: Clock; publish: (event: CallEvent) => void }

const SPEAKERS = { user: "caller", assistant: "agent", system: "system" } as const

export class IncomingTurns {
  readonly #options: IncomingTurnsOptions

  constructor(options: IncomingTurnsOptions) {
    this.#options = options
  }

  speech(text: string, lang: string | undefined): void {
    const { history, clock, publish } = this.#options
    const turn = history.caller(text, { kind: "speech", lang, at: clock.now() })
    publish({ type: "caller.spoke", turnId: turn.id, text, lang: lang ?? null, ...endedAtOf(turn.endedAt) })
  }

  /** Without effect for no digits. */
  digits(digits: string): void {
    if (digits === "") return
    const { history, clock, publish } = this.#options
    const turn = history.caller(digits, { kind: "keypad", at: clock.now() })
    publish({ type: "digits.received", turnId: turn.id, digits })
  }

  message({ role, text }: InsertedMessage): void {
    const { history, clock, publish } = this.#options
    const turn = history.note(text, { speaker: SPEAKERS[role], at: clock.now() })
    publish({ type: "message.inserted", turnId: turn.id, role, text })
  }
}
