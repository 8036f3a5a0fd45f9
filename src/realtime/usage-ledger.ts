/** What a call uses of its speech-to-speech model, kept whenever an answer is complete. */

import type { Usage } from "../call/usage.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"
import { UsageCount } from "./usage-count.ts"

export type UsageLedgerOptions = {
  model: string
  transcriber: string
  keepUsage: (usage: Usage) => void
}

export class UsageLedger {
  readonly #options: UsageLedgerOptions
  readonly #count = new UsageCount()
  #known = this.#count.total

  constructor({ model, transcriber, keepUsage }: UsageLedgerOptions) {
    this.#options = { model, transcriber, keepUsage }
  }

  /** Counts what an event reports; most report nothing. */
  apply(event: RealtimeEvent): void {
    if (event.type !== "response-done" && event.type !== "caller-transcript") return
    this.#count.apply(event)
    if (event.type === "response-done") this.flush()
  }

  /** Keeps what was counted since the last time. */
  flush(): void {
    const { model, transcriber, keepUsage } = this.#options
    const { total } = this.#count
    if (total === this.#known) return
    this.#known = total
    const { transcriptionTokens, transcriptionSeconds, ...tokens } = total
    if (tokens.responses > 0) keepUsage({ kind: "realtime", model, amounts: used(tokens), cost: null })
    const heard = { tokens: transcriptionTokens, seconds: transcriptionSeconds }
    if (heard.tokens + heard.seconds > 0) {
      keepUsage({ kind: "transcription", model: transcriber, amounts: used(heard), cost: null })
    }
  }
}

function used(amounts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount > 0))
}
