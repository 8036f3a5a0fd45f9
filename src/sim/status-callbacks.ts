/** The status callbacks of one call, sent in the order of events. Source: Twilio "Call resource: StatusCallback". */

import { isTerminal, type CallStatus } from "../call/status.ts"
import type { Clock } from "../lib/clock.ts"

export type StatusEvent = "initiated" | "ringing" | "answered" | "completed"

export type StatusCallback = {
  /** Absolute. */
  url: string
  method?: "GET" | "POST"
  /** Default: `completed` alone. */
  events?: readonly StatusEvent[]
}

export type StatusCallbacksOptions = {
  callback: StatusCallback | undefined
  clock: Clock
  /** Sends one form; the response is ignored. Never rejects. */
  send: (callback: StatusCallback, form: Record<string, string>) => Promise<unknown>
}

/** Source: Twilio "Call resource: StatusCallback", `SipResponseCode`. */
const SIP_CODES: Partial<Record<CallStatus, string>> = {
  completed: "200",
  busy: "486",
  "no-answer": "487",
  failed: "404",
  canceled: "487",
}

export class StatusCallbacks {
  readonly #options: StatusCallbacksOptions
  #sequence = 0
  #sent: Promise<unknown> = Promise.resolve()

  constructor(options: StatusCallbacksOptions) {
    this.#options = options
  }

  /** Reports a status where it was asked for. `seconds` is the length of the call so far. */
  report(status: CallStatus, form: Record<string, string>, seconds: number): void {
    const { callback, clock, send } = this.#options
    const event = eventOf(status)
    if (!callback || !event || !(callback.events ?? ["completed"]).includes(event)) return
    const fields: Record<string, string> = {
      ...form,
      CallStatus: status,
      Timestamp: new Date(clock.now()).toUTCString().replace("GMT", "+0000"),
      CallbackSource: "call-progress-events",
      SequenceNumber: String(this.#sequence),
    }
    this.#sequence += 1
    if (isTerminal(status)) {
      fields["CallDuration"] = String(seconds)
      fields["SipResponseCode"] = SIP_CODES[status] ?? "500"
      if (status === "completed") fields["Duration"] = String(Math.ceil(seconds / 60))
    }
    const earlier = this.#sent
    const sendInTurn = async () => {
      await earlier
      await send(callback, fields)
    }
    this.#sent = sendInTurn()
  }

  /** When everything reported so far was answered. Never rejects. */
  get delivered(): Promise<unknown> {
    return this.#sent
  }
}

/** `completed` covers every end, `answered` is written `in-progress` in the callback. */
function eventOf(status: CallStatus): StatusEvent | undefined {
  if (isTerminal(status)) return "completed"
  if (status === "in-progress") return "answered"
  return status === "initiated" || status === "ringing" ? status : undefined
}
