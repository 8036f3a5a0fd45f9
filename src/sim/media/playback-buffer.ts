/**
 * Twilio's buffer of one stream: plays audio in real time, echoes marks, can be cleared. Its clock is a count of
 * samples since the stream began, passed in by its owner.
 * Source: Twilio "Media Streams: WebSocket messages".
 */

import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"

/** A piece of the agent's audio, as one frame of the server brought it, as far as it was heard. */
export type HeardAudio = {
  /** When it began to be heard, in milliseconds since the start of the stream. */
  atMs: number
  /** Mu-law at 8 kHz: what was heard of it. */
  audio: Uint8Array
  /** Whether it was heard to its end. */
  complete: boolean
  /** Whether the line was quiet after it. */
  last: boolean
}

export type PlaybackBufferOptions = {
  onHeard: (heard: HeardAudio) => void
  /** A mark has to be sent back. */
  onMark: (name: string) => void
  /** Audio as it goes to the caller; a number is so many samples of silence. */
  onSamples?: ((samples: Uint8Array | number) => void) | undefined
}

type Clip = { audio: Uint8Array; startedAt: number; played: number }
type Item = Clip | { mark: string }

const CAPACITY = 10 * 60 * 1_000 * MULAW_BYTES_PER_MS

export class PlaybackBuffer {
  readonly #options: PlaybackBufferOptions
  #queue: Item[] = []
  #waiting = 0
  /** The sample up to which the line was played. */
  #at = 0

  constructor(options: PlaybackBufferOptions) {
    this.#options = options
  }

  /** Whether there is audio that was not heard yet. */
  get playing(): boolean {
    return this.#waiting > 0
  }

  /** Queues audio. Returns false when more than ten minutes wait: the audio is dropped. */
  append(audio: Uint8Array, now: number): boolean {
    this.advance(now)
    if (this.#waiting + audio.length > CAPACITY) return false
    if (audio.length === 0) return true
    this.#queue.push({ audio, startedAt: 0, played: 0 })
    this.#waiting += audio.length
    return true
  }

  /** Comes back when all before it was played; at once when nothing is. */
  mark(name: string, now: number): void {
    this.#queue.push({ mark: name })
    this.advance(now)
  }

  /** Clears the queue. All pending marks come back at once and look exactly like played ones. */
  clear(now: number): void {
    this.advance(now)
    const items = this.#queue
    this.#queue = []
    this.#waiting = 0
    for (const item of items) {
      if ("mark" in item) this.#options.onMark(item.mark)
      else if (item.played > 0) this.#heard(item, false)
    }
  }

  /** The stream is over: no mark comes back any more. */
  discard(now: number): void {
    this.#queue = this.#queue.filter((item) => !("mark" in item))
    this.clear(now)
  }

  /** Plays up to a sample. */
  advance(now: number): void {
    for (let item = this.#queue[0]; item; item = this.#queue[0]) {
      if ("mark" in item) {
        this.#queue.shift()
        this.#options.onMark(item.mark)
        continue
      }
      if (item.played === 0) item.startedAt = this.#at
      const count = Math.min(item.audio.length - item.played, now - this.#at)
      if (count <= 0) return
      this.#options.onSamples?.(item.audio.subarray(item.played, item.played + count))
      item.played += count
      this.#at += count
      this.#waiting -= count
      if (item.played < item.audio.length) return
      this.#queue.shift()
      this.#heard(item, true)
    }
    if (now <= this.#at) return
    this.#options.onSamples?.(now - this.#at)
    this.#at = now
  }

  #heard({ audio, startedAt, played }: Clip, complete: boolean): void {
    this.#options.onHeard({
      atMs: Math.round(startedAt / MULAW_BYTES_PER_MS),
      audio: audio.subarray(0, played),
      complete,
      last: this.#waiting === 0,
    })
  }
}
