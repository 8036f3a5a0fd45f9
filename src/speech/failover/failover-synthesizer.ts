/**
 * A synthesizer that uses several providers, one at a time. When one fails in the middle of an utterance, the next one
 * speaks the rest of it; when one is silent, the next one is asked for the rest too, and the first that answers is used.
 */

import type { SpeechServices } from "../connection.ts"
import type { SpeechFailure } from "../failure.ts"
import { MS_PER_CHARACTER } from "../spoken-text.ts"
import type { OpenSynthesizer, SpeechUtterance, Synthesizer, UtteranceListener } from "../synthesizer.ts"
import { Attempts } from "./attempts.ts"
import { FailoverUtterance } from "./failover-utterance.ts"
import type { ProviderHealth } from "./provider-health.ts"
import type { SpeakLine, SpeakProvider } from "./spoken-part.ts"

export type FailoverSynthesizerOptions = {
  /** In the order of preference; at least one. */
  providers: readonly SpeakProvider[]
  health: ProviderHealth
  /** How long a provider may be silent while it should speak, in milliseconds. */
  stallMs: number
}

/** A silent provider is kept for so many times `stallMs` when no other one answers, and when there is no other one. */
const STALLS = 3
const STALLS_ALONE = 6

export class FailoverSynthesizer implements Synthesizer {
  readonly #options: FailoverSynthesizerOptions
  readonly #services: SpeechServices
  readonly #attempts: Attempts<OpenSynthesizer>
  /** Milliseconds for a character of each provider, as its last utterance showed. */
  readonly #paces = new Map<string, number>()
  readonly #utterances = new Set<FailoverUtterance>()
  #current: SpeakLine | undefined
  /** Opened beside a silent one. */
  #backup: SpeakLine | undefined
  #isClosed = false

  constructor(options: FailoverSynthesizerOptions, services: SpeechServices) {
    this.#options = options
    this.#services = services
    this.#attempts = new Attempts(options.providers, options.health, services.sweep.clock)
    this.#current = this.#openNext()
  }

  speak(listener: UtteranceListener): SpeechUtterance {
    const utterance = new FailoverUtterance({
      listener,
      services: this.#services,
      stallMs: this.#options.stallMs,
      stalls: this.#options.providers.length === 1 ? STALLS_ALONE : STALLS,
      line: () => (this.#current ??= this.#openNext()),
      other: (line) => this.#other(line),
      took: (line, failure) => this.#took(line, failure),
      works: (line, msPerCharacter) => {
        this.#attempts.works(line.provider)
        if (msPerCharacter === undefined) return
        line.msPerCharacter = msPerCharacter
        this.#paces.set(line.provider.name, msPerCharacter)
      },
      failed: (line, failure) => this.#failed(line, failure),
      waits: () => this.#utterances.values().next().value !== utterance,
      cause: () => this.#attempts.cause,
      moved: () => this.#moveOthers(),
      over: () => void this.#utterances.delete(utterance),
    })
    this.#utterances.add(utterance)
    return utterance
  }

  close(): void {
    this.#isClosed = true
    for (const utterance of this.#utterances) utterance.stop()
    this.#utterances.clear()
    this.#current?.synthesizer.close()
    this.#backup?.synthesizer.close()
  }

  #openNext(except?: SpeakLine): SpeakLine | undefined {
    const next = this.#isClosed ? undefined : this.#attempts.next(except?.provider)
    const provider = this.#options.providers.find(({ name }) => name === next?.provider.name)
    if (!provider) return undefined
    const line: SpeakLine = {
      provider,
      msPerCharacter: this.#paces.get(provider.name) ?? MS_PER_CHARACTER,
      isLost: false,
      synthesizer: provider.open((failure) => this.#failed(line, failure)),
    }
    return line
  }

  /** Another provider than this one; it stays open until one of the two is used. */
  #other(line: SpeakLine): SpeakLine | undefined {
    if (this.#backup?.isLost || this.#backup === line) this.#backup = undefined
    return (this.#backup ??= this.#openNext(line))
  }

  /** A provider answered before a silent one, which is left. */
  #took(line: SpeakLine, failure: SpeechFailure): void {
    const last = this.#current
    if (last && last !== line) this.#failed(last, failure)
    this.#current = line
    this.#backup = undefined
    this.#moveOthers()
  }

  /** Utterances that wait for a provider that was left wait for the current one. */
  #moveOthers(): void {
    const line = this.#current
    if (line) for (const utterance of this.#utterances) utterance.moveTo(line)
  }

  #failed(line: SpeakLine, failure: SpeechFailure): void {
    if (line.isLost) return
    line.isLost = true
    this.#attempts.failed(line.provider, failure)
    const { reason, status, code } = failure
    this.#services.log.warn("text to speech failed", { provider: line.provider.name, reason, status, code })
    line.synthesizer.close()
    if (line === this.#backup) this.#backup = undefined
    if (line !== this.#current) return
    this.#current = this.#backup
    this.#backup = undefined
    // The next utterance finds an open connection.
    this.#current ??= this.#openNext()
  }
}
