/** What an agent hears and speaks with: its providers in their order, with failover between them. */

import type { Log } from "../lib/log.ts"
import { messageOf } from "../lib/errors.ts"
import { CachedSynthesizer } from "./cache/cached-synthesizer.ts"
import type { PhraseCache } from "./cache/phrase-cache.ts"
import {
  configuredHear,
  configuredSpeak,
  type HearChoice,
  type SpeakChoice,
  type SpeechAccounts,
} from "./choices.ts"
import type { SpeechServices } from "./connection.ts"
import { FailoverSynthesizer } from "./failover/failover-synthesizer.ts"
import { FailoverTranscriber, type HearProvider } from "./failover/failover-transcriber.ts"
import type { ProviderHealth } from "./failover/provider-health.ts"
import type { SpeakProvider } from "./failover/spoken-part.ts"
import { noSynthesizer, noTranscriber } from "./no-speech.ts"
import { synthesizerOf } from "./open-synthesizer.ts"
import { transcriberOf } from "./open-transcriber.ts"
import {
  hearModelOf,
  meteredSynthesizer,
  meteredTranscriber,
  speakModelOf,
  type SpeechMeter,
} from "./speech-meter.ts"
import type { OpenSynthesizer } from "./synthesizer.ts"
import type { OpenTranscriber } from "./transcriber.ts"

export type SpeechOfAgentOptions = {
  accounts: SpeechAccounts
  services: SpeechServices
  /** Shared by all calls. */
  health: ProviderHealth
  /** How long a provider may be silent while it should report or speak something, in milliseconds. */
  stallMs: number
  /** Whether agents that name nobody, on a server without keys, use the embedded speech: for simulated calls. */
  isEmbedded: boolean
  /** Counts what the providers are given. */
  meter: SpeechMeter
  /** Keeps sentences that are said again and again. */
  cache: PhraseCache
}

/** What an agent names; undefined: every provider that is configured. */
export type SpeechChoices = {
  readonly hear?: readonly HearChoice[] | undefined
  readonly speak?: readonly SpeakChoice[] | undefined
  /** Sentences that are the same in every call. */
  readonly fixed?: readonly string[] | undefined
}

const NONE = "no speech provider is configured: set DEEPGRAM_API_KEY or OPENAI_API_KEY"
const EMBEDDED = [{ provider: "embedded" }] as const

/** Providers without a key are left out. Without any, what is opened fails at once. */
export function speechOfAgent(
  { hear, speak, fixed = [] }: SpeechChoices,
  options: SpeechOfAgentOptions,
): { hear: OpenTranscriber; speak: OpenSynthesizer } {
  const { accounts, services, health, stallMs, cache, meter } = options
  const { log } = services
  // Speech without an account understands simulated callers only, so it takes the place of no provider.
  const orEmbedded = <C>(configured: readonly C[]) =>
    configured.length === 0 && options.isEmbedded ? EMBEDDED : configured
  const sentences = new Set(fixed.map((text) => text.trim()))
  const isFixed = (text: string) => sentences.has(text.trim())
  const cached = (choice: SpeakChoice): OpenSynthesizer => {
    // A stored sentence costs nothing.
    const open = meteredSynthesizer(
      synthesizerOf(choice, accounts, services),
      speakModelOf(choice, accounts),
      meter,
    )
    const voice = JSON.stringify(choice)
    return (lost) => new CachedSynthesizer({ synthesizer: open(lost), cache, voice, isFixed, log })
  }
  const hearing = usable(hear ?? orEmbedded(configuredHear(accounts)), log, (choice): HearProvider => ({
    name: nameOf("hear", choice),
    heartbeat: choice.provider === "deepgram",
    open: meteredTranscriber(transcriberOf(choice, accounts, services), hearModelOf(choice, accounts), meter),
  }))
  const speaking = usable(speak ?? orEmbedded(configuredSpeak(accounts)), log, (choice): SpeakProvider => ({
    name: nameOf("speak", choice),
    timed: choice.provider === "elevenlabs",
    open: cached(choice),
  }))
  return {
    hear:
      hearing.length === 0
        ? noTranscriber(NONE)
        : (listener, profile) =>
            new FailoverTranscriber({ providers: hearing, health, stallMs, profile }, services, listener),
    speak:
      speaking.length === 0
        ? noSynthesizer(NONE)
        : () => new FailoverSynthesizer({ providers: speaking, health, stallMs }, services),
  }
}

function usable<C, P>(choices: readonly C[], log: Log, open: (choice: C) => P): P[] {
  const providers = choices.flatMap((choice) => {
    try {
      return [open(choice)]
    } catch (error) {
      log.warn("a speech provider of an agent cannot be used", { reason: messageOf(error) })
      return []
    }
  })
  if (providers.length === 0) log.error(NONE)
  return providers
}

/** Two choices with one name share their fate: what differs between them is a part of it. */
function nameOf(kind: "hear" | "speak", choice: HearChoice | SpeakChoice): string {
  const { provider, model = "", baseUrl = "" } = choice
  const voice = "voice" in choice ? (choice.voice ?? "") : ""
  return [kind, provider, model, voice, baseUrl].filter(Boolean).join(" ")
}
