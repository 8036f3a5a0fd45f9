/** Plays the agent's audio on a media stream, and records each turn of the agent as far as the caller heard it. */

import type { Turn } from "../call/turn.ts"
import { dtmfTones } from "../audio/dtmf.ts"
import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import { storedPrompt, type PromptName } from "../audio/prompts.ts"
import type { AudioTap } from "../call/audio-tap.ts"
import { endedAtOf, type CallEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { History } from "../conversation/history.ts"
import type { Clock } from "../lib/clock.ts"
import type { MediaStream } from "./media-stream.ts"
import type { Heard, AudioPart } from "./playback.ts"
import { heardText } from "./heard-text.ts"

/** Ordinary pace of speech, to estimate how much of a sentence has not been synthesized yet. */
const MS_PER_CHARACTER = 66
/** How often the text heard so far is kept while the agent speaks. A mark comes back for every piece of audio. */
const KEEP_TEXT_EVERY_MS = 2_000

/** A piece of the agent's speech: mu-law 8 kHz in Base64, and the part of the answer it belongs to. */
export type SpeechPiece = AudioPart & { payload: string }

export type AgentAudioOptions = {
  stream: MediaStream
  history: History
  clock: Clock
  publish: (event: CallEvent) => void
  callId: CallId
  /** Receives what is sent to the caller. */
  tap: AudioTap
}

type Utterance = {
  turn: Turn
  /** The id that the model gave it; null for a sentence that no model made. */
  itemId: string | null
  epoch: number
  responseId: string
  /** The part that its newest audio belongs to. */
  part: AudioPart
  /** The whole text. */
  text: () => string
  /** Whether all of its audio was sent. */
  isSent: boolean
  /** Whether the connection was lost in the middle of it. */
  isBroken: boolean
  /** Whether all that was sent was heard. */
  isHeard: boolean
  /** When more of it was heard last, in milliseconds since the epoch; undefined before. */
  heardAt: number | undefined
  /** When its text was kept last, in monotonic milliseconds. */
  keptAt: number
}

/** What was heard of something the model said. `whole`: all of it, and no more will come. */
export type Cut = { itemId: string; epoch: number; heardMs: number; sentMs: number; whole: boolean }

export class AgentAudio {
  /** While true, nothing that is spoken reaches the caller or the conversation. */
  muted = false
  readonly #stream: MediaStream
  readonly #clock: Clock
  readonly #tap: AudioTap
  /** The newest utterance, while it is not over. */
  #last: Utterance | undefined
  readonly #options: AgentAudioOptions
  readonly #utterances = new Map<string, Utterance>()
  #serial = 0
  #quietAt = 0

  constructor(options: AgentAudioOptions) {
    this.#stream = options.stream
    this.#clock = options.clock
    this.#tap = options.tap
    this.#options = options
  }

  /** When everything sent so far will have been heard, or was, in monotonic milliseconds. */
  quietAt(): number {
    const now = this.#clock.monotonic()
    const { queuedMs } = this.#stream
    this.#quietAt = queuedMs > 0 ? now + queuedMs : Math.min(this.#quietAt, now)
    return this.#quietAt
  }

  /** Whether something that was said may not have been heard to its end. */
  get isSpeaking(): boolean {
    return this.#utterances.size > 0
  }

  /** Plays a piece of the model's speech. `textOf` returns the text of an item so far. */
  speak(
    { payload, itemId, contentIndex, responseId }: SpeechPiece,
    epoch: number,
    textOf: (itemId: string) => string,
  ): void {
    let said = this.#last
    if (said?.itemId !== itemId || said.epoch !== epoch) {
      const key = keyOf(epoch, itemId)
      said = this.#utterances.get(key)
      if (!said) {
        const text = () => textOf(itemId)
        const part = { itemId: key, contentIndex, responseId }
        said = this.#begin({ itemId, epoch, responseId, text, isSent: false, part })
      }
      this.#last = said
    }
    said.isHeard = false
    if (said.part.contentIndex !== contentIndex) said.part = { ...said.part, contentIndex }
    this.#play(payload, said.part)
  }

  /** The last turn of a response that is being said, with what was heard of it by now. */
  lastTurnOf(responseId: string): Turn | undefined {
    this.keepHeard()
    return [...this.#utterances.values()].findLast((said) => said.responseId === responseId)?.turn
  }

  /** All of an item was sent. */
  sent(epoch: number, itemId: string): void {
    const key = keyOf(epoch, itemId)
    const utterance = this.#utterances.get(key)
    if (utterance) this.#sent(key, utterance)
  }

  /** All of a response was sent. */
  allSent(epoch: number, responseId: string): void {
    for (const [key, utterance] of this.#utterances) {
      if (utterance.epoch === epoch && utterance.responseId === responseId) this.#sent(key, utterance)
    }
  }

  /** The connection is lost: no more audio comes of what is being said. */
  broken(): void {
    for (const [key, utterance] of this.#utterances) {
      if (utterance.isSent) continue
      const { responseId } = utterance
      const said = this.#stream.heard({ itemId: key, contentIndex: 0, responseId })
      const text = said ? partOf(utterance, said.sentMs, said.sentMs) : utterance.turn.text
      Object.assign(utterance, { isSent: true, isBroken: true, text: () => text })
      if (utterance.isHeard || !said) this.#settle(key, utterance, text, true)
    }
  }

  /** Plays a stored sentence, which becomes part of the conversation. */
  playPrompt(name: PromptName): void {
    if (this.muted) return
    const { text, base64 } = storedPrompt(name)
    this.playSentence(base64, text)
  }

  /** Plays a whole sentence that is no model's: mu-law 8 kHz in Base64, and its text, which may be empty. */
  playSentence(payload: string, text: string): void {
    this.#serial += 1
    const part = { itemId: `own/${this.#serial}`, contentIndex: 0, responseId: "own" }
    this.#begin({ itemId: null, epoch: 0, responseId: "own", text: () => text, isSent: true, part })
    this.#play(payload, part)
  }

  /** Plays touch tones. */
  playTones(digits: string): void {
    const audio = dtmfTones(digits)
    if (audio.length >= MULAW_BYTES_PER_MS) this.playSentence(Buffer.from(audio).toString("base64"), "")
  }

  /** A mark came back: more was heard. Returns the labels that were passed. */
  reached(mark: string): string[] {
    const { heard, labels } = this.#stream.reached(mark)
    for (const part of heard) this.#heard(part)
    return labels
  }

  /** Updates the conversation with what was heard by now, for readers while the agent speaks. */
  keepHeard(): void {
    for (const [key, utterance] of this.#utterances) {
      const { responseId } = utterance
      const said = this.#stream.heard({ itemId: key, contentIndex: 0, responseId })
      if (said) this.#keepText(utterance, partOf(utterance, said.heardMs, said.sentMs))
    }
  }

  /** Stops playback at once. Returns how much of each item was heard, for the model's history. */
  cut(): Cut[] {
    const { stream } = this.#options
    if (this.#utterances.size === 0) return []
    const cuts: Cut[] = []
    for (const { itemId: key, heardMs, sentMs, complete } of stream.clear()) {
      const utterance = this.#utterances.get(key)
      if (!utterance) continue
      const whole = complete && utterance.isSent
      const text = whole ? utterance.text().trim() : partOf(utterance, heardMs, sentMs)
      this.#settle(key, utterance, text, !whole)
      const { itemId, epoch } = utterance
      if (itemId !== null) cuts.push({ itemId, epoch, heardMs, sentMs, whole })
    }
    // The rest was refused by a full buffer or was heard long ago.
    for (const [key, utterance] of this.#utterances) this.#settle(key, utterance, utterance.turn.text, true)
    return cuts
  }

  #sent(key: string, utterance: Utterance): void {
    utterance.isSent = true
    if (utterance.isHeard) this.#settle(key, utterance, utterance.text().trim(), false)
  }

  #play(payload: string, key: AudioPart): void {
    const { callId } = this.#options
    this.#stream.play(payload, key)
    this.#quietAt = this.#clock.monotonic() + this.#stream.queuedMs
    if (this.#tap.hasListeners(callId)) this.#tap.outbound(callId, payload)
  }

  #begin(fields: Omit<Utterance, "turn" | "isHeard" | "heardAt" | "isBroken" | "keptAt">): Utterance {
    const { history } = this.#options
    const turn = history.agent()
    // It takes its place in the order now, and gets its text as it is heard.
    history.say(turn, "", this.#clock.now())
    const utterance = { ...fields, turn, isHeard: false, heardAt: undefined, isBroken: false, keptAt: 0 }
    this.#utterances.set(fields.part.itemId, utterance)
    return utterance
  }

  #heard({ itemId: key, heardMs, sentMs, complete }: Heard): void {
    const utterance = this.#utterances.get(key)
    if (!utterance) return
    utterance.isHeard = complete
    utterance.heardAt = this.#clock.now()
    if (complete && utterance.isSent) {
      return this.#settle(key, utterance, utterance.text().trim(), utterance.isBroken)
    }
    // The stream may drop audio that was heard to its end: afterwards its text cannot be computed any more.
    if (complete || this.#clock.monotonic() - utterance.keptAt >= KEEP_TEXT_EVERY_MS)
      this.#keepText(utterance, partOf(utterance, heardMs, sentMs))
  }

  #keepText(utterance: Utterance, text: string): void {
    const { history } = this.#options
    utterance.keptAt = this.#clock.monotonic()
    if (text !== utterance.turn.text) history.say(utterance.turn, text, utterance.turn.startedAt)
  }

  #settle(key: string, utterance: Utterance, text: string, interrupted: boolean): void {
    const { history, publish } = this.#options
    const { turn } = utterance
    this.#utterances.delete(key)
    if (this.#last === utterance) this.#last = undefined
    // What was heard to its end before ended then, even if the model says only now that it is complete.
    const endedAt = (utterance.isHeard ? utterance.heardAt : undefined) ?? this.#clock.now()
    history.settle(turn, { text, interrupted, at: endedAt })
    // A tone has no text, so nothing of it can be cut off.
    if (text !== "" || (interrupted && utterance.text().trim() !== ""))
      publish({ type: "agent.spoke", turnId: turn.id, text, interrupted, ...endedAtOf(endedAt) })
  }
}

const keyOf = (epoch: number, itemId: string) => `${epoch}/${itemId}`

/** The text that was heard. While the model still speaks, its text runs ahead of its audio. */
function partOf({ text, isSent }: Utterance, heardMs: number, sentMs: number): string {
  const words = text().trim()
  const wholeMs = isSent ? sentMs : Math.max(sentMs, words.length * MS_PER_CHARACTER)
  return heardText(words, wholeMs <= 0 ? 0 : heardMs / wholeMs)
}
