/** What a Realtime conversation has used, over all its connections. Pure. */

import type { RealtimeEvent } from "./protocol/server-events.ts"
import type { TokenCount } from "./protocol/objects.ts"

export type RealtimeUsage = TokenCount & {
  responses: number
  /** Transcription of the caller is billed apart: in tokens or in seconds, as its model has it. */
  transcriptionTokens: number
  transcriptionSeconds: number
}

export class UsageCount {
  #total: RealtimeUsage = {
    responses: 0,
    inputTokens: 0,
    inputTextTokens: 0,
    inputAudioTokens: 0,
    cachedTokens: 0,
    outputTokens: 0,
    outputTextTokens: 0,
    outputAudioTokens: 0,
    transcriptionTokens: 0,
    transcriptionSeconds: 0,
  }

  get total(): Readonly<RealtimeUsage> {
    return this.#total
  }

  /** Counts what an event reports; most report nothing. */
  apply(event: RealtimeEvent): void {
    const total = this.#total
    if (event.type === "caller-transcript" && event.usage) {
      const { tokens, seconds } = event.usage
      this.#total = {
        ...total,
        transcriptionTokens: total.transcriptionTokens + tokens,
        transcriptionSeconds: total.transcriptionSeconds + seconds,
      }
    }
    if (event.type !== "response-done" || !event.response.usage) return
    const used = event.response.usage
    this.#total = {
      ...total,
      responses: total.responses + 1,
      inputTokens: total.inputTokens + used.inputTokens,
      inputTextTokens: total.inputTextTokens + used.inputTextTokens,
      inputAudioTokens: total.inputAudioTokens + used.inputAudioTokens,
      cachedTokens: total.cachedTokens + used.cachedTokens,
      outputTokens: total.outputTokens + used.outputTokens,
      outputTextTokens: total.outputTextTokens + used.outputTextTokens,
      outputAudioTokens: total.outputAudioTokens + used.outputAudioTokens,
    }
  }
}
