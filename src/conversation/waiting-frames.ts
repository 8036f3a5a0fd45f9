/** Frames of a socket that wait, in order, until its session is open. Bounded. Pure. */

export type WaitingFramesLimit = { frames: number; characters: number }

export class WaitingFrames {
  readonly #limit: WaitingFramesLimit
  #frames: string[] = []
  #characters = 0

  constructor(limit: WaitingFramesLimit) {
    this.#limit = limit
  }

  /** Returns false when the limit is exceeded. */
  add(text: string): boolean {
    this.#frames.push(text)
    this.#characters += text.length
    return this.#frames.length <= this.#limit.frames && this.#characters <= this.#limit.characters
  }

  /** Removes and returns all of them, the oldest first. */
  take(): string[] {
    const frames = this.#frames
    this.#frames = []
    this.#characters = 0
    return frames
  }
}
