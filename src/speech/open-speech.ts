/** Opens transcribers and synthesizers by the name of their provider. */

import { AppError } from "../lib/errors.ts"
import type { SpeechServices } from "./connection.ts"
import { auraSpeech } from "./deepgram/aura-speech.ts"
import { fluxSpeech } from "./deepgram/flux-speech.ts"
import { FluxTranscriber } from "./deepgram/flux-transcriber.ts"
import { NovaTranscriber } from "./deepgram/nova-transcriber.ts"
import { elevenLabsSpeech } from "./elevenlabs/elevenlabs-speech.ts"
import { SocketSynthesizer } from "./socket-synthesizer.ts"
import type { OpenSynthesizer } from "./synthesizer.ts"
import type { OpenTranscriber } from "./transcriber.ts"

type VendorAccount = { readonly baseUrl?: string | undefined; readonly apiKey?: string | undefined }

/** Addresses and keys of the vendors; a vendor without a key cannot be used. */
export type SpeechAccounts = {
  readonly deepgram: VendorAccount
  readonly elevenlabs: VendorAccount
}

/** A provider that listens. */
export type HearChoice = {
  readonly provider: "deepgram"
  /** As in `flux-general-en`, which knows turns, or `nova-3`. */
  readonly model?: string | undefined
  /** Names and words to favour. */
  readonly keyterms?: readonly string[] | undefined
  /** Two-letter codes of expected languages. */
  readonly languages?: readonly string[] | undefined
  /** Whether `eager-end` is reported. */
  readonly eagerEnd?: boolean | undefined
}

/** A provider that speaks. */
export type SpeakChoice = {
  readonly provider: "deepgram" | "elevenlabs"
  /** At Deepgram a voice of Flux, as in `flux-haley-en`, or of Aura, as in `aura-2-thalia-en`; at ElevenLabs its id. */
  readonly voice?: string | undefined
  readonly model?: string | undefined
  /** Two-letter code. */
  readonly language?: string | undefined
  /** 1 is the ordinary rate. */
  readonly speed?: number | undefined
}

const DEEPGRAM_URL = "https://api.deepgram.com"
const ELEVENLABS_URL = "https://api.elevenlabs.io"

/** Throws `AppError` NOT_CONFIGURED when the provider has no key. */
export function transcriberOf(
  choice: HearChoice,
  accounts: SpeechAccounts,
  services: SpeechServices,
): OpenTranscriber {
  const account = deepgramAccount(accounts)
  const { model } = choice
  if (model !== undefined && !model.startsWith("flux"))
    return (listener, profile) =>
      new NovaTranscriber({ ...choice, ...account, model, profile }, services, listener)
  return (listener, profile) => new FluxTranscriber({ ...choice, ...account, profile }, services, listener)
}

/** Throws `AppError` NOT_CONFIGURED when the provider has no key. */
export function synthesizerOf(
  choice: SpeakChoice,
  accounts: SpeechAccounts,
  services: SpeechServices,
): OpenSynthesizer {
  switch (choice.provider) {
    case "deepgram": {
      const options = { ...choice, ...deepgramAccount(accounts) }
      if (choice.voice?.startsWith("aura"))
        return (lost) => new SocketSynthesizer(auraSpeech(options), services, lost)
      return (lost) => new SocketSynthesizer(fluxSpeech(options), services, lost)
    }
    case "elevenlabs": {
      const { baseUrl = ELEVENLABS_URL, apiKey } = accounts.elevenlabs
      const options = { ...choice, baseUrl, apiKey: keyOf(apiKey, "ELEVENLABS_API_KEY") }
      return (lost) => new SocketSynthesizer(elevenLabsSpeech(options), services, lost)
    }
    default:
      return choice.provider satisfies never
  }
}

function deepgramAccount({ deepgram: { baseUrl = DEEPGRAM_URL, apiKey } }: SpeechAccounts) {
  return { baseUrl, apiKey: keyOf(apiKey, "DEEPGRAM_API_KEY") }
}

function keyOf(apiKey: string | undefined, variable: string): string {
  if (apiKey !== undefined) return apiKey
  throw new AppError("NOT_CONFIGURED", `${variable} is not set`)
}
