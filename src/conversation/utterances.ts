/** The latest things said to the caller, to find out which of them an interruption or a played clause belongs to. Pure. */

import type { Turn } from "../call/turn.ts"
import { Spoken } from "./spoken.ts"

/** Older ones than this have been heard or purged long ago. */
const KEPT = 8

export type Utterance = { turn: Turn; spoken: Spoken; startedAt: number }

export class Utterances {
  readonly #latest: Utterance[] = []

  /** A new utterance; its text follows by `spoken.sent`. */
  begin(turn: Turn, startedAt: number): Utterance {
    const utterance = { turn, spoken: new Spoken(), startedAt }
    this.#latest.push(utterance)
    if (this.#latest.length > KEPT) this.#latest.shift()
    return utterance
  }

  get last(): Utterance | undefined {
    return this.#latest.at(-1)
  }

  /** Books a clause that was played to the oldest utterance that still waits for it, and returns that one. */
  played(clause: string): Utterance | undefined {
    return this.#latest.find(({ spoken }) => !spoken.playedOut && spoken.played(clause))
  }

  /**
   * The utterance an interruption cut off, and what was heard of it. A report that fits several belongs to the newest
   * that had begun when the interrupted speech began, `durationMs` before `now`.
   */
  interrupted(heard: string, options: { now: number; durationMs?: number | undefined }): Hit | undefined {
    const { now, durationMs = 0 } = options
    const hits = this.#latest
      .filter(({ spoken }) => spoken.text.trim() !== "")
      .toReversed()
      .flatMap((utterance) => {
        const text = utterance.spoken.heard(heard)
        return text === undefined ? [] : [{ utterance, text }]
      })
    if (heard.trim() === "") return hits.at(0)
    return hits.find(({ utterance }) => utterance.startedAt <= now - durationMs) ?? hits.at(0)
  }
}

export type Hit = { utterance: Utterance; text: string }
