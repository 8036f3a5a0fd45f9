/** Why a speech provider failed, in the same words for every vendor. Pure. */

import type { SocketEnd } from "../lib/client-socket.ts"

export type SpeechFailure = {
  /**
   * `refused`: key, account, model or parameters. `rate-limited`: too many requests or streams, or no credit left.
   * `unreachable`: no connection. `timeout`: the provider did not answer in time. `closed`: it ended the connection.
   * `expired`: the longest session is over. `stalled`: it is connected and answers nothing. `rejected`: it reported an
   * error of its own. `malformed`: its messages or its audio cannot be read.
   */
  reason:
    | "refused"
    | "rate-limited"
    | "unreachable"
    | "timeout"
    | "closed"
    | "expired"
    | "stalled"
    | "rejected"
    | "malformed"
  /** Whether the same provider may succeed on a new connection. A wrong key or model does not. */
  retryable: boolean
  /** HTTP status of a refused request or upgrade, else null. */
  status: number | null
  /** The vendor's error code, where it sent one. */
  code?: string | undefined
  /** May quote the vendor: never logged. */
  message: string
}

/** A failure that is thrown, by a provider that answers requests. */
export class SpeechError extends Error {
  readonly failure: SpeechFailure

  constructor(failure: SpeechFailure) {
    super(failure.message)
    this.name = "SpeechError"
    this.failure = failure
  }
}

/** The failure behind an HTTP status that is not a success. */
export function failureOfStatus(status: number, message = `refused with status ${status}`): SpeechFailure {
  const isLimit = status === 429 || status === 402
  const retryable = status === 429 || status === 408 || status >= 500
  const reason = isLimit ? "rate-limited" : status >= 500 ? "rejected" : "refused"
  return { reason, retryable, status, message }
}

/** An error that the provider reported by a message. */
export function rejection(code: string, message: string): SpeechFailure {
  return { reason: "rejected", retryable: true, status: null, code, message }
}

/** The failure behind the end of a socket that this side has not closed. */
export function failureOfEnd({ code, reason, opened, refusedStatus }: SocketEnd): SpeechFailure {
  if (refusedStatus !== null) return failureOfStatus(refusedStatus)
  if (!opened) return { reason: "unreachable", retryable: true, status: null, message: "no connection" }
  const message = `closed with ${code}${reason === "" ? "" : `: ${reason.slice(0, 120)}`}`
  return { reason: "closed", retryable: true, status: null, message }
}
