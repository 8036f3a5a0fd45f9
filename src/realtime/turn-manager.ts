/**
 * The turns of a conversation with a speech-to-speech model: what the model is asked to say, what of it is played, and what
 * the caller interrupts. Sources: OpenAI "Realtime conversations", "Voice activity detection"; Twilio "Media Streams:
 * WebSocket messages".
 */

import type { CallEvent } from "../call/events.ts"
import type { AgentAudio } from "../media/agent-audio.ts"
import { CallerTranscripts } from "./caller-transcripts.ts"
import { ClosingTranscription } from "./closing-transcription.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import { ReconnectingConnection, type ModelConnection } from "./connection/reconnecting.ts"
import { FunctionCalls } from "./function-calls.ts"
import { HoldPrompts } from "../media/hold-prompts.ts"
import { PendingResponses } from "./pending-responses.ts"
import { encodeItemCreate, encodeItemDelete, type NewItem } from "./protocol/client-events.ts"
import type { RealtimeResponse } from "./protocol/objects.ts"
import type { RealtimeError, RealtimeEvent } from "./protocol/server-events.ts"
import { ResponseAudio } from "./response-audio.ts"
import { ResponseOutput } from "./response-output.ts"
import type { ResponseRequest } from "./response-queue.ts"
import { SpeechReaction } from "./speech-reaction.ts"
import type { TurnManagerOptions } from "./turn-manager-options.ts"
import { RealtimeUsage } from "./usage.ts"

type State =
  | { phase: "live" }
  /** The caller has hung up; the transcript of the last turn may still come. */
  | { phase: "closing"; transcription: ClosingTranscription }
  | { phase: "failed" }

export class TurnManager {
  readonly #agentAudio: AgentAudio
  readonly #audio: ResponseAudio
  readonly #output = new ResponseOutput()
  readonly #options: TurnManagerOptions
  readonly #connection: ReconnectingConnection
  readonly #caller: CallerTranscripts
  readonly #functionCalls: FunctionCalls
  readonly #pending: PendingResponses
  readonly #reaction: SpeechReaction
  readonly #usage: RealtimeUsage
  #state: State = { phase: "live" }

  constructor(options: TurnManagerOptions) {
    const { agentAudio, times, sweep } = options
    this.#options = options
    this.#agentAudio = agentAudio
    this.#audio = new ResponseAudio(agentAudio)
    this.#caller = new CallerTranscripts(options)
    this.#usage = new RealtimeUsage(options)
    const waiting = { enabled: options.playsHoldPrompts, silenceMs: times.waitPhraseMs }
    this.#pending = new PendingResponses({
      ...options,
      holdPrompts: new HoldPrompts({ ...waiting, voice: agentAudio, sweep }),
      isCallerSpeaking: () => this.#caller.isSpeaking,
      onUnspoken: (request, { repeated }) => this.#unspoken(request, repeated),
      onStalled: (message) => this.#connection.giveUp({ retryable: true, message }),
    })
    this.#functionCalls = new FunctionCalls({
      ...options,
      run: options.runTool,
      connection: () => this.#connection.current,
      lastTurnOf: (responseId) => agentAudio.lastTurnOf(responseId),
      pending: this.#pending,
    })
    this.#reaction = new SpeechReaction({
      ...options,
      silenceMs: times.modelSilenceMs,
      isListening: () => this.isConnected && !this.busy && agentAudio.quietAt() <= sweep.clock.monotonic(),
      onNoReaction: (message) => this.#unheard(message),
    })
    this.#connection = new ReconnectingConnection({
      ...options,
      isBetweenTurns: () => !this.busy && !this.#caller.awaitsTranscript && !agentAudio.isSpeaking,
      connectMs: times.modelConnectMs,
      liveness: { pingMs: times.modelPingMs, stallMs: times.modelStallMs },
      events: {
        ready: (connection, again) => this.#ready(connection, again),
        event: (event, connection) => this.#take(event, connection),
        lost: (failure) => this.#lost(failure),
        failed: (failure) => this.#failed(failure),
      },
    })
  }

  get isConnected(): boolean {
    return this.#connection.current !== undefined
  }

  /** Whether a response is pending or a tool runs: then it is the caller who waits. */
  get busy(): boolean {
    return this.#pending.busy
  }

  /** Has the model say a sentence, word for word as far as it can. */
  say(text: string): void {
    if (text.trim() !== "" && !this.#agentAudio.muted) this.#pending.request({ kind: "sentence", text })
  }

  /** Sends the model an item that is in the history already. With `respond`, the model answers it. */
  insert(item: NewItem, { respond }: { respond: boolean }): void {
    // A later connection gets the item as part of the history.
    this.#connection.current?.send(encodeItemCreate(item))
    if (respond) this.#pending.request({ kind: "answer", about: [] })
  }

  /** Stops what is being said, for a reason other than the caller's voice. */
  interrupt(): void {
    this.#audio.cut(this.#connection.current, this.#pending.interrupt())
  }

  /** Sends the model the session as it should be now. */
  update(): void {
    this.#connection.update()
  }

  /** Deletes everything that was said from the model's context. */
  forget(deletion: (itemId: string) => string): void {
    const connection = this.#connection.current
    for (const itemId of connection?.items.ids() ?? []) connection?.send(deletion(itemId))
  }

  /** All audio that was sent has been heard. */
  quiet(): void {
    if (!this.busy) this.#options.onQuiet()
  }

  /**
   * The call is over. The transcript of what the caller said last may still come, through `keep` and `publish`; `onSettled`
   * is called once none will come any more.
   */
  close(onSettled: () => void = () => {}): void {
    if (this.#state.phase !== "live") return onSettled()
    this.#pending.close()
    this.#reaction.stop()
    const transcription = new ClosingTranscription({
      caller: this.#caller,
      usage: this.#usage,
      pending: this.#pending,
      connection: this.#connection,
      sweep: this.#options.sweep,
      onSettled,
    })
    this.#state = { phase: "closing", transcription }
    transcription.start()
  }

  #ready({ send }: ModelConnection, again: boolean): void {
    this.#pending.connected(send)
    if (again) this.#options.log.info("conversation continues on a new model connection")
  }

  #lost(failure: ConnectionFailure): void {
    this.#options.publish(failureEvent(failure, true))
    const breaksOff = this.#pending.disconnected()
    this.#reaction.stop()
    this.#caller.discardSpeech()
    this.#agentAudio.broken()
    // An answer that breaks off is explained at once; a loss in silence only when it lasts.
    if (breaksOff) this.#agentAudio.playPrompt("one-moment")
  }

  #failed(failure: ConnectionFailure): void {
    this.#options.publish(failureEvent(failure, false))
    this.#pending.failed()
    this.#reaction.stop()
    this.#caller.discardSpeech()
    this.#agentAudio.broken()
    this.#state = { phase: "failed" }
    this.#usage.flush()
    this.#options.onFailed(failure)
  }

  /** The server does not react to the caller: the next connection is to answer, and gets what was said once more. */
  #unheard(message: string): void {
    this.#pending.request({ kind: "answer", about: [] })
    this.#connection.giveUp({ retryable: true, message })
    if (!this.#agentAudio.isSpeaking) this.#agentAudio.playPrompt("one-moment")
  }

  #take(event: RealtimeEvent, connection: ModelConnection): void {
    const state = this.#state
    if (state.phase !== "live") {
      if (state.phase === "closing") state.transcription.apply(event, connection)
      return
    }
    // Audio and its transcript arrive many times a second.
    if (event.type === "audio") {
      this.#output.audio(event.responseId)
      if (this.#audio.play(event, connection)) this.#pending.heard()
      return
    }
    if (event.type === "transcript-delta" || event.type === "text-delta") {
      connection.items.apply(event)
      return this.#pending.progress()
    }
    this.#usage.apply(event)
    this.#reaction.apply(event)
    this.#caller.apply(event, connection)
    connection.items.apply(event)
    switch (event.type) {
      case "speech-started":
        return this.#callerStarted()
      case "speech-stopped":
        return this.#pending.callerStopped()
      case "committed":
        return this.#pending.turnCommitted()
      case "item-added":
        return this.#pending.itemAdded(event.item.id)
      case "response-created":
        if (this.#pending.created(event.response) === "stale") connection.mutedIds.add(event.response.id)
        return
      case "output-item-done":
        this.#output.item(event.responseId, event.item)
        if (event.item.type === "message") this.#agentAudio.sent(connection.epoch, event.item.id)
        if (event.item.type !== "function-call") return
        this.#pending.progress()
        return this.#functionCalls.called(connection, event.responseId, event.item)
      case "response-done":
        return this.#done(event.response, connection)
      case "error":
        return this.#error(event.error)
      case "session-created":
      case "session-updated":
      case "item-done":
      case "item-deleted":
      case "caller-transcript":
      case "caller-transcript-failed":
      case "ignored":
      case "malformed":
        return
      default:
        event satisfies never
    }
  }

  /** The caller begins to speak: the agent stops within the same tick, and the model learns what was heard. */
  #callerStarted(): void {
    this.#audio.cut(this.#connection.current, this.#pending.callerStarted())
    this.#options.onCaller()
  }

  #done(response: RealtimeResponse, connection: ModelConnection): void {
    const { id, status, error } = response
    // An agent that must not speak is expected to be silent.
    const isPerceptible = this.#agentAudio.muted || this.#output.isPerceptible(id)
    connection.mutedIds.delete(id)
    this.#pending.finished(response, { isPerceptible })
    if (status === "failed") {
      const code = error?.code ?? undefined
      this.#responseFailed({ message: error?.message ?? "", code, retryable: code !== "insufficient_quota" })
    }
    if (status === "completed" || status === "incomplete") this.#connection.proven()
    if (this.#connection.current !== connection) return
    this.#agentAudio.allSent(connection.epoch, id)
    // The model must not believe that it has said this.
    for (const itemId of this.#output.unspokenMessages(id)) connection.send(encodeItemDelete(itemId))
    this.#pending.done(response, { isPerceptible })
    this.#functionCalls.done(connection, id)
    if (this.#pending.settle()) this.#options.onQuiet()
  }

  /** The model has responded with nothing that can be heard: text, a part of a call, nothing at all. */
  #unspoken({ kind }: ResponseRequest, isRepeated: boolean): void {
    const { publish, log } = this.#options
    log.warn("a response of the model had no audio", { request: kind, isRepeated })
    publish({ type: "model.failed", message: "the response had no audio", retried: isRepeated })
    if (!isRepeated) this.#agentAudio.playPrompt(kind === "answer" ? "not-caught" : "technical-problem")
  }

  #error(error: RealtimeError): void {
    if (this.#pending.refused(error) === "failed") {
      this.#responseFailed({ message: error.message, code: error.code ?? undefined, retryable: true })
      this.#pending.retry()
    }
    this.#options.log.warn("the model reported an error", { code: error.code, kind: error.kind })
  }

  /** The server could not respond. The response is requested again, a few times; the caller is asked to wait. */
  #responseFailed({
    message,
    code,
    retryable,
  }: Pick<ConnectionFailure, "message" | "code" | "retryable">): void {
    const { publish } = this.#options
    if (!retryable || !this.#connection.mayRetry()) {
      return this.#connection.giveUp({ retryable: false, message: message || "the response failed", code })
    }
    publish(failureEvent({ status: null, message, code: code ?? "response-failed" }, true))
    if (!this.#agentAudio.isSpeaking) this.#agentAudio.playPrompt("one-moment")
  }
}

function failureEvent(
  {
    status,
    message,
    code,
    reason,
  }: Pick<ConnectionFailure, "status" | "message" | "code"> & Partial<Pick<ConnectionFailure, "reason">>,
  retried: boolean,
): CallEvent {
  return {
    type: "model.failed",
    message: message.slice(0, 500),
    retried,
    ...(status === null ? {} : { status }),
    ...(code === undefined ? (reason === undefined ? {} : { code: reason }) : { code }),
  }
}
