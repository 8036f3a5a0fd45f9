/** Token and transcription usage of a realtime call, added up over all its connections. */

import type { Usage } from "../call/usage.ts"
import type { TokenCount } from "./protocol/objects.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"

export type RealtimeUsageOptions = {
  /** Name of the speech-to-speech model. */
  model: string
  /** Name of the transcription model, which is billed apart: in tokens or in seconds, depending on the model. */
  transcriber: string
  /** Given the totals of the call so far, after each response and at the end. */
  keepUsage: (usage: Usage) => void
}

type ResponseTotals = TokenCount & { responses: number }
type TranscriptionTotals = { tokens: number; seconds: number }

export class RealtimeUsage {
  readonly #options: RealtimeUsageOptions
  readonly #responses: ResponseTotals = {
    responses: 0,
    inputTokens: 0,
    inputTextTokens: 0,
    inputAudioTokens: 0,
    cachedTokens: 0,
    cachedAudioTokens: 0,
    outputTokens: 0,
    outputTextTokens: 0,
    outputAudioTokens: 0,
  }
  readonly #transcription: TranscriptionTotals = { tokens: 0, seconds: 0 }
  #hasChanged = false

  constructor({ model, transcriber, keepUsage }: RealtimeUsageOptions) {
    this.#options = { model, transcriber, keepUsage }
  }

  /** Adds what an event reports; most report nothing. */
  apply(event: RealtimeEvent): void {
    if (event.type === "caller-transcript" && event.usage) {
      this.#transcription.tokens += event.usage.tokens
      this.#transcription.seconds += event.usage.seconds
      this.#hasChanged = true
    }
    if (event.type !== "response-done") return
    if (event.response.usage) this.#addResponse(event.response.usage)
    this.flush()
  }

  /** Passes the totals on if they have changed since the last time. */
  flush(): void {
    if (!this.#hasChanged) return
    this.#hasChanged = false
    const { model, transcriber, keepUsage } = this.#options
    const { cachedTokens, cachedAudioTokens } = this.#responses
    // Without this amount the price of cached tokens would be that of audio, also where all of them are text.
    const cachedAudio = cachedTokens > 0 ? { cachedAudioTokens } : {}
    const responses = { ...withoutZeros(this.#responses), ...cachedAudio }
    if (this.#responses.responses > 0) keepUsage({ kind: "realtime", model, amounts: responses, cost: null })
    const transcription = withoutZeros(this.#transcription)
    if (Object.keys(transcription).length > 0) {
      keepUsage({ kind: "transcription", model: transcriber, amounts: transcription, cost: null })
    }
  }

  #addResponse(usage: TokenCount): void {
    const total = this.#responses
    total.responses += 1
    total.inputTokens += usage.inputTokens
    total.inputTextTokens += usage.inputTextTokens
    total.inputAudioTokens += usage.inputAudioTokens
    total.cachedTokens += usage.cachedTokens
    total.cachedAudioTokens += usage.cachedAudioTokens
    total.outputTokens += usage.outputTokens
    total.outputTextTokens += usage.outputTextTokens
    total.outputAudioTokens += usage.outputAudioTokens
    this.#hasChanged = true
  }
}

function withoutZeros(amounts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount > 0))
}
