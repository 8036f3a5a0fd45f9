/**
 * What each event of the model does: plays audio, cuts it when the caller speaks, records turns, runs functions and requests
 * the next response. Each event is handled in one synchronous function. Sources: OpenAI "Realtime conversations", "Voice
 * activity detection".
 */

import type { AgentAudio } from "../media/agent-audio.ts"
import type { CallerTranscripts } from "./caller-transcripts.ts"
import type { ClosingTranscription } from "./closing-transcription.ts"
import type { ModelConnection, ReconnectingConnection } from "./connection/reconnecting.ts"
import type { FunctionCalls } from "./function-calls.ts"
import type { ModelFailures } from "./model-failures.ts"
import type { PendingResponses } from "./pending-responses.ts"
import { encodeItemDelete } from "./protocol/client-events.ts"
import type { RealtimeItem, RealtimeResponse } from "./protocol/objects.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"
import type { ResponseAudio } from "./response-audio.ts"
import { ResponseOutput } from "./response-output.ts"
import type { SpeechReaction } from "./speech-reaction.ts"
import type { RealtimeUsage } from "./usage.ts"

export type ModelEventsOptions = {
  agentAudio: AgentAudio
  audio: ResponseAudio
  caller: CallerTranscripts
  functionCalls: FunctionCalls
  pending: PendingResponses
  reaction: SpeechReaction
  failures: ModelFailures
  usage: RealtimeUsage
  connection: () => Pick<ReconnectingConnection, "current" | "proven">
  /** The caller began to speak; what was being said is interrupted by now. */
  onCaller: () => void
  /** The model has said everything that it was asked for. */
  onQuiet: () => void
}

type State =
  | { phase: "live" }
  /** The caller has hung up; the transcript of the last turn may still come. */
  | { phase: "closing"; transcription: ClosingTranscription }
  | { phase: "failed" }

export class ModelEvents {
  readonly #options: ModelEventsOptions
  readonly #output = new ResponseOutput()
  #state: State = { phase: "live" }

  constructor(options: ModelEventsOptions) {
    this.#options = options
  }

  get isLive(): boolean {
    return this.#state.phase === "live"
  }

  /** The call is over: events matter to the transcript of the last turn only. */
  close(transcription: ClosingTranscription): void {
    this.#state = { phase: "closing", transcription }
  }

  /** No connection will be made any more. */
  fail(): void {
    this.#state = { phase: "failed" }
  }

  receive(event: RealtimeEvent, connection: ModelConnection): void {
    const state = this.#state
    if (state.phase !== "live") {
      if (state.phase === "closing") state.transcription.apply(event, connection)
      return
    }
    const { audio, caller, failures, pending, reaction, usage } = this.#options
    // Audio and its transcript arrive many times a second.
    if (event.type === "audio") {
      this.#output.audio(event.responseId)
      if (audio.play(event, connection)) pending.heard()
      return
    }
    if (event.type === "transcript-delta" || event.type === "text-delta") {
      connection.items.apply(event)
      return pending.progress()
    }
    usage.apply(event)
    reaction.apply(event)
    caller.apply(event, connection)
    connection.items.apply(event)
    switch (event.type) {
      case "speech-started":
        return this.#callerStarted()
      case "speech-stopped":
        return pending.callerStopped()
      case "committed":
        return pending.turnCommitted()
      case "item-added":
        return pending.itemAdded(event.item.id)
      case "response-created":
        if (pending.created(event.response) === "stale") connection.mutedIds.add(event.response.id)
        return
      case "output-item-done":
        return this.#itemDone(event.responseId, event.item, connection)
      case "response-done":
        return this.#responseDone(event.response, connection)
      case "error":
        return failures.reported(event.error)
      case "session-updated":
        return pending.sessionUpdateSettled()
      case "session-created":
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
    const { audio, pending, connection, onCaller } = this.#options
    audio.cut(connection().current, pending.callerStarted())
    onCaller()
  }

  #itemDone(responseId: string, item: RealtimeItem, connection: ModelConnection): void {
    const { agentAudio, functionCalls, pending } = this.#options
    this.#output.item(responseId, item)
    if (item.type === "message") agentAudio.sent(connection.epoch, item.id)
    if (item.type !== "function-call") return
    pending.progress()
    functionCalls.called(connection, responseId, item)
  }

  #responseDone(response: RealtimeResponse, connection: ModelConnection): void {
    const { agentAudio, functionCalls, pending, failures, onQuiet } = this.#options
    const inUse = this.#options.connection()
    const { id, status, error } = response
    // An agent that must not speak is expected to be silent.
    const isPerceptible = agentAudio.muted || this.#output.isPerceptible(id)
    connection.mutedIds.delete(id)
    pending.finished(response, { isPerceptible })
    if (status === "failed") {
      const code = error?.code ?? undefined
      const retryable = code !== "insufficient_quota"
      failures.responseFailed({ message: error?.message ?? "", code, retryable })
    }
    if (status === "completed" || status === "incomplete") inUse.proven()
    if (inUse.current !== connection) return
    agentAudio.allSent(connection.epoch, id)
    // The model must not believe that it has said this.
    for (const itemId of this.#output.unspokenMessages(id)) connection.send(encodeItemDelete(itemId))
    pending.done(response, { isPerceptible })
    functionCalls.done(connection, id)
    if (pending.settle()) onQuiet()
  }
}
