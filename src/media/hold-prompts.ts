/** Stored sentences for a caller who waits for the model. */

import { FillerPhrases } from "../conversation/filler-phrases.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { AgentAudio } from "./agent-audio.ts"

/** Whatever is configured: nobody hears silence for longer than three seconds. */
const MAX_SILENCE_MS = 2_500
/** Said one after another; the last one again and again. */
const SOUNDS = ["one-moment", "please-hold"] as const

export type HoldPromptsOptions = {
  voice: AgentAudio
  /** Whether anything is said at all. */
  enabled: boolean
  /** Silence before a sentence, in milliseconds. */
  silenceMs: number
  sweep: Sweep
}

export class HoldPrompts {
  readonly #phrases: FillerPhrases
  #active = false
  #answered = false

  constructor({ voice, enabled, silenceMs, sweep }: HoldPromptsOptions) {
    this.#phrases = new FillerPhrases({
      sweep,
      phrases: enabled ? SOUNDS : [],
      silenceMs: Math.min(silenceMs, MAX_SILENCE_MS),
      quietAt: () => voice.quietAt(),
      // Marks that come late make the end of the sound seem later than it was.
      lookEveryMs: 500,
      say: (name) => voice.playPrompt(name === "please-hold" ? name : "one-moment"),
    })
  }

  /** Whether the caller waits and nothing of the answer was heard yet. */
  get unanswered(): boolean {
    return this.#active && !this.#answered
  }

  /** The caller waits from now on; one who waits already goes on waiting. */
  start(): void {
    this.#answered = false
    if (this.#active) return
    this.#active = true
    this.#phrases.start()
  }

  /** Something of the answer is heard. It may break off: silence after it counts as well. */
  answered(): void {
    this.#answered = true
  }

  /** Costs no more than a look when nobody waits. */
  stop(): void {
    if (!this.#active) return
    this.#active = false
    this.#phrases.stop()
  }
}
