/** Playout of speech, clips and digits to a caller: a queue that is played at a steady rate. */

import type { Sweep } from "../../lib/sweep.ts"
import { allows, type Interruptible } from "./relay-wire.ts"
import { clauseEndAfter, lastClauseEnd, wholeWords, wordEnd } from "./clauses.ts"

export type Source = "greeting" | "reply" | "say" | "audio" | "digits"

/** Something that was heard, completely or in part. */
export type HeardItem = {
  /** When it ended, milliseconds since the epoch. */
  at: number
  source: Source
  /** Speech as far as it was heard, cut at a whole word; the address of audio; the digits. */
  text: string
  lang: string | undefined
  /** Whether it was played to its end. */
  complete: boolean
  /** Whether it ends a talk cycle, as `last: true` does. */
  last: boolean
}

export type SpeechPlayoutOptions = {
  sweep: Sweep
  /** Infinity makes all speech instant. */
  charactersPerSecond: number
  /** Delay from the first token in silence to the first audio, in milliseconds. */
  speechDelayMs: number
  onHeard: (spoken: HeardItem) => void
  /** Speech starts, or the last of it has ended. */
  onSpeaking?: (on: boolean) => void
  /** A clause was heard, or the rest of one before a cut. */
  onClause?: (text: string) => void
  /** The caller cut in: after the clause, before the silence. */
  onInterrupt?: (heard: string, durationMs: number) => void
}

export type SpeechFlags = { interruptible: Interruptible; preemptible: boolean }
export type SpeechText = {
  text: string
  last: boolean
  lang?: string | undefined
  interruptible?: Interruptible | undefined
  preemptible?: boolean | undefined
}

type Item = SpeechFlags & {
  source: Source
  text: string
  lang: string | undefined
  /** More text may come while it is open; an unfinished clause waits until then. */
  open: boolean
  last: boolean
  /** Units are characters of speech, and steps of equal length in everything else. */
  units: number
  msPerUnit: number
  position: number
  /** Up to where `onClause` has reported. */
  reported: number
  audibleFromMs: number
  startedMs: number | undefined
}

type Watch = { words: number; done: () => void }

export class SpeechPlayout {
  readonly #options: SpeechPlayoutOptions
  readonly #msPerCharacter: number
  #queue: Item[] = []
  #watches: Watch[] = []
  /** The moment up to which the queue has been played. */
  #atMs: number
  #speaking = false
  #disarm = () => {}

  constructor(options: SpeechPlayoutOptions) {
    this.#options = options
    this.#msPerCharacter = 1_000 / options.charactersPerSecond
    this.#atMs = options.sweep.clock.monotonic()
  }

  /** Whether something is audible now. */
  get speaking(): boolean {
    this.#advance()
    return this.#speaking
  }

  /** Whether this kind of input would now cut speech off. */
  yieldsTo(input: "speech" | "dtmf"): boolean {
    this.#advance()
    const item = this.#queue[0]
    return this.#speaking && item !== undefined && allows(item.interruptible, input)
  }

  /** Adds to the open talk cycle, or begins one with the given defaults. */
  addSpeech(source: "greeting" | "reply" | "say", words: SpeechText, defaults: SpeechFlags): void {
    this.#advance()
    const tail = this.#queue.at(-1)
    if (tail?.open) this.#extend(tail, words)
    else if (words.text !== "") this.#begin(source, words, defaults)
    else if (words.last && tail) tail.last = true
    this.#advance()
  }

  /** Plays `durationMs` of something other than speech, after what is queued. */
  addClip(source: "audio" | "digits", text: string, durationMs: number, flags: SpeechFlags): void {
    this.#advance()
    const tail = this.#queue.at(-1)
    if (source === "audio") this.#preempt()
    if (tail?.open) close(tail)
    this.#push({
      source,
      text,
      lang: undefined,
      open: false,
      last: false,
      units: 1,
      msPerUnit: durationMs,
      ...flags,
    })
    this.#advance()
  }

  /**
   * The caller cuts in. Purges everything queued, not only what is playing, and returns what was heard of that;
   * undefined when nothing was playing or it may not be cut by this kind of input.
   */
  interrupt(input: "speech" | "dtmf"): string | undefined {
    const yields = this.yieldsTo(input)
    const item = this.#queue[0]
    if (!yields || !item) return undefined
    const heard = heardOf(item)
    this.#reportClause(item, heard.length)
    this.#options.onInterrupt?.(heard, Math.round(this.#atMs - (item.startedMs ?? this.#atMs)))
    this.#drop(item)
    this.#queue = []
    this.#advance()
    return heard
  }

  /** Stops without any event: the session is over. */
  discard(): void {
    this.#advance()
    const item = this.#queue[0]
    if (item) this.#drop(item)
    this.#queue = []
    this.#speaking = false
    this.#disarm()
    for (const watch of this.#watches.splice(0)) watch.done()
  }

  /** Resolves when `words` words of the current utterance, or else of the next one, were heard, or when it ended. */
  heardWords(words: number): Promise<void> {
    return new Promise((resolve) => {
      this.#watches.push({ words, done: resolve })
      this.#advance()
      const item = this.#queue[0]
      if (item) this.#wakeWatches(item)
    })
  }

  #begin(
    source: Source,
    { text, last, lang, interruptible, preemptible }: SpeechText,
    defaults: SpeechFlags,
  ): void {
    this.#preempt()
    this.#push({
      source,
      text,
      lang,
      open: !last,
      last,
      units: last ? text.length : lastClauseEnd(text, 0),
      msPerUnit: this.#msPerCharacter,
      interruptible: interruptible ?? defaults.interruptible,
      preemptible: preemptible ?? defaults.preemptible,
    })
  }

  #extend(item: Item, { text, last, lang, interruptible, preemptible }: SpeechText): void {
    item.text += text
    item.lang = lang ?? item.lang
    item.interruptible = interruptible ?? item.interruptible
    item.preemptible = preemptible ?? item.preemptible
    item.last = last
    if (last) close(item)
    else item.units = lastClauseEnd(item.text, item.units)
  }

  #push(item: Omit<Item, "position" | "reported" | "audibleFromMs" | "startedMs">): void {
    const delayMs = this.#speaking || item.source === "digits" ? 0 : this.#options.speechDelayMs
    this.#queue.push({
      ...item,
      position: 0,
      reported: 0,
      audibleFromMs: this.#options.sweep.clock.monotonic() + delayMs,
      startedMs: undefined,
    })
  }

  /** Drops preemptible speech before the next. The server gets no event for it. */
  #preempt(): void {
    for (let tail = this.#queue.at(-1); tail?.preemptible; tail = this.#queue.at(-1)) {
      this.#queue.pop()
      this.#drop(tail)
    }
  }

  /** Plays what is due. Every event gets its own time, however late this is called. */
  #advance(): void {
    this.#disarm()
    const now = this.#options.sweep.clock.monotonic()
    for (let item = this.#queue[0]; item; item = this.#queue[0]) {
      if (item.position >= item.units) {
        if (item.open) break
        this.#queue.shift()
        this.#ended(item, item.text, true)
        continue
      }
      if (now < item.audibleFromMs) return this.#rest(now, item.audibleFromMs)
      this.#atMs = Math.max(this.#atMs, item.audibleFromMs)
      this.#turn(true)
      item.startedMs ??= this.#atMs
      const clauseEnd =
        item.source === "audio" ? item.units : clauseEndAfter(item.text, item.position, item.units)
      const stop = Math.min(clauseEnd, this.#watchedStop(item))
      const dueMs = this.#atMs + (stop - item.position) * item.msPerUnit
      if (dueMs > now) {
        item.position += (now - this.#atMs) / item.msPerUnit
        this.#atMs = now
        this.#arm(dueMs - now)
        return
      }
      this.#atMs = dueMs
      item.position = stop
      if (stop === clauseEnd) this.#reportClause(item, stop)
      this.#wakeWatches(item)
    }
    this.#rest(now, undefined)
  }

  #rest(now: number, untilMs: number | undefined): void {
    this.#turn(false)
    this.#atMs = now
    if (untilMs !== undefined) this.#arm(untilMs - now)
  }

  #arm(ms: number): void {
    this.#disarm = this.#options.sweep.after(Math.ceil(ms), () => this.#advance())
  }

  #turn(on: boolean): void {
    if (this.#speaking === on) return
    this.#speaking = on
    this.#options.onSpeaking?.(on)
  }

  #reportClause(item: Item, end: number): void {
    const text = item.source === "digits" ? item.text : item.text.slice(item.reported, end)
    item.reported = end
    if (item.source !== "audio" && text.trim() !== "") this.#options.onClause?.(text.trim())
  }

  #drop(item: Item): void {
    if (item.startedMs !== undefined) this.#ended(item, heardOf(item), false)
  }

  #ended({ source, text: whole, lang, last }: Item, text: string, complete: boolean): void {
    for (const watch of this.#watches.splice(0)) watch.done()
    if (whole.trim() === "") return
    const { clock } = this.#options.sweep
    const at = Math.round(clock.now() - (clock.monotonic() - this.#atMs))
    this.#options.onHeard({ at, source, text, lang, complete, last })
  }

  #watchedStop(item: Item): number {
    if (this.#watches.length === 0 || isClip(item)) return Number.POSITIVE_INFINITY
    const ends = this.#watches.map(({ words }) => wordEnd(item.text, words))
    return Math.min(...ends.filter((end) => end > item.position))
  }

  #wakeWatches(item: Item): void {
    if (this.#watches.length === 0 || isClip(item)) return
    const reached = this.#watches.filter(({ words }) => wordEnd(item.text, words) <= item.position)
    this.#watches = this.#watches.filter((watch) => !reached.includes(watch))
    for (const watch of reached) watch.done()
  }
}

function isClip(item: Item): boolean {
  return item.source === "audio" || item.source === "digits"
}

function close(item: Item): void {
  item.open = false
  item.units = item.text.length
}

function heardOf(item: Item): string {
  return isClip(item) ? item.text : wholeWords(item.text, item.position)
}
