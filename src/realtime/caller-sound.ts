/**
 * The caller's sound on its way to the model, and to those who listen in. Fifty times a second in every call, so it goes
 * through as few hands as can be: at that rate most of the cost is fetching each object from memory.
 */

import type { AudioTap } from "../call/audio-tap.ts"
import type { CallId } from "../call/ids.ts"
import { encodeAppend } from "./client-events.ts"
import type { RealtimeLink } from "./realtime-link.ts"

/** Base64 characters of ten seconds of mu-law: what is kept of the caller while no model is ready. */
const MAX_WAITING_CHARS = Math.ceil((10 * 8000 * 4) / 3)

type CallerLink = Pick<RealtimeLink, "append" | "send">

export class CallerSound {
  readonly #callId: CallId
  readonly #tap: AudioTap
  #link: CallerLink | undefined
  #waiting: string[] = []
  #waitingChars = 0

  constructor({ callId, tap }: { callId: CallId; tap: AudioTap }) {
    this.#callId = callId
    this.#tap = tap
  }

  /** A piece of it, as base64 mu-law. Without a link it waits, ten seconds of it at most, the oldest giving way. */
  hear(payload: string): void {
    if (this.#link) this.#link.append(payload)
    else this.#wait(payload)
    if (this.#tap.hasListeners(this.#callId)) this.#tap.inbound(this.#callId, payload)
  }

  /** From now on it goes to this link, which is ready; first what waited. */
  sendTo(link: CallerLink): void {
    this.#link = link
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingChars = 0
    // All at once it may be more than a slow connection is given of what is said live.
    for (const payload of waiting) link.send(encodeAppend(payload))
  }

  /** There is no link any more; another one may come. */
  hold(): void {
    this.#link = undefined
  }

  #wait(payload: string): void {
    this.#waiting.push(payload)
    this.#waitingChars += payload.length
    while (this.#waitingChars > MAX_WAITING_CHARS) this.#waitingChars -= this.#waiting.shift()?.length ?? 0
  }
}
