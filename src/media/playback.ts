/** Ledger of the audio sent to a caller and of how much was heard. Pure: knows no socket and no clock. */

/** The part of an answer that a piece of audio belongs to, by the ids of the model. */
export type AudioPart = { responseId: string; itemId: string; contentIndex: number }

/** How far one content part of an item was heard. */
export type Heard = AudioPart & {
  /** Whole milliseconds from the start of the part, never more than `sentMs`. */
  heardMs: number
  /** Whole milliseconds sent so far. */
  sentMs: number
  /** Everything sent so far was heard. More may still come from the model. */
  complete: boolean
}

/** What the echo of a mark reports. The next echo makes up for a lost one. */
export type Reached = {
  /** The parts of which more was heard, in their order. */
  heard: Heard[]
  /** Labels that it passed. */
  labels: string[]
}

type Part = {
  key: AudioPart
  sentMs: number
  playedMs: number
  /** Its pieces whose mark has not come back. */
  waiting: number
}
/** What lies between two marks: audio, or a label that has no length. */
type Piece = { part: Part; ms: number } | { label: string; ms: 0 }

const MARK = /^(\d{1,15})-(\d{1,15})$/

export class Playback {
  /** Everything between two interruptions. Twilio echoes marks of cleared audio too; the generation distinguishes them. */
  #generation = 1
  /** Number of the mark behind `#pieces[0]`, in this generation. */
  #first = 1
  /** Not yet known to be played, in the order of sending. */
  #pieces: Piece[] = []
  /** Parts of this generation in the order of their beginning; those before the last one that was played whole are gone. */
  #parts: Part[] = []
  #waitingMs = 0
  /** When `#pieces[0]` began to be played, as far as is known. */
  #sinceMs = 0

  /** How many marks wait for their echo. */
  get waiting(): number {
    return this.#pieces.length
  }

  /** Audio that was sent and not heard yet, in milliseconds. */
  queuedMs(nowMs: number): number {
    return this.#waitingMs - this.#playingMs(nowMs)
  }

  /** A piece was sent. Returns the name of the mark that must follow it. `ms` may have a fraction. */
  sent(key: AudioPart, ms: number, nowMs: number): string {
    const part = this.#partOf(key)
    part.sentMs += ms
    part.waiting++
    this.#waitingMs += ms
    return this.#push({ part, ms }, nowMs)
  }

  /** Puts a label behind everything sent so far. Returns the name of the mark that must be sent for it. */
  label(label: string, nowMs: number): string {
    return this.#push({ label, ms: 0 }, nowMs)
  }

  /** A mark came back. One that is unknown, seen before, or from before an interruption has no effect. */
  reached(mark: string, nowMs: number): Reached {
    const reached: Reached = { heard: [], labels: [] }
    const [, generation, number] = MARK.exec(mark) ?? []
    const count = Number(number) - this.#first + 1
    if (Number(generation) !== this.#generation || !(count >= 1 && count <= this.#pieces.length))
      return reached
    const moved = new Set<Part>()
    for (const piece of this.#pieces.splice(0, count)) {
      if ("label" in piece) {
        reached.labels.push(piece.label)
        continue
      }
      piece.part.playedMs += piece.ms
      piece.part.waiting--
      this.#waitingMs -= piece.ms
      moved.add(piece.part)
    }
    this.#first += count
    this.#sinceMs = nowMs
    if (this.#pieces.length === 0) this.#waitingMs = 0
    for (const part of moved) reached.heard.push(this.#heard(part, nowMs))
    this.#forget()
    return reached
  }

  /** How far a part has been heard by now; undefined for one that was never sent, or is long over. */
  heard(key: AudioPart, nowMs: number): Heard | undefined {
    const part = this.#parts.find((part) => isSame(part.key, key))
    return part && this.#heard(part, nowMs)
  }

  /**
   * The caller cut in, and the audio is being cleared. Returns every part that may not have been heard to its end, the one
   * being played first, those behind it with 0; and before them the last one that was, as `complete`. All of it is
   * forgotten: a second interruption returns nothing.
   */
  interrupt(nowMs: number): Heard[] {
    const heard = this.#parts.map((part) => this.#heard(part, nowMs))
    this.#generation++
    this.#first = 1
    this.#pieces = []
    this.#parts = []
    this.#waitingMs = 0
    return heard
  }

  #push(piece: Piece, nowMs: number): string {
    if (this.#pieces.length === 0) this.#sinceMs = nowMs
    this.#pieces.push(piece)
    return `${this.#generation}-${this.#first + this.#pieces.length - 1}`
  }

  #partOf(key: AudioPart): Part {
    const last = this.#parts.at(-1)
    if (last && isSame(last.key, key)) return last
    const known = this.#parts.find((part) => isSame(part.key, key))
    if (known) return known
    const part = { key, sentMs: 0, playedMs: 0, waiting: 0 }
    this.#parts.push(part)
    this.#forget()
    return part
  }

  /** What of the first piece was played since the mark before it. Its own mark has not come, so it is never more than the piece. */
  #playingMs(nowMs: number): number {
    const piece = this.#pieces[0]
    return piece ? Math.min(piece.ms, Math.max(0, nowMs - this.#sinceMs)) : 0
  }

  #heard(part: Part, nowMs: number): Heard {
    const piece = this.#pieces[0]
    const playing = piece && "part" in piece && piece.part === part ? this.#playingMs(nowMs) : 0
    const { responseId, itemId, contentIndex } = part.key
    const sentMs = Math.floor(part.sentMs)
    const heardMs = Math.floor(part.playedMs + playing)
    return { responseId, itemId, contentIndex, heardMs, sentMs, complete: part.waiting === 0 }
  }

  /** Drops parts at the front that were heard to their end, but keeps the newest part: more of it may come. */
  #forget(): void {
    while (this.#parts.length > 1 && this.#parts[0]?.waiting === 0) this.#parts.shift()
  }
}

function isSame(a: AudioPart, b: AudioPart): boolean {
  if (a === b) return true
  return a.itemId === b.itemId && a.contentIndex === b.contentIndex && a.responseId === b.responseId
}
