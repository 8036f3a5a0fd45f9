/** Plays stored sentences to a caller who is waiting for an answer. */

import { FillerPhrases } from "../conversation/filler-phrases.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { AgentAudio } from "./agent-audio.ts"

/** No configuration leaves a caller in silence for longer than three seconds. */
const MAX_SILENCE_MS = 2_500
/** Played one after another, then the last one again and again. */
const PROMPTS = ["one-moment", "please-hold"] as const

export type HoldPromptsOptions = {
  voice: AgentAudio
  /** Whether anything is played at all. */
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
      phrases: enabled ? PROMPTS : [],
      silenceMs: Math.min(silenceMs, MAX_SILENCE_MS),
      quietAt: () => voice.quietAt(),
      // Late marks make the end of playback seem later than it was.
      checkEveryMs: 500,
      say: (name) => voice.playPrompt(name === "please-hold" ? name : "one-moment"),
    })
  }

  /** Whether the caller is waiting and has heard nothing of the answer yet. */
  get unanswered(): boolean {
    return this.#active && !this.#answered
  }

  /** The caller is waiting from now on. Without effect on the timing of a caller who is waiting already. */
  start(): void {
    this.#answered = false
    if (this.#active) return
    this.#active = true
    this.#phrases.start()
  }

  /** The answer has begun to play. It may break off, so silence after it counts as well. */
  answered(): void {
    this.#answered = true
  }

  /** The caller is not waiting any more. Cheap when nothing was started. */
  stop(): void {
    if (!this.#active) return
    this.#active = false
    this.#phrases.stop()
  }
}
