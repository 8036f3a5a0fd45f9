/** Audio on its way to a transcriber: joined to pieces of one size, and kept while the connection is not ready. */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"

export type CallerBacklogOptions = {
  /** Length of a piece, in milliseconds. */
  pieceMs: number
  /** Receives the pieces once `release` was called. The bytes are valid only during the call. */
  send: (audio: Uint8Array<ArrayBuffer>) => void
}

/** What is kept before the connection is ready: ten seconds. */
const MAX_KEPT_BYTES = 10_000 * MULAW_BYTES_PER_MS

export class CallerBacklog {
  readonly #send: (audio: Uint8Array<ArrayBuffer>) => void
  readonly #piece: Uint8Array<ArrayBuffer>
  #filled = 0
  /** Undefined once the pieces are sent at once. */
  #kept: Uint8Array<ArrayBuffer>[] | undefined = []
  #keptBytes = 0
  #heardBytes = 0
  #lostBytes = 0

  constructor({ pieceMs, send }: CallerBacklogOptions) {
    this.#send = send
    this.#piece = new Uint8Array(pieceMs * MULAW_BYTES_PER_MS)
  }

  /** Audio that was given so far, in milliseconds. */
  get heardMs(): number {
    return this.#heardBytes / MULAW_BYTES_PER_MS
  }

  /** Audio that was dropped because the connection took too long to become ready, in milliseconds. */
  get lostMs(): number {
    return this.#lostBytes / MULAW_BYTES_PER_MS
  }

  /** Takes audio of any length; the bytes are copied. */
  push(audio: Uint8Array): void {
    this.#heardBytes += audio.length
    for (let at = 0; at < audio.length;) {
      const part = audio.subarray(at, at + this.#piece.length - this.#filled)
      this.#piece.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled === this.#piece.length) this.flush()
    }
  }

  /** Sends or keeps what is not a whole piece yet. */
  flush(): void {
    if (this.#filled === 0) return
    const piece = this.#piece.subarray(0, this.#filled)
    this.#filled = 0
    if (!this.#kept) return this.#send(piece)
    this.#kept.push(piece.slice())
    this.#keptBytes += piece.length
    while (this.#keptBytes > MAX_KEPT_BYTES) {
      const bytes = this.#kept.shift()?.length ?? 0
      this.#keptBytes -= bytes
      this.#lostBytes += bytes
    }
  }

  /** Sends what was kept, as one block; from now on pieces are sent as soon as they are full. */
  release(): void {
    const kept = this.#kept ?? []
    this.#kept = undefined
    if (kept.length > 0) this.#send(new Uint8Array(Buffer.concat(kept)))
  }
}
