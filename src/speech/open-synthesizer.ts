/** Opens synthesizers by the name of their provider. */

import type { SpeakChoice, SpeechAccounts } from "./choices.ts"
import type { SpeechServices } from "./connection.ts"
import { auraSpeech } from "./deepgram/aura-speech.ts"
import { fluxSpeech } from "./deepgram/flux-speech.ts"
import { elevenLabsSpeech } from "./elevenlabs/elevenlabs-speech.ts"
import { fliteSpeech, MAX_FLITE_TEXT } from "./embedded/flite.ts"
import { audioSpeech, MAX_INPUT, type AudioSpeechOptions } from "./openai/audio-speech.ts"
import { realtimeSpeech } from "./openai/realtime-speech.ts"
import { RequestSynthesizer } from "./request-synthesizer.ts"
import { SocketSynthesizer } from "./socket-synthesizer.ts"
import type { OpenSynthesizer } from "./synthesizer.ts"
import {
  compatibleAccount,
  deepgramAccount,
  elevenLabsAccount,
  openAiAccount,
  REQUEST_MS,
} from "./vendor-accounts.ts"

const DEFAULT_VOICE = "marin"

/** Throws `AppError` NOT_CONFIGURED when the provider has no key or address. */
export function synthesizerOf(
  choice: SpeakChoice,
  accounts: SpeechAccounts,
  services: SpeechServices,
): OpenSynthesizer {
  const { voice = DEFAULT_VOICE, model = accounts.openai.ttsModel } = choice
  switch (choice.provider) {
    case "deepgram": {
      const options = { ...choice, ...deepgramAccount(accounts) }
      if (choice.voice?.startsWith("aura"))
        return (lost) => new SocketSynthesizer(auraSpeech(options), services, lost)
      return (lost) => new SocketSynthesizer(fluxSpeech(options), services, lost)
    }
    case "elevenlabs": {
      const options = { ...choice, ...elevenLabsAccount(accounts) }
      return (lost) => new SocketSynthesizer(elevenLabsSpeech(options), services, lost)
    }
    case "openai": {
      const options = { ...choice, ...openAiAccount(accounts), model, voice }
      if (!model.startsWith("gpt-realtime")) return requests(options, services)
      return (lost) => new SocketSynthesizer(realtimeSpeech(options), services, lost)
    }
    case "openai-compatible":
      return requests({ ...choice, ...compatibleAccount(choice.baseUrl, accounts), model, voice }, services)
    case "embedded": {
      const request = fliteSpeech(choice)
      return () =>
        new RequestSynthesizer({ request, timeoutMs: REQUEST_MS, maxTextLength: MAX_FLITE_TEXT }, services)
    }
    default:
      return choice.provider satisfies never
  }
}

function requests(options: AudioSpeechOptions, services: SpeechServices): OpenSynthesizer {
  const request = audioSpeech(options)
  return () => new RequestSynthesizer({ request, timeoutMs: REQUEST_MS, maxTextLength: MAX_INPUT }, services)
}
