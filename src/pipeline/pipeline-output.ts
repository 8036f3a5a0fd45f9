/** Speech output of the pipeline: text becomes clauses, clauses become speech, and the caller hears them in order. */

import { dtmfTones } from "../audio/dtmf.ts"
import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import type { SessionEnd } from "../call/session-end.ts"
import type { CallContext } from "../conversation/call-context.ts"
import type { SpeechOutput } from "../conversation/speech-output.ts"
import { endStream } from "../media/end-stream.ts"
import type { MediaStream } from "../media/media-stream.ts"
import type { SpeechFailure } from "../speech/failure.ts"
import type { SpeechUtterance, Synthesizer, UtteranceEvent } from "../speech/synthesizer.ts"
import type { VoiceAction } from "../tools/define-tool.ts"
import { ClauseSplitter } from "./clause-splitter.ts"
import { PronouncedText, type Pronunciation } from "./pronunciation.ts"
import type { Spoken, SpokenQueue } from "./spoken-queue.ts"

/** Allowed beyond the end of playback for the last mark to come back, in milliseconds. */
const MARK_GRACE_MS = 2_000

export type PipelineOutputOptions = {
  queue: SpokenQueue
  speak: Synthesizer["speak"]
  /** Of the agent. */
  pronunciation: () => Pronunciation
  stream: MediaStream
  context: Pick<CallContext, "call" | "lifecycle" | "log">
  /** All audio of a text has come, so when it will have been heard is known. */
  onSynthesized: () => void
  /** Nothing can be spoken any more. */
  onFailed: (failure: SpeechFailure) => void
}

type Utterance = { spoken: Spoken; pronounced: PronouncedText; speech: SpeechUtterance }

export class PipelineOutput implements SpeechOutput {
  muted = false
  readonly #options: PipelineOutputOptions
  readonly #clauses = new ClauseSplitter()
  /** The running answer. */
  #answer: Utterance | undefined

  constructor(options: PipelineOutputOptions) {
    this.#options = options
  }

  /** Whether words of the answer wait that are not spoken yet, because their clause is not complete. */
  get isHolding(): boolean {
    return this.#clauses.isHolding
  }

  text(text: string): void {
    if (this.muted) return
    for (const clause of this.#clauses.push(text)) this.#say(clause)
  }

  finish(): void {
    const rest = this.#clauses.flush()
    if (rest.trim() !== "" && !this.muted) this.#say(rest)
    this.#answer?.speech.finish()
    this.#answer = undefined
  }

  sentence(text: string): void {
    if (!this.muted && text.trim() !== "") this.sayUnmuted(text)
  }

  /** Says a sentence also while muted. */
  sayUnmuted(text: string): void {
    this.finish()
    this.#say(text)
    this.finish()
  }

  act(action: VoiceAction): void {
    switch (action.type) {
      case "send-digits":
        return this.play(dtmfTones(action.digits))
      case "play-media":
        // A media stream carries no files.
        return
      case "switch-language":
        // The synthesizer speaks the language of the text, or its voice has one language only.
        return
      default:
        action satisfies never
    }
  }

  /** Plays audio behind what is being said: mu-law 8 kHz. `text`: its words, where it has any. */
  play(audio: Uint8Array, text = ""): void {
    this.finish()
    const { queue } = this.#options
    const spoken = queue.begin()
    spoken.words.add(text)
    spoken.words.position(text.length, audio.length / MULAW_BYTES_PER_MS)
    queue.audio(spoken, audio)
    queue.done(spoken)
  }

  interrupt(): void {
    this.#clauses.flush()
    this.#answer = undefined
    this.#options.queue.clear()
  }

  quietAt(): number {
    return this.#options.queue.quietAt()
  }

  heardBy(): number | undefined {
    const { queue } = this.#options
    if (!queue.isSpeaking) return undefined
    return queue.isPending || queue.isPaused ? Number.POSITIVE_INFINITY : queue.quietAt() + MARK_GRACE_MS
  }

  end(end: SessionEnd): void {
    endStream(this.#options, end)
  }

  #say(clause: string): void {
    this.#answer ??= this.#begin()
    const { spoken, pronounced, speech } = this.#answer
    spoken.words.add(clause)
    speech.say(pronounced.add(clause))
  }

  #begin(): Utterance {
    const { queue, speak, pronunciation } = this.#options
    const speech = speak((event) => this.#synthesized(utterance, event))
    const spoken = queue.begin((heardMs) => speech.cancel(heardMs))
    const utterance = { spoken, pronounced: new PronouncedText(pronunciation()), speech }
    return utterance
  }

  #synthesized({ spoken, pronounced }: Utterance, event: UtteranceEvent): void {
    const { queue, onSynthesized, onFailed } = this.#options
    switch (event.type) {
      case "audio":
        return queue.audio(spoken, event.audio)
      case "position":
        return spoken.words.position(pronounced.written(event.chars), event.ms)
      case "done":
        queue.done(spoken)
        return onSynthesized()
      case "spoken":
        return
      case "failed":
        queue.broke(spoken)
        return onFailed(event.failure)
      default:
        event satisfies never
    }
  }
}
