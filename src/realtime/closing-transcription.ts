/** After a hang-up: what the caller said last is still being recognised, and nothing else is begun any more. */

import type { Sweep } from "../lib/sweep.ts"
import type { CallerTranscripts } from "./caller-transcripts.ts"
import { encodeCommit } from "./protocol/client-events.ts"
import type { ModelConnection, ReconnectingConnection } from "./connection/reconnecting.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"
import type { UsageLedger } from "./usage-ledger.ts"

/** How long the words are waited for. */
const WITHIN_MS = 1_500

export type LastWordsOptions = {
  caller: CallerTranscripts
  usage: UsageLedger
  line: ReconnectingConnection
  sweep: Sweep
  /** Called when the words have come, or will not; then the line is closed. Calling it again must be harmless. */
  onSettled: () => void
}

export class ClosingTranscription {
  readonly #options: LastWordsOptions
  readonly #cancel: () => void

  constructor(options: LastWordsOptions) {
    this.#options = options
    const { caller, line, sweep } = options
    const { modelConnection } = line
    this.#cancel = sweep.after(WITHIN_MS, () => this.#end())
    caller.close()
    if (caller.isSpeaking) modelConnection?.link.send(encodeCommit())
    if (modelConnection && caller.hasWordsToCome) {
      modelConnection.queue.interrupt()
      line.retire()
    } else this.#end()
  }

  /** An event of the model. */
  take(event: RealtimeEvent, modelConnection: ModelConnection): void {
    const { caller, usage } = this.#options
    usage.apply(event)
    caller.apply(event, modelConnection)
    if (event.type === "response-created") {
      const started = modelConnection.queue.created(event.response)
      if (started === "ours" || started === "turn") modelConnection.queue.interrupt()
    }
    // There was nothing to commit.
    if (event.type === "error" && event.error.code === "input_audio_buffer_commit_empty") caller.stopped()
    if (!caller.hasWordsToCome) this.#end()
  }

  #end(): void {
    const { caller, usage, line, onSettled } = this.#options
    this.#cancel()
    caller.stopped()
    line.close()
    usage.flush()
    onSettled()
  }
}
