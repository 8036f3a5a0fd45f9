/**
 * A transcriber that uses several providers, one at a time. When one fails, the next one hears the running turn again
 * from its first word that is not settled. When one is silent while it should report something, the next one is opened
 * beside it, and the first of the two that reports words is used.
 */

import { isLoud } from "../../audio/loudness.ts"
import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import type { SpeechServices } from "../connection.ts"
import type { SpeechFailure } from "../failure.ts"
import type {
  OpenTranscriber,
  Transcriber,
  TranscriberEvent,
  TranscriberListener,
  TurnProfile,
} from "../transcriber.ts"
import { Attempts, type Named } from "./attempts.ts"
import type { ProviderHealth } from "./provider-health.ts"
import { TurnAudio } from "./turn-audio.ts"
import { StallWatch } from "./stall-watch.ts"

/** `heartbeat`: the provider reports something at least once a second while a turn runs. */
export type HearProvider = Named<OpenTranscriber> & { readonly heartbeat: boolean }

export type FailoverTranscriberOptions = {
  /** In the order of preference; at least one. */
  providers: readonly HearProvider[]
  health: ProviderHealth
  /** How long a provider may be silent while it should report something, in milliseconds. */
  stallMs: number
  profile: TurnProfile
}

/** One provider at work. `baseMs`: where its audio begins. */
type Line = {
  provider: HearProvider
  transcriber: Transcriber
  baseMs: number
  isReady: boolean
  /** Words of the running turn that are settled. */
  settled: string
  hasWords: boolean
  /** Events that wait until the line is used. */
  events: TranscriberEvent[]
}

/** Audio kept of a running turn, and between turns, in milliseconds. */
const TURN_MS = 15_000
const IDLE_MS = 2_000
/** A provider that takes over and hears no word for so long leaves the turn to what was known, in milliseconds of audio. */
const RELEASE_MS = 1_500

export class FailoverTranscriber implements Transcriber {
  readonly #options: FailoverTranscriberOptions
  readonly #services: SpeechServices
  readonly #listener: TranscriberListener
  readonly #attempts: Attempts<OpenTranscriber>
  readonly #audio = new TurnAudio()
  readonly #stall: StallWatch
  #profile: TurnProfile
  #current: Line | undefined
  /** Opened beside a silent one. */
  #backup: Line | undefined
  /** Settled words of the running turn from providers that are gone. */
  #before = ""
  /** What was reported of the running turn; undefined between turns. */
  #turn: { text: string; isEager: boolean } | undefined
  #wasReady = false
  #phase: "open" | "closing" | "over" = "open"
  /** A running turn is released here if the provider that took over hears no word of it. */
  #releaseAtMs = Infinity
  #cancelRetry = () => {}

  constructor(options: FailoverTranscriberOptions, services: SpeechServices, listener: TranscriberListener) {
    this.#options = options
    this.#services = services
    this.#listener = listener
    this.#profile = options.profile
    this.#attempts = new Attempts(options.providers, options.health, services.sweep.clock)
    this.#stall = new StallWatch(services.sweep.clock, options.stallMs)
    this.#openNext()
  }

  hear(audio: Uint8Array): void {
    if (this.#phase !== "open") return
    this.#audio.push(audio)
    this.#audio.limit(this.#turn ? TURN_MS : IDLE_MS, this.#turn !== undefined)
    this.#current?.transcriber.hear(audio)
    this.#backup?.transcriber.hear(audio)
    this.#stall.heard(audio.length / MULAW_BYTES_PER_MS, isLoud(audio))
    this.#look()
  }

  expect(profile: TurnProfile): void {
    this.#profile = profile
    this.#current?.transcriber.expect(profile)
    this.#backup?.transcriber.expect(profile)
  }

  close(): void {
    if (this.#phase !== "open") return
    this.#phase = "closing"
    this.#cancelRetry()
    this.#dropBackup()
    if (this.#current) this.#current.transcriber.close()
    else this.#finish()
  }

  #openNext(): void {
    const next = this.#attempts.next()
    if (!next) return
    const open = () => {
      this.#current = this.#open(this.#providerOf(next.provider))
      this.#stall.opened()
    }
    if (next.delayMs === 0) open()
    else this.#cancelRetry = this.#services.sweep.after(next.delayMs, open)
  }

  #providerOf({ name }: Named<OpenTranscriber>): HearProvider {
    const [first, ...others] = this.#options.providers
    const found = others.find((provider) => provider.name === name) ?? first
    if (!found) throw new Error("no provider")
    return found
  }

  /** Opens a provider, which hears what is kept. */
  #open(provider: HearProvider): Line {
    const line: Line = {
      provider,
      baseMs: this.#audio.startMs,
      isReady: false,
      settled: "",
      hasWords: false,
      events: [],
      transcriber: provider.open((event) => this.#event(line, event), this.#profile),
    }
    for (const piece of this.#audio.pieces()) line.transcriber.hear(piece)
    return line
  }

  /** Called for each piece of audio: cheap unless something is wrong. */
  #look(): void {
    const line = this.#current
    if (!line) return
    if (this.#audio.endMs >= this.#releaseAtMs) this.#release(line)
    if (this.#backup) return
    const { heartbeat } = line.provider
    const isSilent = this.#stall.isSilent({
      isReady: line.isReady,
      isInTurn: this.#turn !== undefined,
      heartbeat,
    })
    if (!isSilent) return
    this.#stall.reported()
    // The only provider may answer on a new connection.
    const next = this.#attempts.next(line.provider) ?? this.#attempts.next()
    if (next) this.#backup = this.#open(this.#providerOf(next.provider))
  }

  #event(line: Line, event: TranscriberEvent): void {
    if (this.#phase === "over") return
    if (line === this.#current) return this.#ofCurrent(line, event)
    if (line !== this.#backup) return
    if (event.type === "failed") {
      this.#attempts.failed(line.provider, event.failure)
      this.#backup = undefined
      return
    }
    line.events.push(event)
    const isFirst = event.type === "ready" && this.#current?.isReady === false
    const hasWords = "text" in event && event.text !== ""
    if (isFirst || hasWords) this.#adopt(line)
  }

  #ofCurrent(line: Line, event: TranscriberEvent): void {
    this.#stall.reported()
    if (event.type !== "failed" && event.type !== "closed") this.#dropBackup()
    switch (event.type) {
      case "ready":
        line.isReady = true
        this.#attempts.works(line.provider)
        if (!this.#wasReady) this.#listener({ type: "ready" })
        this.#wasReady = true
        return
      case "speech-started":
        return void this.#begin()
      case "interim":
        line.hasWords = true
        return this.#words(event.text)
      case "final": {
        line.hasWords = true
        line.settled = event.text
        const untilMs = line.baseMs + event.untilMs
        this.#audio.dropBefore(untilMs)
        return this.#listener({ type: "final", text: this.#whole(event.text), untilMs })
      }
      case "eager-end":
        this.#begin().isEager = true
        return this.#listener({ type: "eager-end", text: this.#whole(event.text) })
      case "resumed":
        return this.#resume()
      case "turn-ended":
        return this.#end(this.#whole(event.text), line.baseMs + event.untilMs)
      case "failed":
        return this.#failed(line, event.failure)
      case "closed":
        return this.#finish()
      default:
        event satisfies never
    }
  }

  #begin(): { text: string; isEager: boolean } {
    if (this.#turn) return this.#turn
    this.#turn = { text: "", isEager: false }
    this.#listener({ type: "speech-started" })
    return this.#turn
  }

  #words(words: string): void {
    const text = this.#whole(words)
    const turn = this.#begin()
    if (text === turn.text) return
    turn.text = text
    this.#listener({ type: "interim", text })
  }

  #resume(): void {
    if (!this.#turn?.isEager) return
    this.#turn.isEager = false
    this.#listener({ type: "resumed" })
  }

  #end(text: string, untilMs: number): void {
    if (!this.#turn && text === "") return
    this.#begin()
    this.#turn = undefined
    this.#before = ""
    this.#releaseAtMs = Infinity
    if (this.#current) Object.assign(this.#current, { settled: "", hasWords: false })
    this.#audio.dropBefore(untilMs)
    this.#listener({ type: "turn-ended", text, untilMs })
  }

  /** The words of the turn, with those that an earlier provider has settled. */
  #whole(text: string): string {
    return [this.#before, text].filter(Boolean).join(" ")
  }

  #failed(line: Line, failure: SpeechFailure): void {
    this.#attempts.failed(line.provider, failure)
    this.#leave(line, failure)
    if (this.#phase === "closing") return this.#finish()
    const backup = this.#backup
    if (backup) return this.#adopt(backup)
    this.#current = undefined
    this.#openNext()
    if (this.#current || this.#attempts.next()) return
    this.#phase = "over"
    this.#listener({ type: "failed", failure: this.#attempts.cause ?? failure })
  }

  /** What the failed provider has settled stays; everything behind it is heard again. */
  #leave(line: Line, { reason, status, code }: SpeechFailure): void {
    const lostMs = this.#audio.takeLostMs()
    const { name: provider } = line.provider
    this.#services.log.warn("speech to text failed", { provider, reason, status, code, lostMs })
    this.#before = [this.#before, line.settled].filter(Boolean).join(" ")
    this.#resume()
    if (this.#turn) this.#releaseAtMs = this.#audio.endMs + RELEASE_MS
  }

  /** The provider beside the current one takes its place, with what it has reported so far. */
  #adopt(line: Line): void {
    const last = this.#current
    this.#backup = undefined
    this.#current = line
    if (last && last !== line && this.#phase === "open") this.#replace(last)
    for (const event of line.events.splice(0)) this.#event(line, event)
  }

  /** A silent provider is left. */
  #replace(last: Line): void {
    const failure: SpeechFailure = {
      reason: last.isReady ? "stalled" : "timeout",
      retryable: true,
      status: null,
      message: `silent for ${this.#options.stallMs} ms`,
    }
    this.#attempts.failed(last.provider, failure)
    this.#leave(last, failure)
    last.transcriber.close()
  }

  #dropBackup(): void {
    this.#backup?.transcriber.close()
    this.#backup = undefined
  }

  /** The provider that took over has heard no word of the running turn, which was over already. */
  #release(line: Line): void {
    this.#releaseAtMs = Infinity
    if (!this.#turn || line.hasWords) return
    if (!line.isReady || this.#stall.quietMs < RELEASE_MS / 2) {
      this.#releaseAtMs = this.#audio.endMs + RELEASE_MS / 2
      return
    }
    this.#end(this.#turn.text, this.#audio.endMs)
  }

  #finish(): void {
    if (this.#phase === "over") return
    if (this.#turn) this.#end(this.#turn.text, this.#audio.endMs)
    this.#phase = "over"
    this.#listener({ type: "closed" })
  }
}
