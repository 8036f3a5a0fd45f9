/** What an engine must be able to say and do on a call. Each engine implements it over its own protocol. */

import type { VoiceAction } from "../tools/define-tool.ts"

export interface SpeechOutput {
  /** Listen mode: nothing that is said reaches the caller, the transcript or the history. Digits still go out. */
  muted: boolean
  /** A part of the running answer, which is spoken as it comes. Without effect while muted. */
  text(text: string): void
  /** The running answer is complete. Called once for each answer, also for one without text. */
  finish(): void
  /**
   * A whole sentence that is not part of the running answer; may come in the middle of one. Without effect while muted.
   * `preemptible`: the next text may cut it off.
   */
  sentence(text: string, options?: { preemptible?: boolean }): void
  /** Sends digits, plays media, switches the language; whatever the protocol cannot do has no effect. */
  act(action: VoiceAction): void
  /** The caller interrupted: nothing that was sent before is heard from now on. */
  interrupt(): void
  /** When everything sent so far will have been heard, in monotonic milliseconds; in the past when it was. */
  quietAt(): number
  /**
   * When everything sent so far counts as heard even if nothing reports it, in monotonic milliseconds. Undefined
   * when nothing is left to be heard; Infinity while the other side reports that it is speaking.
   */
  heardBy(): number | undefined
}
