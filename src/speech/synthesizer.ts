/** Text to speech of one call over one connection: what a synthesizer is given, and what it reports. */

import type { SpeechFailure } from "./failure.ts"

/** Times are milliseconds of the audio of this utterance, from its first byte. */
export type UtteranceEvent =
  /** The next piece of audio: mu-law 8 kHz, any length. The receiver may keep the bytes. Audio comes faster than it is played. */
  | { type: "audio"; audio: Uint8Array }
  /**
   * The first `chars` characters of the utterance's text are spoken in its first `ms` milliseconds. Both only grow. From
   * providers that report times of words or characters after each word; from others after each piece of text whose end
   * is known. Between two of them, speech runs about evenly: see `SpokenText`.
   */
  | { type: "position"; chars: number; ms: number }
  /** All audio of the utterance was reported. Nothing follows, except `spoken` after a cancellation. */
  | { type: "done" }
  /**
   * After `cancel`: the text that was heard, as the provider computed it from the heard milliseconds. More exact than an
   * estimate; many providers do not report it. Nothing follows.
   */
  | { type: "spoken"; text: string }
  /** The rest of the utterance will not come. Nothing follows. */
  | { type: "failed"; failure: SpeechFailure }

/** Receives the events in order, never during a call of a method. Must not throw, wait or take long. */
export type UtteranceListener = (event: UtteranceEvent) => void

/** What the agent says in one turn. Its text is what was given to `say`, joined as it is. Methods never throw and never wait. */
export interface SpeechUtterance {
  /**
   * Adds a clause, which is spoken after the earlier ones. It contains its own blanks: a word never spans two clauses.
   * Clauses without a letter or digit are not spoken.
   */
  say(clause: string): void
  /** No more text follows: the rest is spoken, then `done` comes. */
  finish(): void
  /**
   * Stops: no `audio` follows, and nothing that is not synthesized yet is spoken. `heardMs`: how much of the audio was
   * played to the other side. Also after `done`, while the audio is still being played.
   */
  cancel(heardMs: number): void
}

/** A synthesizer connects when it is created. Its methods never throw and never wait. */
export interface Synthesizer {
  /**
   * Begins an utterance. One that is begun before the last one is done follows it. After the connection is lost,
   * every utterance fails: the owner opens a new synthesizer.
   */
  speak(listener: UtteranceListener): SpeechUtterance
  /** Ends the connection without events. Closing twice is harmless. */
  close(): void
}

/** Opens a synthesizer of one provider. `lost` is called once if the connection ends without `close`, also between utterances. */
export type OpenSynthesizer = (lost: (failure: SpeechFailure) => void) => Synthesizer
