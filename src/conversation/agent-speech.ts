/** What the agent said and what was heard of it: keeps both in the history and publishes what is certain. */

import { endedAtOf, type CallEvent } from "../call/events.ts"
import type { Latency } from "../call/turn.ts"
import type { Clock } from "../lib/clock.ts"
import type { History } from "./history.ts"
import { Utterances, type Utterance } from "./recent-utterances.ts"

export type AgentSpeechOptions = {
  history: History
  clock: Clock
  /** When everything sent so far will have been heard, as far as is known, in monotonic milliseconds. */
  quietAt: () => number
  publish: (event: CallEvent) => void
}

export class AgentSpeech {
  readonly #options: AgentSpeechOptions
  readonly #utterances = new Utterances()
  /** Said, but perhaps not heard yet. */
  readonly #unreported = new Set<Utterance>()

  constructor(options: AgentSpeechOptions) {
    this.#options = options
  }

  /** The utterance that began last. */
  get last(): Utterance | undefined {
    return this.#utterances.last
  }

  /** An utterance without text, which is not recorded until it has some. */
  begin(): Utterance {
    return this.#utterances.create(this.#options.history.agent())
  }

  /** Text of it was sent to be spoken. */
  sent(utterance: Utterance, text: string): void {
    const { clock, history } = this.#options
    this.#utterances.sent(utterance, text, clock.monotonic())
    history.say(utterance.turn, utterance.spoken.text, clock.now())
  }

  /** All of it was sent. Until it is reported as played, the estimate says when it ends. */
  complete(utterance: Utterance, latency?: Latency): void {
    const { clock, quietAt } = this.#options
    const estimate = clock.now() + Math.max(0, quietAt() - clock.monotonic())
    const endedAt = utterance.spoken.playedOut ? (utterance.playedAt ?? estimate) : estimate
    this.#settle(utterance, {
      text: utterance.spoken.text.trim(),
      interrupted: false,
      latency,
      endedAt: Math.round(endedAt),
    })
  }

  /** A clause was played. `running`: the utterance to which words may still be added. */
  played(clause: string, running: Utterance | undefined): void {
    const utterance = this.#utterances.played(clause)
    if (!utterance) return
    utterance.playedAt = this.#options.clock.now()
    if (utterance === running) return
    if (utterance.spoken.playedOut) this.#options.history.endedAt(utterance.turn, utterance.playedAt)
    this.reportIfPlayed(utterance)
  }

  /**
   * Finds out what an interruption cut off and what was heard of it; undefined when nothing was. `running`: the utterance
   * to which words may still be added.
   */
  interrupted(
    report: string,
    { durationMs, running }: { durationMs: number | undefined; running: Utterance | undefined },
  ): { utterance: Utterance; text: string } | undefined {
    const { last } = this
    if (report !== "") {
      const hit = this.#utterances.interrupted(report, { now: this.#options.clock.monotonic(), durationMs })
      // What fits nothing that was sent is all the same what the caller heard.
      return hit ?? (last && { utterance: last, text: report })
    }
    // A report without words can only mean what is being spoken at this moment.
    if (!last || last.cut) return undefined
    if (this.#isAudible) return { utterance: last, text: last.spoken.playedText }
    return last === running ? { utterance: last, text: last.spoken.text.trim() } : undefined
  }

  /** The caller heard `text` of it, and will hear no more of it nor of what was said before. */
  cut(utterance: Utterance, text: string): void {
    const { turn, cut } = utterance
    this.#utterances.cutOff(utterance)
    const repeated = cut && turn.interrupted && turn.text === text
    if (!repeated) this.#settle(utterance, { text, interrupted: true })
    this.#endByNow()
  }

  /**
   * Nothing more will be played: what is known not to have been played was not heard. Once the agent is silent everything
   * was, even if the last clause was never reported. `allReported`: whatever was played was reported, so the rest was not.
   */
  cutUnplayed({ allReported = false } = {}): void {
    if (!allReported && !this.#isAudible) return
    for (const utterance of this.#utterances.unplayed({ allReported })) {
      this.#settle(utterance, { text: utterance.spoken.playedText, interrupted: true })
    }
    if (allReported && this.last) this.#utterances.cutOff(this.last)
    this.#endByNow()
  }

  /** Publishes everything that waits: it was cut off, or the caller has spoken since. */
  report(): void {
    for (const utterance of this.#unreported) this.#report(utterance)
  }

  /** Publishes this one if all of it was played. */
  reportIfPlayed(utterance: Utterance): void {
    if (utterance.spoken.playedOut) this.#report(utterance)
  }

  get #isAudible(): boolean {
    const { clock, quietAt } = this.#options
    return quietAt() > clock.monotonic()
  }

  /** Nothing that was said so far is heard any longer. */
  #endByNow(): void {
    const { clock, history } = this.#options
    const now = clock.now()
    for (const { turn } of this.#utterances.latest) {
      if (turn.endedAt !== null && turn.endedAt > now) history.endedAt(turn, now)
    }
  }

  #settle(
    utterance: Utterance,
    heard: { text: string; interrupted: boolean; latency?: Latency | undefined; endedAt?: number },
  ): void {
    const { endedAt = this.#options.clock.now(), ...rest } = heard
    this.#options.history.settle(utterance.turn, { ...rest, at: endedAt })
    this.#unreported.add(utterance)
  }

  #report(utterance: Utterance): void {
    if (!this.#unreported.delete(utterance)) return
    const { id, text, interrupted, endedAt } = utterance.turn
    if (text !== "" || interrupted) {
      this.#options.publish({ type: "agent.spoke", turnId: id, text, interrupted, ...endedAtOf(endedAt) })
    }
  }
}
