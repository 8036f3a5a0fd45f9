/** How far a simulated call has come: its status, its times, and the callbacks that report them. */

import type { CallSid } from "../call/ids.ts"
import { isTerminal, type CallStatus } from "../call/status.ts"
import type { Sweep } from "../lib/sweep.ts"
import { StatusCallbacks, type StatusCallback } from "./status-callbacks.ts"

export type CallStateOptions = {
  accountSid: string
  callSid: CallSid
  from: string
  to: string
  direction: "inbound" | "outbound"
  statusCallback?: StatusCallback | undefined
  /** Outcome of an outgoing call; `ring` leaves it ringing until `pickUp()` or its end. */
  outcome: "answer" | "ring" | "busy" | "no-answer" | "failed"
  /** An outgoing call is dialled when this resolves. */
  startWhen?: Promise<void> | undefined
  /** Longest length in seconds, after which `onLimit` is called. */
  timeLimitSeconds?: number | undefined
  /** Fields added to every form, or replacing the usual ones. */
  parameters?: Record<string, string> | undefined
  sweep: Sweep
  send: (callback: StatusCallback, form: Record<string, string>) => Promise<unknown>
  onLimit: () => void
}

/** Twilio knows city, state and zip of real numbers only. Empty fields are sent and signed too. */
const PLACES = Object.fromEntries(
  ["From", "To", "Caller", "Called"].flatMap((party) =>
    ["City", "State", "Zip", "Country"].map((part) => [`${party}${part}`, part === "Country" ? "US" : ""]),
  ),
)

export class CallState {
  readonly startedAt: number
  readonly #options: CallStateOptions
  readonly #callbacks: StatusCallbacks
  readonly #pickedUp = Promise.withResolvers<void>()
  #status: CallStatus
  #answeredAt: number | undefined
  #endedAt: number | undefined
  /** The same in monotonic time. */
  #answeredMs = 0
  #endedMs: number | undefined
  #cancelLimit = () => {}

  constructor(options: CallStateOptions) {
    const { direction, statusCallback, sweep, send } = options
    this.#options = options
    this.startedAt = sweep.clock.now()
    this.#status = direction === "inbound" ? "ringing" : "queued"
    this.#callbacks = new StatusCallbacks({ callback: statusCallback, clock: sweep.clock, send })
  }

  get status(): CallStatus {
    return this.#status
  }

  get answeredAt(): number | undefined {
    return this.#answeredAt
  }

  get endedAt(): number | undefined {
    return this.#endedAt
  }

  /** Whole seconds since the call was answered. */
  get seconds(): number {
    if (this.#answeredAt === undefined) return 0
    return Math.floor(((this.#endedMs ?? this.#options.sweep.clock.monotonic()) - this.#answeredMs) / 1_000)
  }

  /** Rings an outgoing call until it is answered or over. */
  async ring(): Promise<void> {
    const { outcome, startWhen } = this.#options
    if (startWhen) await Promise.race([startWhen, this.#pickedUp.promise])
    this.#become("initiated")
    this.#become("ringing")
    if (outcome === "ring") await this.#pickedUp.promise
    if (outcome === "answer" || outcome === "ring") this.answer()
    else this.end(outcome)
  }

  /** Lets a call that was left ringing be answered. */
  pickUp(): void {
    this.#pickedUp.resolve()
  }

  /** The line is open. Being answered twice is harmless. */
  answer(): void {
    if (this.#answeredAt !== undefined || this.#endedAt !== undefined) return
    const { timeLimitSeconds, sweep, onLimit } = this.#options
    this.#answeredAt = sweep.clock.now()
    this.#answeredMs = sweep.clock.monotonic()
    this.#become("in-progress")
    if (timeLimitSeconds !== undefined) this.#cancelLimit = sweep.after(timeLimitSeconds * 1_000, onLimit)
  }

  /** Ends the call. Returns false when it was over already. */
  end(status: CallStatus): boolean {
    if (this.#endedAt !== undefined) return false
    this.#endedAt = this.#options.sweep.clock.now()
    this.#endedMs = this.#options.sweep.clock.monotonic()
    this.#status = status
    this.#cancelLimit()
    this.#pickedUp.resolve()
    return true
  }

  /** Reports the end, after everything before it. Resolves when all callbacks were answered; never rejects. */
  async reportEnd(): Promise<void> {
    this.#callbacks.report(this.#status, this.form(), this.seconds)
    await this.#callbacks.delivered
  }

  /** The parameters that every voice webhook carries. (Twilio: "TwiML for Programmable Voice".) */
  form(): Record<string, string> {
    const { accountSid, callSid, from, to, direction, parameters } = this.#options
    return {
      AccountSid: accountSid,
      ApiVersion: "2010-04-01",
      CallSid: callSid,
      CallStatus: this.#status,
      Called: to,
      Caller: from,
      Direction: direction === "inbound" ? "inbound" : "outbound-api",
      From: from,
      To: to,
      ...PLACES,
      ...(direction === "inbound" ? { StirVerstat: "TN-Validation-Passed-A" } : {}),
      ...parameters,
    }
  }

  #become(status: CallStatus): void {
    if (this.#endedAt !== undefined || isTerminal(status)) return
    this.#status = status
    // An incoming call has the callback of its number, which reports only the end.
    if (this.#options.direction === "outbound") this.#callbacks.report(status, this.form(), this.seconds)
  }
}
