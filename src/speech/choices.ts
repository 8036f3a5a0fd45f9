/** Which providers hear and speak, as an agent names them, and the accounts at their vendors. */

type VendorAccount = {
  /** Default: the vendor's address. */
  readonly baseUrl?: string | undefined
  readonly apiKey?: string | undefined
}

/** Addresses and keys. A vendor that needs a key cannot be used without one. */
export type SpeechAccounts = {
  readonly deepgram: VendorAccount
  readonly elevenlabs: VendorAccount
  readonly openai: VendorAccount & { readonly transcribeModel: string; readonly ttsModel: string }
}

/** A provider that hears. */
export type HearChoice = {
  readonly provider: "deepgram" | "openai" | "openai-compatible" | "embedded"
  /** At Deepgram `flux-general-en`, which knows turns, or as in `nova-3`. */
  readonly model?: string | undefined
  /** Names and words to favour. */
  readonly keyterms?: readonly string[] | undefined
  /** Two-letter codes of expected languages. */
  readonly languages?: readonly string[] | undefined
  /** Whether `eager-end` is reported; only Flux does. */
  readonly eagerEnd?: boolean | undefined
  /** Of a compatible server, as in `http://127.0.0.1:8000/v1`; default: that of OpenAI. */
  readonly baseUrl?: string | undefined
}

/** A provider that speaks. */
export type SpeakChoice = {
  readonly provider: "deepgram" | "elevenlabs" | "openai" | "openai-compatible" | "embedded"
  /** At Deepgram as in `flux-haley-en` or `aura-2-thalia-en`, at ElevenLabs an id, elsewhere a name. */
  readonly voice?: string | undefined
  /** At OpenAI a Realtime model reads the texts, every other one serves `POST /audio/speech`. */
  readonly model?: string | undefined
  /** Two-letter code. */
  readonly language?: string | undefined
  /** 1 is the ordinary rate. */
  readonly speed?: number | undefined
  /** How to speak, for models that accept instructions. */
  readonly instructions?: string | undefined
  /** Of a compatible server, as in `http://127.0.0.1:8880/v1`; default: that of OpenAI. */
  readonly baseUrl?: string | undefined
  /** Rate of the raw PCM of a compatible server, in hertz. Default: 24,000. */
  readonly sampleRateHz?: number | undefined
  /** What a compatible server is asked for. Default: `pcm`. */
  readonly format?: "pcm" | "wav" | undefined
}

/** Providers of agents that name none: those with a key. */
export function configuredHear({ deepgram, openai }: SpeechAccounts): readonly HearChoice[] {
  return [
    ...(deepgram.apiKey === undefined ? [] : [{ provider: "deepgram" } as const]),
    ...(openai.apiKey === undefined ? [] : [{ provider: "openai" } as const]),
  ]
}

/** The same for speaking. */
export function configuredSpeak(accounts: SpeechAccounts): readonly SpeakChoice[] {
  const { deepgram, elevenlabs, openai } = accounts
  return [
    ...(deepgram.apiKey === undefined ? [] : [{ provider: "deepgram" } as const]),
    ...(elevenlabs.apiKey === undefined ? [] : [{ provider: "elevenlabs" } as const]),
    ...(openai.apiKey === undefined ? [] : [{ provider: "openai" } as const]),
  ]
}
