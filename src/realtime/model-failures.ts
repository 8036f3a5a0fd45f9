/** What follows a failure of the model: an event, a sentence for the caller, and another attempt at the response or the connection. */

import type { CallEvent } from "../call/events.ts"
import type { Log } from "../lib/log.ts"
import type { AgentAudio } from "../media/agent-audio.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import type { ReconnectingConnection } from "./connection/reconnecting.ts"
import type { PendingResponses } from "./pending-responses.ts"
import type { RealtimeError } from "./protocol/server-events.ts"
import type { ResponseRequest } from "./response-request.ts"

export type ModelFailuresOptions = {
  agentAudio: Pick<AgentAudio, "isSpeaking" | "playPrompt">
  pending: Pick<PendingResponses, "request" | "refused" | "retry">
  connection: () => Pick<ReconnectingConnection, "giveUp" | "mayRetry">
  publish: (event: CallEvent) => void
  log: Log
}

/** A response that failed. `retryable`: requesting it again may help. */
type FailedResponse = Pick<ConnectionFailure, "message" | "code" | "retryable">

export class ModelFailures {
  readonly #options: ModelFailuresOptions

  constructor(options: ModelFailuresOptions) {
    this.#options = options
  }

  /** The connection is lost. `retried`: another one is being made. */
  connectionLost(failure: ConnectionFailure, { retried }: { retried: boolean }): void {
    this.#options.publish(failureEvent(failure, retried))
  }

  /** The server does not react to the caller: the next connection is to answer, and gets what was said once more. */
  noReaction(message: string): void {
    const { pending, connection } = this.#options
    pending.request({ kind: "answer", about: [] })
    connection().giveUp({ retryable: true, message })
    this.#playOneMoment()
  }

  /** The server could not respond. The response is requested again, a few times; the caller is asked to wait. */
  responseFailed({ message, code, retryable }: FailedResponse): void {
    const { connection, publish } = this.#options
    if (!retryable || !connection().mayRetry()) {
      return connection().giveUp({ retryable: false, message: message || "the response failed", code })
    }
    publish(failureEvent({ status: null, message, code: code ?? "response-failed" }, true))
    this.#playOneMoment()
  }

  /** The response had nothing that can be heard: text, a part of a call, or nothing at all. */
  unspoken({ kind }: ResponseRequest, { repeated }: { repeated: boolean }): void {
    const { agentAudio, publish, log } = this.#options
    log.warn("a response of the model had no audio", { request: kind, isRepeated: repeated })
    publish({ type: "model.failed", message: "the response had no audio", retried: repeated })
    if (!repeated) agentAudio.playPrompt(kind === "answer" ? "not-caught" : "technical-problem")
  }

  /** An `error` event. */
  reported(error: RealtimeError): void {
    const { pending, log } = this.#options
    if (pending.refused(error) === "failed") {
      this.responseFailed({ message: error.message, code: error.code ?? undefined, retryable: true })
      pending.retry()
    }
    log.warn("the model reported an error", { code: error.code, kind: error.kind })
  }

  #playOneMoment(): void {
    const { agentAudio } = this.#options
    if (!agentAudio.isSpeaking) agentAudio.playPrompt("one-moment")
  }
}

type FailureFacts = Pick<ConnectionFailure, "status" | "message" | "code"> &
  Partial<Pick<ConnectionFailure, "reason">>

function failureEvent({ status, message, code, reason }: FailureFacts, retried: boolean): CallEvent {
  const known = code ?? reason
  return {
    type: "model.failed",
    message: message.slice(0, 500),
    retried,
    ...(status === null ? {} : { status }),
    ...(known === undefined ? {} : { code: known }),
  }
}
