/** The newest audio of a caller, kept so that another provider can hear it again. Bounded; knows no clock. */

import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"

/** 800 ms. Blocks are allocated as they are needed. */
const BLOCK_BYTES = 6_400

type Block = { startByte: number; bytes: Uint8Array<ArrayBuffer>; filled: number }

export class TurnAudio {
  readonly #blocks: Block[] = []
  /** Bytes that were ever given. */
  #endByte = 0
  /** Audio before it was dropped. */
  #startByte = 0
  #lostBytes = 0

  /** Audio that was ever given, in milliseconds. */
  get endMs(): number {
    return this.#endByte / MULAW_BYTES_PER_MS
  }

  /** Where the kept audio begins, in milliseconds. */
  get startMs(): number {
    return this.#startByte / MULAW_BYTES_PER_MS
  }

  /** Audio that was dropped by a limit while it was needed, in milliseconds, since the last call of this method. */
  takeLostMs(): number {
    const lostMs = this.#lostBytes / MULAW_BYTES_PER_MS
    this.#lostBytes = 0
    return lostMs
  }

  /** Copies audio of any length. */
  push(audio: Uint8Array): void {
    for (let at = 0; at < audio.length;) {
      let block = this.#blocks.at(-1)
      if (!block || block.filled === BLOCK_BYTES) {
        block = { startByte: this.#endByte, bytes: new Uint8Array(BLOCK_BYTES), filled: 0 }
        this.#blocks.push(block)
      }
      const part = audio.subarray(at, at + BLOCK_BYTES - block.filled)
      block.bytes.set(part, block.filled)
      block.filled += part.length
      this.#endByte += part.length
      at += part.length
    }
  }

  /** Audio before this place is not needed any more. */
  dropBefore(ms: number): void {
    const byte = Math.min(this.#endByte, Math.round(ms * MULAW_BYTES_PER_MS))
    this.#startByte = Math.max(this.#startByte, byte)
    this.#free()
  }

  /** Keeps at most the newest `ms`. `isNeeded`: what is dropped by it is lost. */
  limit(ms: number, isNeeded: boolean): void {
    const byte = this.#endByte - ms * MULAW_BYTES_PER_MS
    if (byte <= this.#startByte) return
    if (isNeeded) this.#lostBytes += byte - this.#startByte
    this.#startByte = byte
    this.#free()
  }

  /** The kept audio, oldest first. The pieces are valid until the next `push`. */
  pieces(): Uint8Array[] {
    return this.#blocks.map(({ startByte, bytes, filled }) =>
      bytes.subarray(Math.max(0, this.#startByte - startByte), filled),
    )
  }

  #free(): void {
    for (let block = this.#blocks[0]; block; block = this.#blocks[0]) {
      const isOver = block.startByte + block.filled <= this.#startByte
      // A block that is being filled stays, so that it is filled to its end.
      if (!isOver || block.filled < BLOCK_BYTES) return
      this.#blocks.shift()
    }
  }
}
