/**
 * What the agent says on a media stream, in order: synthesized speech, stored audio and tones. Plays it as it comes, reports
 * what was heard of each text, and can be paused and continued. The words are the ledger; audio is kept until it was heard.
 */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import type { AudioTap } from "../call/audio-tap.ts"
import type { CallId } from "../call/ids.ts"
import type { Clock } from "../lib/clock.ts"
import type { MediaStream } from "../media/media-stream.ts"
import type { AudioPart, Heard } from "../media/playback.ts"
import { SpokenText } from "../speech/spoken-text.ts"

/** Ordinary pace of speech, to estimate how long text takes that has no audio yet. */
const MS_PER_CHARACTER = 66

/** One text, or one piece of audio without text, that is said. */
export type Spoken = {
  readonly id: number
  readonly words: SpokenText
  /** Its audio from `keptFromMs` on, as it came: what was not heard yet, and somewhat more. */
  readonly audio: { bytes: Uint8Array; startMs: number }[]
  /** How much audio has come. */
  audioMs: number
  /** How much of it was given to the stream, and the first piece in `audio` that was not. */
  sentMs: number
  unsent: number
  /** Where the audio began that the stream counts from: not 0 after a pause. */
  streamFromMs: number
  heardMs: number
  /** Characters of the text that were reported as heard. */
  reported: number
  /** Whether all of its audio has come. */
  isDone: boolean
  /** Whether its synthesis failed: the rest of the text is not heard. */
  isBroken: boolean
  /** Stops its synthesis. Called once at most. */
  cancel: (heardMs: number) => void
}

export type SpokenQueueOptions = {
  stream: MediaStream
  clock: Clock
  callId: CallId
  tap: AudioTap
  /** Words of the oldest text were heard: the next ones in order. */
  onHeard: (words: string) => void
  /** Everything that was said was heard. */
  onQuiet: () => void
  /** Playback was paused or continues, so it ends later than was expected. */
  onPaused: () => void
}

export class SpokenQueue {
  readonly #options: SpokenQueueOptions
  readonly #queue: Spoken[] = []
  /** Distinguishes what the stream played before a pause from what it plays after. */
  #pauses = 0
  #isPaused = false
  #serial = 0
  #quietAt = 0
  #lastText = ""

  constructor(options: SpokenQueueOptions) {
    this.#options = options
  }

  /** Whether something was said that was not heard to its end. */
  get isSpeaking(): boolean {
    return this.#queue.length > 0
  }

  /** Whether audio is still to come. */
  get isPending(): boolean {
    return this.#queue.some(({ isDone }) => !isDone)
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** The text that was heard to its end last. */
  get lastText(): string {
    return this.#lastText
  }

  /** The text that is being said, heard and unheard. */
  get saying(): string {
    return this.#queue.map(({ words }) => words.text).join(" ")
  }

  /** Begins to say something behind everything else. */
  begin(cancel: Spoken["cancel"] = () => {}): Spoken {
    this.#serial += 1
    const spoken: Spoken = {
      id: this.#serial,
      words: new SpokenText(),
      audio: [],
      audioMs: 0,
      sentMs: 0,
      unsent: 0,
      streamFromMs: 0,
      heardMs: 0,
      reported: 0,
      isDone: false,
      isBroken: false,
      cancel,
    }
    this.#queue.push(spoken)
    return spoken
  }

  /** The next piece of audio of it: mu-law 8 kHz. */
  audio(spoken: Spoken, bytes: Uint8Array): void {
    if (!this.#queue.includes(spoken) || bytes.length === 0) return
    spoken.audio.push({ bytes, startMs: spoken.audioMs })
    spoken.audioMs += bytes.length / MULAW_BYTES_PER_MS
    this.#pump()
  }

  /** No audio of it follows. */
  done(spoken: Spoken): void {
    if (!this.#queue.includes(spoken)) return
    spoken.isDone = true
    this.#pump()
    this.#settle()
  }

  /** The rest of its audio will not come. */
  broke(spoken: Spoken): void {
    spoken.isBroken = true
    this.done(spoken)
  }

  /** A mark came back. */
  reached(mark: string): void {
    for (const heard of this.#options.stream.reached(mark).heard) this.#advance(heard)
    this.#settle()
  }

  /** Reports what was heard by now, also in the middle of a piece of audio. */
  reportHeard(): void {
    const { stream } = this.#options
    for (const spoken of this.#queue) {
      const heard = stream.heard(this.#partOf(spoken))
      if (heard) this.#advance(heard)
    }
  }

  /** Stops playback at once; synthesis continues. Without effect on tones: one that stops and begins again is two keys. */
  pause(): void {
    if (this.#isPaused || !this.isSpeaking || this.#queue[0]?.words.text === "") return
    this.reportHeard()
    this.#options.stream.clear()
    this.#isPaused = true
    this.#pauses += 1
    for (const spoken of this.#queue) {
      spoken.sentMs = spoken.streamFromMs = spoken.heardMs
      spoken.unsent = 0
    }
    this.#options.onPaused()
  }

  /** Continues where `pause` stopped. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#pump()
    this.#settle()
    this.#options.onPaused()
  }

  /** Stops everything at once: nothing more of it is heard. */
  clear(): void {
    if (!this.isSpeaking) return
    this.reportHeard()
    if (!this.#isPaused) this.#options.stream.clear()
    this.#isPaused = false
    this.#pauses += 1
    for (const spoken of this.#queue.splice(0)) spoken.cancel(Math.round(spoken.heardMs))
    this.#quietAt = this.#options.clock.monotonic()
  }

  /** When everything said so far will have been heard, or was, in monotonic milliseconds; estimated where audio is to come. */
  quietAt(): number {
    const now = this.#options.clock.monotonic()
    const queuedMs = this.#options.stream.queuedMs
    const unsentMs = this.#queue.reduce((sum, spoken) => sum + spoken.audioMs - spoken.sentMs, 0)
    const comingMs = this.#queue.reduce((sum, spoken) => sum + comingMsOf(spoken), 0)
    const leftMs = queuedMs + unsentMs + comingMs
    this.#quietAt = leftMs > 0 ? now + leftMs : Math.min(this.#quietAt, now)
    return this.#quietAt
  }

  /** Gives the stream what may be played now: the audio of one text never comes before that of an earlier one. */
  #pump(): void {
    if (this.#isPaused) return
    for (const spoken of this.#queue) {
      for (let piece = spoken.audio[spoken.unsent]; piece; piece = spoken.audio[++spoken.unsent]) {
        const offset = Math.round((spoken.sentMs - piece.startMs) * MULAW_BYTES_PER_MS)
        if (offset < piece.bytes.length) this.#play(spoken, piece.bytes.subarray(Math.max(0, offset)))
      }
      if (!spoken.isDone) return
    }
  }

  #play(spoken: Spoken, bytes: Uint8Array): void {
    const { stream, tap, callId } = this.#options
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
    stream.play(payload, this.#partOf(spoken))
    spoken.sentMs += bytes.length / MULAW_BYTES_PER_MS
    if (tap.hasListeners(callId)) tap.outbound(callId, payload)
  }

  #advance({ itemId, heardMs }: Heard): void {
    const spoken = this.#queue.find((one) => this.#partOf(one).itemId === itemId)
    if (!spoken) return
    spoken.heardMs = Math.max(spoken.heardMs, spoken.streamFromMs + heardMs)
    // What was heard is not played again after a pause.
    while (spoken.unsent > 0 && spoken.audio[1] && spoken.audio[1].startMs <= spoken.heardMs) {
      spoken.audio.shift()
      spoken.unsent -= 1
    }
    this.#report(spoken, heardText(spoken).length)
  }

  /** Removes what was heard to its end. */
  #settle(): void {
    if (this.#isPaused) return
    const wasSpeaking = this.isSpeaking
    for (let spoken = this.#queue[0]; spoken && isHeard(spoken); spoken = this.#queue[0]) {
      const text = heardText(spoken)
      this.#report(spoken, text.length)
      if (text !== "") this.#lastText = text
      this.#queue.shift()
    }
    if (wasSpeaking && !this.isSpeaking) this.#options.onQuiet()
  }

  #report(spoken: Spoken, chars: number): void {
    if (chars <= spoken.reported) return
    const words = spoken.words.text.slice(spoken.reported, chars)
    spoken.reported = chars
    if (words.trim() !== "") this.#options.onHeard(words)
  }

  #partOf({ id }: Spoken): AudioPart {
    return { responseId: "said", itemId: `${id}.${this.#pauses}`, contentIndex: 0 }
  }
}

/** Whole milliseconds are reported, and a piece may end within one. */
function isHeard({ isDone, heardMs, audioMs }: Spoken): boolean {
  return isDone && heardMs >= Math.floor(audioMs)
}

/** The words that were heard: all of them at the end, whatever fraction of a millisecond is missing. */
function heardText(spoken: Spoken): string {
  const { words, heardMs, isBroken } = spoken
  return isHeard(spoken) && !isBroken ? words.text : words.until(heardMs)
}

/** An estimate of the audio that is still to come. */
function comingMsOf({ isDone, words, audioMs }: Spoken): number {
  return isDone ? 0 : Math.max(0, words.text.length * MS_PER_CHARACTER - audioMs)
}
