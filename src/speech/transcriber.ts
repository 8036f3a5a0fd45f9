/** Speech to text of one call over one connection: what a transcriber is given, and what it reports. */

import type { SpeechFailure } from "./failure.ts"

/**
 * What is being listened to, which decides how long a pause ends a turn. `conversation`: a person. `menu`: the recorded
 * voice of a phone menu, where short pauses separate the options. `dictation`: a person who spells or reads out a number,
 * an address or a name, with pauses in between.
 */
export type TurnProfile = "conversation" | "menu" | "dictation"

/**
 * Times are milliseconds of the audio given to `hear`, from its first byte. A turn is what the other side says until a
 * pause ends it. The events of a turn, in order: `speech-started`, then any number of `interim`, `final`, `eager-end` and
 * `resumed`, then `turn-ended`.
 */
export type TranscriberEvent =
  /** The provider accepts audio; what was given before is being sent. The first event, unless it fails. */
  | { type: "ready" }
  /** A turn begins. Providers without such an event report it with the first words. */
  | { type: "speech-started" }
  /**
   * The words of the running turn so far, which replace those of the event before. Never empty. Some providers repeat
   * them, about once a second or more often, which shows that they are alive.
   */
  | { type: "interim"; text: string }
  /**
   * The words of the running turn that will not change any more, all of them, and the end of the audio that they were
   * recognised in. Only from providers that settle words before the end of a turn.
   */
  | { type: "final"; text: string; untilMs: number }
  /**
   * The turn is probably over. An answer may be prepared, but nothing may be spoken and no tool may run before
   * `turn-ended`, which has the same text unless `resumed` comes first.
   */
  | { type: "eager-end"; text: string }
  /** The other side continues after `eager-end`: what was prepared is discarded. */
  | { type: "resumed" }
  /**
   * The turn is over. An empty text: the audio was not speech, or no word was understood. `untilMs`: end of the audio
   * that belongs to the turn.
   */
  | { type: "turn-ended"; text: string; untilMs: number }
  /** The connection is lost, and the transcriber is closed. Words of an unfinished turn were reported before. The last event. */
  | { type: "failed"; failure: SpeechFailure }
  /** `close` is done. The last event. */
  | { type: "closed" }

/** Receives the events in order, never during a call of `hear` or `expect`. Must not throw, wait or take long. */
export type TranscriberListener = (event: TranscriberEvent) => void

/** A transcriber connects when it is created. Its methods never throw and never wait. */
export interface Transcriber {
  /**
   * Takes the audio of the other side as it arrives: mu-law 8 kHz, any length, usually 20 ms. The bytes are copied before
   * it returns. Until `ready` up to ten seconds are kept; older audio is dropped and counted in the log.
   */
  hear(audio: Uint8Array): void
  /** Changes how long a pause ends a turn, from now on. */
  expect(profile: TurnProfile): void
  /**
   * Ends the connection. Audio given before is still recognised, for one and a half seconds at most; then words of an
   * unfinished turn come as `turn-ended`, and `closed` follows. Closing twice, or after a failure, has no effect.
   */
  close(): void
}

/** Opens a transcriber of one provider. `profile`: what it listens to at first. */
export type OpenTranscriber = (listener: TranscriberListener, profile: TurnProfile) => Transcriber

/** How long a transcriber may still recognise audio after `close`, in milliseconds. */
export const CLOSING_MS = 1_500
