/** Opens transcribers by the name of their provider. */

import type { HearChoice, SpeechAccounts } from "./choices.ts"
import type { SpeechServices } from "./connection.ts"
import { FluxTranscriber } from "./deepgram/flux-transcriber.ts"
import { NovaTranscriber } from "./deepgram/nova-transcriber.ts"
import { EmbeddedTranscriber } from "./embedded/embedded-transcriber.ts"
import { audioTranscriptions } from "./openai/audio-transcriptions.ts"
import { RealtimeTranscriber } from "./openai/realtime-transcriber.ts"
import { RecordingTranscriber } from "./recording-transcriber.ts"
import type { OpenTranscriber } from "./transcriber.ts"
import { compatibleAccount, deepgramAccount, openAiAccount, REQUEST_MS } from "./vendor-accounts.ts"

/** Throws `AppError` NOT_CONFIGURED when the provider has no key or address. */
export function transcriberOf(
  choice: HearChoice,
  accounts: SpeechAccounts,
  services: SpeechServices,
): OpenTranscriber {
  const { languages, keyterms } = choice
  switch (choice.provider) {
    case "deepgram": {
      const options = { ...choice, ...deepgramAccount(accounts) }
      const { model } = options
      if (model !== undefined && !model.startsWith("flux"))
        return (listener, profile) => new NovaTranscriber({ ...options, model, profile }, services, listener)
      return (listener, profile) => new FluxTranscriber({ ...options, profile }, services, listener)
    }
    case "openai": {
      const { model = accounts.openai.transcribeModel } = choice
      const options = { ...openAiAccount(accounts), model, languages, keyterms }
      return (listener, profile) => new RealtimeTranscriber({ ...options, profile }, services, listener)
    }
    case "openai-compatible": {
      const { model = accounts.openai.transcribeModel } = choice
      const account = compatibleAccount(choice.baseUrl, accounts)
      const request = audioTranscriptions({
        ...account,
        model,
        language: languages?.[0],
        prompt: keyterms?.join(", "),
      })
      return (listener, profile) =>
        new RecordingTranscriber({ request, timeoutMs: REQUEST_MS, profile }, services, listener)
    }
    case "embedded":
      return (listener, profile) => new EmbeddedTranscriber(profile, listener)
    default:
      return choice.provider satisfies never
  }
}
