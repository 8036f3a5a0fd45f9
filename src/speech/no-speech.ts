/** A transcriber and a synthesizer that fail at once, for a provider that is not configured. */

import type { SpeechFailure } from "./failure.ts"
import type { OpenSynthesizer } from "./synthesizer.ts"
import type { OpenTranscriber } from "./transcriber.ts"

/** `message`: what is missing. */
export function noTranscriber(message: string): OpenTranscriber {
  return function open(listener) {
    queueMicrotask(() => listener({ type: "failed", failure: failureOf(message) }))
    return { hear() {}, expect() {}, close() {} }
  }
}

/** `message`: what is missing. */
export function noSynthesizer(message: string): OpenSynthesizer {
  return function open() {
    return {
      speak(listener) {
        queueMicrotask(() => listener({ type: "failed", failure: failureOf(message) }))
        return { say() {}, finish() {}, cancel() {} }
      },
      close() {},
    }
  }
}

function failureOf(message: string): SpeechFailure {
  return { reason: "refused", retryable: false, status: null, code: "not-configured", message }
}
