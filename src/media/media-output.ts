/** Speech output over a media stream: text becomes audio elsewhere, and the caller hears it through `AgentAudio`. */

import type { SessionEnd } from "../call/session-end.ts"
import type { CallContext } from "../conversation/call-context.ts"
import type { SpeechOutput } from "../conversation/speech-output.ts"
import type { VoiceAction } from "../tools/define-tool.ts"
import type { AgentAudio } from "./agent-audio.ts"
import { endStream } from "./end-stream.ts"
import type { MediaStream } from "./media-stream.ts"

/** Allowed beyond the end of playback for the last mark to come back, in milliseconds. */
const MARK_GRACE_MS = 2_000
const HEARD_LABEL = "end"

export type MediaOutputOptions = {
  stream: MediaStream
  audio: AgentAudio
  context: Pick<CallContext, "call" | "lifecycle" | "log">
  /** Has a text spoken. Its audio comes through `audio`, now or later. */
  speak: (text: string) => void
  /** Stops what is being spoken, and its playback. */
  stop: () => void
  /** Speaks the language of this tag from now on. */
  switchLanguage: (tag: string) => void
}

export class MediaOutput implements SpeechOutput {
  readonly #options: MediaOutputOptions
  /** The running answer: it is spoken when it is complete. */
  #answer = ""

  constructor(options: MediaOutputOptions) {
    this.#options = options
  }

  get muted(): boolean {
    return this.#options.audio.muted
  }

  set muted(muted: boolean) {
    this.#options.audio.muted = muted
  }

  text(text: string): void {
    if (!this.muted) this.#answer += text
  }

  finish(): void {
    const answer = this.#answer
    this.#answer = ""
    this.sentence(answer)
  }

  sentence(text: string): void {
    if (!this.muted && text.trim() !== "") this.#options.speak(text)
  }

  act(action: VoiceAction): void {
    switch (action.type) {
      case "send-digits":
        return this.#options.audio.playTones(action.digits)
      case "play-media":
        // A media stream carries no files.
        return
      case "switch-language":
        if (action.ttsLanguage !== undefined) this.#options.switchLanguage(action.ttsLanguage)
        return
      default:
        action satisfies never
    }
  }

  interrupt(): void {
    this.#answer = ""
    this.#options.stop()
  }

  quietAt(): number {
    return this.#options.audio.quietAt()
  }

  heardBy(): number | undefined {
    const { audio, stream } = this.#options
    const quietAt = audio.quietAt()
    if (!audio.isSpeaking || !stream.mark(HEARD_LABEL)) return undefined
    return quietAt + MARK_GRACE_MS
  }

  end(end: SessionEnd): void {
    endStream(this.#options, end)
  }

  /** A mark came back. Returns whether everything was heard that was sent before `heardBy` was called. */
  reached(mark: string): boolean {
    return this.#options.audio.reached(mark).includes(HEARD_LABEL)
  }
}
