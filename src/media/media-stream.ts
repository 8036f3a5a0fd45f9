/** The agent's side of one media stream: plays audio with a mark behind each piece, and clears it. Has no timer. */

import { base64Ms } from "../audio/mulaw.ts"
import type { Clock } from "../lib/clock.ts"
import type { Socket } from "../lib/socket.ts"
import { MediaEncoder } from "../twilio/media-messages.ts"
import { Playback, type Heard, type Reached, type AudioPart } from "./playback.ts"

/** Twilio's buffer holds about ten minutes, and drops what comes after it. (Twilio: error 31931.) */
const MAX_QUEUED_MS = 540_000
/** Marks that are kept for a peer that never echoes one: nine minutes in frames of 20 ms. */
const MAX_WAITING_MARKS = 27_000

/** `full`: the audio was not sent, because minutes of it are queued already. `closed`: the stream is over. */
export type PlayResult = "sent" | "full" | "closed"

export class MediaStream {
  readonly streamSid: string
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #encoder: MediaEncoder
  readonly #playback = new Playback()
  #open = true
  #congested = 0

  constructor({ socket, streamSid, clock }: { socket: Socket; streamSid: string; clock: Clock }) {
    this.streamSid = streamSid
    this.#socket = socket
    this.#clock = clock
    this.#encoder = new MediaEncoder(streamSid)
  }

  /** False once it was closed from either side. */
  get open(): boolean {
    return this.#open
  }

  /** Frames that were queued for a slow reader. The server closes a socket with too many of them. */
  get congested(): number {
    return this.#congested
  }

  /** Audio that was sent and not heard yet, in milliseconds. */
  get queuedMs(): number {
    return this.#playback.queuedMs(this.#clock.monotonic())
  }

  /** Plays mu-law in base64 behind what is queued. Never throws. */
  play(payload: string, key: AudioPart): PlayResult {
    if (!this.#open) return "closed"
    const ms = base64Ms(payload)
    if (ms === 0) return "sent"
    const now = this.#clock.monotonic()
    const { waiting } = this.#playback
    if (waiting >= MAX_WAITING_MARKS || this.#playback.queuedMs(now) + ms > MAX_QUEUED_MS) return "full"
    let result: PlayResult = "closed"
    const send = () => {
      if (!this.#send(this.#encoder.media(payload))) return
      if (this.#send(this.#encoder.mark(this.#playback.sent(key, ms, now)))) result = "sent"
    }
    // Audio and mark are two frames, but need only one system call.
    if (this.#socket.together) this.#socket.together(send)
    else send()
    return result
  }

  /**
   * Marks the end of everything sent so far: `reached` returns the label once all of it was heard. After `clear` it never
   * does. Returns false when no mark was sent: the stream is over, or too many marks are waiting.
   */
  mark(label: string): boolean {
    if (!this.#open || this.#playback.waiting >= MAX_WAITING_MARKS) return false
    return this.#send(this.#encoder.mark(this.#playback.label(label, this.#clock.monotonic())))
  }

  /** Stops playback at once and drops what is queued. Returns what was heard, as `Playback.interrupt` does. */
  clear(): Heard[] {
    const heard = this.#playback.interrupt(this.#clock.monotonic())
    if (this.#open) this.#send(this.#encoder.clear)
    return heard
  }

  /** A mark came back from Twilio. */
  reached(mark: string): Reached {
    return this.#playback.reached(mark, this.#clock.monotonic())
  }

  /** How far a part has been heard by now; undefined for one that was never sent, was cleared, or is long over. */
  heard(key: AudioPart): Heard | undefined {
    return this.#playback.heard(key, this.#clock.monotonic())
  }

  /** Closes the socket, after which Twilio runs the verb behind `<Connect>`. Closing twice is harmless. */
  close(code = 1000, reason = "stream ended"): void {
    if (!this.#open) return
    this.#open = false
    this.#socket.close(code, reason)
  }

  /** The socket is closed: nothing is sent any more. What was heard can still be read. */
  closed(): void {
    this.#open = false
  }

  #send(text: string): boolean {
    const sent = this.#socket.send(text)
    if (sent < 0) this.#congested++
    if (sent !== 0) return true
    // A dropped frame is a gap in the audio, and a dropped mark a gap in what is known of it.
    this.close(1011, "cannot keep up")
    return false
  }
}
