/** The agent's side of one media stream: sound with a mark behind each piece, and the clearing of it. Has no timer. */

import { base64Ms } from "../audio/mulaw.ts"
import type { Clock } from "../lib/clock.ts"
import type { Socket } from "../lib/socket.ts"
import { MediaEncoder } from "../twilio/media-messages.ts"
import { Playback, type Heard, type Reached, type SoundKey } from "./playback.ts"

/** Twilio's buffer holds about ten minutes, and drops what comes after it. (Twilio: error 31931.) */
const MAX_QUEUED_MS = 540_000
/** What a peer that never echoes a mark can make us keep: nine minutes in frames of 20 ms. */
const MAX_WAITING_MARKS = 27_000

/** `full`: the sound was not sent, since minutes of it wait already. `closed`: the stream is over. */
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

  /** How many frames had to wait for a slow reader. The server's own limit ends a socket that lets too much wait. */
  get congested(): number {
    return this.#congested
  }

  /** How much sound waits to be heard, in milliseconds: 0 when the line is quiet. */
  get queuedMs(): number {
    return this.#playback.queuedMs(this.#clock.now())
  }

  /** Plays mu-law in base64 behind what is queued. Never throws. */
  play(payload: string, key: SoundKey): PlayResult {
    if (!this.#open) return "closed"
    const ms = base64Ms(payload)
    if (ms === 0) return "sent"
    const now = this.#clock.now()
    const { waiting } = this.#playback
    if (waiting >= MAX_WAITING_MARKS || this.#playback.queuedMs(now) + ms > MAX_QUEUED_MS) return "full"
    let result: PlayResult = "closed"
    const send = () => {
      if (!this.#send(this.#encoder.media(payload))) return
      if (this.#send(this.#encoder.mark(this.#playback.sent(key, ms, now)))) result = "sent"
    }
    // Sound and mark are two frames, but need only one call into the system.
    if (this.#socket.together) this.#socket.together(send)
    else send()
    return result
  }

  /**
   * Asks to be told when everything sent so far was heard: `reached` then returns the label. After `clear` it never comes.
   * Returns false when it was not asked: the stream is over, or too many marks wait.
   */
  mark(label: string): boolean {
    if (!this.#open || this.#playback.waiting >= MAX_WAITING_MARKS) return false
    return this.#send(this.#encoder.mark(this.#playback.label(label, this.#clock.now())))
  }

  /** Stops the sound at once and forgets it. Returns what was heard of it, as `Playback.interrupt` does. */
  clear(): Heard[] {
    const heard = this.#playback.interrupt(this.#clock.now())
    if (this.#open) this.#send(this.#encoder.clear)
    return heard
  }

  /** A mark came back from Twilio. */
  reached(mark: string): Reached {
    return this.#playback.reached(mark, this.#clock.now())
  }

  /** How far a part has been heard by now; undefined for one that was never sent, was cleared, or is long over. */
  heard(key: SoundKey): Heard | undefined {
    return this.#playback.heard(key, this.#clock.now())
  }

  /** Closes the socket, after which Twilio goes on behind `<Connect>`. Closing twice is harmless. */
  close(code = 1000, reason = "stream ended"): void {
    if (!this.#open) return
    this.#open = false
    this.#socket.close(code, reason)
  }

  /** The socket is gone: nothing is sent any more. What was heard can still be asked. */
  closed(): void {
    this.#open = false
  }

  #send(text: string): boolean {
    const sent = this.#socket.send(text)
    if (sent < 0) this.#congested++
    if (sent !== 0) return true
    // A dropped frame is a hole in the sound, and a dropped mark one in what is known of it.
    this.close(1011, "cannot keep up")
    return false
  }
}
