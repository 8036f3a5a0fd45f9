/** The latest things said to the caller, to find out which of them an interruption or a played clause belongs to. Pure. */

import type { Turn } from "../call/turn.ts"
import { UtteranceLedger } from "./utterance-ledger.ts"

/** Older ones than this have been heard or purged long ago. */
const KEPT = 8
/** A report that begins in the middle of an utterance is looked for in the latest ones only. */
const RECENT = 2

export type Utterance = {
  readonly turn: Turn
  readonly spoken: UtteranceLedger
  /** When its first words were sent, in monotonic milliseconds; undefined before. */
  startedAt: number | undefined
  /** When a clause of it was reported as played last, in milliseconds since the epoch. */
  playedAt?: number
  /** Whether the caller cut it off: no more of it will be played. */
  cut: boolean
}

export class Utterances {
  /** In the order in which they began to be spoken. */
  readonly #latest: Utterance[] = []
  #playedKnown = false

  /** An utterance that has no words yet. */
  create(turn: Turn): Utterance {
    return { turn, spoken: new UtteranceLedger(), startedAt: undefined, cut: false }
  }

  /** Records text that was sent. */
  sent(utterance: Utterance, text: string, now: number): void {
    utterance.spoken.sent(text)
    if (utterance.startedAt !== undefined) return
    utterance.startedAt = now
    this.#latest.push(utterance)
    if (this.#latest.length > KEPT) this.#latest.shift()
  }

  /** Those that are known, in the order in which they began. */
  get latest(): readonly Utterance[] {
    return this.#latest
  }

  /** The one that began last. */
  get last(): Utterance | undefined {
    return this.#latest.at(-1)
  }

  /** Finds the oldest utterance that is waiting for this played clause, records the clause there and returns it. */
  played(clause: string): Utterance | undefined {
    const found = this.#latest.find(({ spoken, cut }) => !cut && !spoken.playedOut && spoken.played(clause))
    if (found) this.#playedKnown = true
    return found
  }

  /**
   * The utterance that was cut off after `report` was heard, and what was heard of it. A report that fits several belongs
   * to the newest that had begun when the interrupted speech began, `durationMs` before `now`.
   */
  interrupted(
    report: string,
    { now, durationMs = 0 }: { now: number; durationMs?: number | undefined },
  ): { utterance: Utterance; text: string } | undefined {
    const hits = this.#latest.toReversed().flatMap((utterance, age) => {
      const text = utterance.spoken.heard(report, { fromStart: utterance.cut || age >= RECENT })
      return text === undefined ? [] : [{ utterance, text }]
    })
    return hits.find(({ utterance }) => (utterance.startedAt ?? now) <= now - durationMs) ?? hits.at(0)
  }

  /** Nothing of this one, and of those before it, is played any more. */
  cutOff(utterance: Utterance): void {
    for (const earlier of this.#latest.slice(0, this.#latest.indexOf(utterance) + 1)) earlier.cut = true
  }

  /**
   * Those at the end that were sent and not played, or not to their end, oldest first. None while nothing is known of
   * playing, unless all of it is reported.
   */
  unplayed({ allReported = false } = {}): Utterance[] {
    if (!this.#playedKnown && !allReported) return []
    const unplayed: Utterance[] = []
    for (const utterance of this.#latest.toReversed()) {
      if (utterance.cut || utterance.spoken.playedOut) break
      unplayed.unshift(utterance)
      if (utterance.spoken.playedText !== "") break
    }
    return unplayed
  }
}
