/** A synthesizer that has fixed sentences synthesized once and speaks them from the cache afterwards. */

import type { Log } from "../../lib/log.ts"
import type { SpeechUtterance, Synthesizer, UtteranceEvent, UtteranceListener } from "../synthesizer.ts"
import { MAX_PHRASE_BYTES, type Phrase, type PhraseCache } from "./phrase-cache.ts"

export type CachedSynthesizerOptions = {
  synthesizer: Synthesizer
  cache: PhraseCache
  /** Provider, voice and everything else that changes how a text sounds. */
  voice: string
  /** Whether a text is said again and again, and is not about one caller. */
  isFixed: (text: string) => boolean
  log: Log
}

type Said = {
  readonly listener: UtteranceListener
  clauses: string[]
  isFinished: boolean
  isOver: boolean
  /** At the synthesizer; undefined while it is not decided, and for a stored sentence. */
  utterance: SpeechUtterance | undefined
}

export class CachedSynthesizer implements Synthesizer {
  readonly #options: CachedSynthesizerOptions
  /** Utterances are decided about in their order. */
  #decided: Promise<void> = Promise.resolve()
  /** Utterances at the synthesizer that are not over: stored sentences follow them. */
  readonly #running = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: CachedSynthesizerOptions) {
    this.#options = options
  }

  speak(listener: UtteranceListener): SpeechUtterance {
    const said: Said = { listener, clauses: [], isFinished: false, isOver: false, utterance: undefined }
    // A sentence of the program is said and finished in one go; an answer grows clause by clause.
    this.#decided = this.#decided.then(() => this.#decide(said))
    this.#options.log.background("speaking of a sentence", this.#decided)
    return {
      say(clause) {
        if (said.utterance) said.utterance.say(clause)
        else if (!said.isFinished) said.clauses.push(clause)
      },
      finish() {
        said.isFinished = true
        said.utterance?.finish()
      },
      cancel(heardMs) {
        said.isOver = true
        said.utterance?.cancel(heardMs)
      },
    }
  }

  close(): void {
    this.#isClosed = true
    this.#options.synthesizer.close()
  }

  async #decide(said: Said): Promise<void> {
    const text = said.clauses.join("")
    const { cache, isFixed } = this.#options
    if (!said.isFinished || !isFixed(text)) return this.#forward(said, undefined)
    const key = this.#keyOf(text)
    const phrase = await cache.read(key)
    if (!phrase) return this.#forward(said, key)
    await Promise.all(this.#running)
    this.#play(said, phrase, text)
  }

  #play(said: Said, { audio, positions }: Phrase, text: string): void {
    if (said.isOver || this.#isClosed) return
    said.isOver = true
    said.listener({ type: "audio", audio })
    for (const { chars, ms } of positions) {
      if (chars <= text.length) said.listener({ type: "position", chars, ms })
    }
    said.listener({ type: "done" })
  }

  /** Has it synthesized. `key`: where the audio is stored; undefined: nowhere. */
  #forward(said: Said, key: string | undefined): void {
    if (said.isOver || this.#isClosed) return
    const { promise: over, resolve } = Promise.withResolvers<void>()
    this.#running.add(over)
    const end = () => {
      this.#running.delete(over)
      resolve()
    }
    const record = key === undefined ? undefined : new Recording(key)
    const { synthesizer, cache, log } = this.#options
    const utterance = synthesizer.speak((event) => {
      record?.take(event)
      if (event.type === "done" && record?.isWhole) {
        log.background("storing a sentence", cache.write(record.key, record.phrase))
      }
      if (event.type !== "audio" && event.type !== "position") end()
      said.listener(event)
    })
    said.utterance = {
      say: (clause) => utterance.say(clause),
      finish: () => utterance.finish(),
      cancel(heardMs) {
        utterance.cancel(heardMs)
        end()
      },
    }
    for (const clause of said.clauses.splice(0)) utterance.say(clause)
    if (said.isFinished) utterance.finish()
  }

  #keyOf(text: string): string {
    const hasher = new Bun.CryptoHasher("sha256")
    return hasher.update(JSON.stringify([this.#options.voice, text])).digest("hex")
  }
}

/** The audio of an utterance while it is synthesized. */
class Recording {
  readonly key: string
  #audio: Uint8Array[] = []
  #bytes = 0
  readonly #positions: { chars: number; ms: number }[] = []

  constructor(key: string) {
    this.key = key
  }

  /** Whether it is short enough to be stored. */
  get isWhole(): boolean {
    return this.#bytes <= MAX_PHRASE_BYTES
  }

  get phrase(): Phrase {
    return { audio: new Uint8Array(Buffer.concat(this.#audio)), positions: this.#positions }
  }

  take(event: UtteranceEvent): void {
    if (event.type === "position") this.#positions.push({ chars: event.chars, ms: event.ms })
    if (event.type !== "audio") return
    this.#bytes += event.audio.length
    if (this.isWhole) this.#audio.push(event.audio)
    else this.#audio = []
  }
}
