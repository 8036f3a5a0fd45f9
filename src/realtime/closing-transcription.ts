/** After a hang-up: waits for the transcript of what the caller said last, and starts nothing else. */

import type { Sweep } from "../lib/sweep.ts"
import type { CallerTranscripts } from "./caller-transcripts.ts"
import type { ModelConnection, ReconnectingConnection } from "./connection/reconnecting.ts"
import type { PendingResponses } from "./pending-responses.ts"
import { encodeCommit } from "./protocol/client-events.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"
import type { RealtimeUsage } from "./usage.ts"

/** Longest wait for the transcript. */
const WITHIN_MS = 1_500

export type ClosingTranscriptionOptions = {
  caller: Pick<CallerTranscripts, "isSpeaking" | "awaitsTranscript" | "apply" | "discardSpeech" | "close">
  usage: Pick<RealtimeUsage, "apply" | "flush">
  pending: Pick<PendingResponses, "interrupt" | "cancel">
  connection: Pick<ReconnectingConnection, "current" | "retire" | "close">
  sweep: Sweep
  /** Called once the transcript has come, or will not come; the connection is closed by then. May be called twice. */
  onSettled: () => void
}

export class ClosingTranscription {
  readonly #options: ClosingTranscriptionOptions
  #cancel = () => {}

  constructor(options: ClosingTranscriptionOptions) {
    this.#options = options
  }

  /** To be called once. Where no transcript is to come, it settles at once. */
  start(): void {
    const { caller, pending, connection, sweep } = this.#options
    const { current } = connection
    this.#cancel = sweep.after(WITHIN_MS, () => this.#end())
    caller.close()
    if (caller.isSpeaking) current?.send(encodeCommit())
    if (!current || !caller.awaitsTranscript) return this.#end()
    pending.interrupt()
    connection.retire()
  }

  /** Takes any event of the server. */
  apply(event: RealtimeEvent, connection: Pick<ModelConnection, "epoch">): void {
    const { caller, usage, pending } = this.#options
    usage.apply(event)
    caller.apply(event, connection)
    if (event.type === "response-created") pending.cancel(event.response)
    // The server had no audio to commit.
    if (event.type === "error" && event.error.code === "input_audio_buffer_commit_empty")
      caller.discardSpeech()
    if (!caller.awaitsTranscript) this.#end()
  }

  #end(): void {
    const { caller, usage, connection, onSettled } = this.#options
    this.#cancel()
    caller.discardSpeech()
    connection.close()
    usage.flush()
    onSettled()
  }
}
