/** Knows, or estimates, until when the agent is being heard. Pure. */

/** An ordinary pace of synthetic speech: 15 characters a second. */
const MS_PER_CHARACTER = 66
/** From the first text to audible speech: 0.25 to 0.5 s were seen on real calls. */
const SYNTHESIS_MS = 500

/** A report of silence that is this late was lost. */
const MAX_OVERDUE_MS = 20_000

export class PlayoutEstimate {
  #endsAt = 0
  /** The end of everything that the next words cannot replace. */
  #firmEndsAt = 0
  #lastSentAt = 0
  /** When the speech that is, or was last, reported began. */
  #beganAt = 0
  #speaking: boolean | undefined

  /** Whether the agent is audible now, as Twilio reports it; undefined while it never reported. */
  get speaking(): boolean | undefined {
    return this.#speaking
  }

  /** When everything sent so far has been spoken, in monotonic milliseconds. */
  get endsAt(): number {
    return this.#endsAt
  }

  /** The same, as it looks at `now`: while Twilio says that the agent is audible, the end is still to come. */
  endsAtSeen(now: number): number {
    const overdue = now - this.#endsAt > MAX_OVERDUE_MS
    return this.#speaking && !overdue ? Math.max(this.#endsAt, now + 1) : this.#endsAt
  }

  /** Text was sent. `preemptible`: the next text replaces it. */
  sent(text: string, now: number, { preemptible = false } = {}): void {
    const startsAt = this.#firmEndsAt > now ? this.#firmEndsAt : now + SYNTHESIS_MS
    this.#endsAt = startsAt + text.length * MS_PER_CHARACTER
    if (!preemptible) this.#firmEndsAt = this.#endsAt
    this.#lastSentAt = now
  }

  /** Twilio reported that the agent began or ceased to be audible. */
  reported(speaking: boolean, now: number): void {
    const wasSpeaking = this.#speaking === true
    this.#speaking = speaking
    if (speaking) {
      if (!wasSpeaking) this.#beganAt = now
      this.#endsAt = Math.max(this.#endsAt, now + 1)
      return
    }
    // Text that was sent a moment ago has not begun yet: this silence is the one before it.
    if (this.#beganAt <= this.#lastSentAt && now - this.#lastSentAt < SYNTHESIS_MS) return
    this.#endNoLaterThan(now)
    // Speech may have lasted longer than its estimate: what counts is when it ended.
    if (wasSpeaking) this.#endsAt = now
  }

  /** Everything that was queued is gone: the caller cut it off. */
  purged(now: number): void {
    this.#endNoLaterThan(now)
    if (this.#speaking) this.#speaking = false
  }

  #endNoLaterThan(now: number): void {
    this.#endsAt = Math.min(this.#endsAt, now)
    this.#firmEndsAt = Math.min(this.#firmEndsAt, now)
  }
}
