/**
 * What the caller is waiting for: responses of the model and running tools, over all connections of a call. Requests the
 * responses in order, limits the wait for them, plays prompts meanwhile and publishes when replies start and end.
 */

import type { CallEvent } from "../call/events.ts"
import { ProgressTimeout, type StreamTimes } from "../lib/progress-timeout.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { HoldPrompts } from "../media/hold-prompts.ts"
import type { RealtimeResponse } from "./protocol/objects.ts"
import type { RealtimeError } from "./protocol/server-events.ts"
import { ReplyEvents } from "./reply-events.ts"
import { ResponseQueue, type Refused, type Started } from "./response-queue.ts"
import type { ResponseRequest } from "./response-request.ts"

/** Longest wait from the end of the caller's speech to `response.created` of a server that answers by itself. */
const SERVER_ANSWER_MS = 1_000
/** Longest wait for the confirmation of a changed session. */
const SESSION_UPDATE_MS = 2_000

export type PendingResponsesOptions = {
  holdPrompts: Pick<HoldPrompts, "start" | "stop" | "answered" | "unanswered">
  times: StreamTimes
  /** Whether the server answers each turn of the caller by itself (`create_response`). */
  serverAnswers: boolean
  /** Whether the server cancels its response when the caller begins to speak (`interrupt_response`). */
  serverInterrupts: boolean
  isCallerSpeaking: () => boolean
  /** The model sent nothing in time. */
  onStalled: (message: string) => void
  /**
   * The caller heard nothing of a response that was not interrupted, and no tool runs for it. `repeated`: it is requested
   * once more; otherwise this was the second one.
   */
  onUnspoken: (request: ResponseRequest, outcome: { repeated: boolean }) => void
  publish: (event: CallEvent) => void
  sweep: Sweep
}

export class PendingResponses {
  readonly #options: PendingResponsesOptions
  readonly #queue = new ResponseQueue()
  readonly #progress: ProgressTimeout
  readonly #replies: ReplyEvents
  #runningTools = 0
  /** The response that runs is the second attempt at one of which the caller heard nothing. */
  #repeatsUnspoken = false
  #isClosed = false
  #cancelServerWait = () => {}
  #cancelUpdateWait = () => {}

  /** The caller waits from the start: for the first connection. */
  constructor(options: PendingResponsesOptions) {
    const { holdPrompts, times, onStalled, publish, sweep } = options
    this.#options = options
    this.#progress = new ProgressTimeout({ times, sweep, onTimeout: onStalled })
    this.#replies = new ReplyEvents({ clock: sweep.clock, publish })
    holdPrompts.start()
  }

  /** Whether a response is pending or a tool runs, and the caller waits for the agent. */
  get busy(): boolean {
    return !this.#queue.isIdle || this.#runningTools > 0
  }

  /** Requests a response, at once or as soon as it is its turn. */
  request(request: ResponseRequest): void {
    if (this.#isClosed) return
    this.#queue.request(request)
    this.#wait()
  }

  /** A change of the session was sent: responses are requested once the server has confirmed it. */
  sessionUpdateSent(): void {
    this.#queue.sessionUpdateSent()
    this.#cancelUpdateWait()
    this.#cancelUpdateWait = this.#options.sweep.after(SESSION_UPDATE_MS, () =>
      this.#queue.sessionUpdatesSettled(Infinity),
    )
  }

  /** `session.updated`, or an error about a change of the session. */
  sessionUpdateSettled(): void {
    this.#queue.sessionUpdatesSettled(1)
    if (!this.#queue.awaitsSession) this.#cancelUpdateWait()
  }

  /** An item was sent that a request will be about. */
  itemSent(itemId: string): void {
    this.#queue.itemSent(itemId)
  }

  /** An item has entered the conversation. */
  itemAdded(itemId: string): void {
    this.#queue.itemAdded(itemId)
  }

  /** A connection can be used. `send` takes its frames. */
  connected(send: (text: string) => void): void {
    this.#queue.connected(send)
    this.settle()
  }

  /** The connection is lost, and another one is being made. Returns whether the caller was hearing an answer. */
  disconnected(): boolean {
    const { holdPrompts } = this.#options
    this.#endConnection()
    this.#queue.disconnected()
    const breaksOff = !this.#queue.isIdle && !holdPrompts.unanswered
    holdPrompts.start()
    return breaksOff
  }

  /** No connection will be made any more: nothing is pending. */
  failed(): void {
    this.#endConnection()
    this.#queue.clear()
    this.close()
  }

  /** The call is over: no response is requested and no prompt is played. */
  close(): void {
    this.#isClosed = true
    this.#cancelServerWait()
    this.#cancelUpdateWait()
    this.#progress.stop()
    this.#options.holdPrompts.stop()
  }

  /** Cancels the running response and drops what is pending, except sentences. Returns the id of that response. */
  interrupt(): string | undefined {
    const { activeId } = this.#queue
    this.#queue.interrupt()
    this.#stopWaiting()
    return activeId
  }

  /** The caller begins to speak. Returns the id of the response that this interrupts. */
  callerStarted(): string | undefined {
    const { activeId } = this.#queue
    this.#cancelServerWait()
    this.#queue.callerStarted({ serverCancels: this.#options.serverInterrupts })
    this.#stopWaiting()
    return activeId
  }

  /** The caller has finished. Where the server answers by itself, requests wait for that answer, but not for long. */
  callerStopped(): void {
    const { serverAnswers, sweep } = this.#options
    this.#cancelServerWait()
    const goOn = () => {
      this.#queue.callerDone()
      if (!this.#queue.isIdle) this.#wait()
    }
    if (serverAnswers) this.#cancelServerWait = sweep.after(SERVER_ANSWER_MS, goOn)
    else goOn()
  }

  /** The caller's turn has entered the conversation. */
  turnCommitted(): void {
    if (!this.#options.serverAnswers) return
    this.#queue.expectServerAnswer()
    this.#wait()
  }

  /** `response.created`. */
  created(response: RealtimeResponse): Started {
    const started = this.#queue.created(response)
    if (started === "stale") return started
    this.#cancelServerWait()
    this.#replies.started(response)
    this.#wait()
    return started
  }

  /** `response.created` after the end of the call: the response is cancelled. */
  cancel(response: RealtimeResponse): void {
    if (this.#queue.created(response) !== "stale") this.#queue.interrupt()
  }

  /** `response.done`: publishes the end of the reply. `isPerceptible`: the caller heard of it, or a tool runs for it. */
  finished(response: RealtimeResponse, { isPerceptible = true } = {}): void {
    this.#replies.finished(response, { isPerceptible })
  }

  /** `response.done`, after `finished`: requests what comes next, a failed response among it. Before `settle`. */
  done(response: RealtimeResponse, { isPerceptible = true } = {}): void {
    const request = this.#queue.requestOf(response.id)
    const isUnspoken = !isPerceptible && response.status !== "failed" && request !== undefined
    const repeated = isUnspoken && !this.#repeatsUnspoken
    this.#repeatsUnspoken = repeated
    this.#queue.done(response, { repeated })
    if (isUnspoken) this.#options.onUnspoken(request, { repeated })
  }

  /** An `error` event. */
  refused(error: RealtimeError): Refused {
    if (error.eventId?.startsWith("session_")) this.sessionUpdateSettled()
    return this.#queue.refused(error)
  }

  /** Requests again what the server has rejected. */
  retry(): void {
    this.#queue.sendNext()
  }

  /** A part of a response has come. */
  progress(): void {
    this.#progress.progress()
  }

  /** Audio of a response is played. */
  heard(): void {
    this.#progress.progress()
    this.#options.holdPrompts.answered()
  }

  toolStarted(): void {
    this.#runningTools += 1
    this.#options.holdPrompts.start()
  }

  toolFinished(): void {
    this.#runningTools -= 1
  }

  /** Continues to wait for what is pending, or stops waiting. Returns whether nothing is pending any more. */
  settle(): boolean {
    if (!this.#queue.isIdle) {
      this.#wait()
      return false
    }
    this.#progress.stop()
    if (this.#runningTools > 0) return false
    this.#options.holdPrompts.stop()
    return true
  }

  /** The model is to send something from now on. */
  #wait(): void {
    // While the caller speaks, the agent waits.
    if (this.#isClosed || this.#options.isCallerSpeaking()) return
    if (this.#queue.isConnected) this.#progress.start()
    else this.#progress.stop()
    this.#options.holdPrompts.start()
  }

  #stopWaiting(): void {
    this.#progress.stop()
    this.#options.holdPrompts.stop()
  }

  #endConnection(): void {
    this.#cancelServerWait()
    this.#cancelUpdateWait()
    this.#progress.stop()
    this.#replies.connectionLost()
  }
}
