/** Opens transcribers and synthesizers by the name of their provider. */

import { AppError } from "../lib/errors.ts"
import type { SpeechServices } from "./connection.ts"
import { auraSpeech } from "./deepgram/aura-speech.ts"
import { fluxSpeech } from "./deepgram/flux-speech.ts"
import { FluxTranscriber } from "./deepgram/flux-transcriber.ts"
import { NovaTranscriber } from "./deepgram/nova-transcriber.ts"
import { SocketSynthesizer } from "./socket-synthesizer.ts"
import type { OpenSynthesizer } from "./synthesizer.ts"
import type { OpenTranscriber } from "./transcriber.ts"

/** Addresses and keys of the vendors; a vendor without a key cannot be used. */
export type SpeechAccounts = {
  readonly deepgram: { readonly baseUrl?: string | undefined; readonly apiKey?: string | undefined }
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
  readonly provider: "deepgram"
  /** A voice of Flux, as in `flux-haley-en`, or of Aura, as in `aura-2-thalia-en`. */
  readonly voice?: string | undefined
  /** 1 is the ordinary rate. */
  readonly speed?: number | undefined
}

const DEEPGRAM_URL = "https://api.deepgram.com"

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
  { voice, speed }: SpeakChoice,
  accounts: SpeechAccounts,
  services: SpeechServices,
): OpenSynthesizer {
  const account = deepgramAccount(accounts)
  if (voice?.startsWith("aura")) {
    return (lost) => new SocketSynthesizer(auraSpeech({ ...account, voice, speed }), services, lost)
  }
  return (lost) => new SocketSynthesizer(fluxSpeech({ ...account, voice, speed }), services, lost)
}

function deepgramAccount({ deepgram: { baseUrl = DEEPGRAM_URL, apiKey } }: SpeechAccounts) {
  if (apiKey !== undefined) return { baseUrl, apiKey }
  throw new AppError("NOT_CONFIGURED", "DEEPGRAM_API_KEY is not set")
}
