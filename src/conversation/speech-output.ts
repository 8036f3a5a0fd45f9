/** The mouth of a conversation: how what the agent says and does reaches the other side. Implemented by each engine. */

import type { Handoff, VoiceAction } from "../tools/define-tool.ts"

export interface Voice {
  /** Whether nothing that is said is heard (listen mode). Then it is said neither in transcript nor in history. */
  readonly muted: boolean
  /** A piece of the running answer, spoken as it comes. Not called while muted. */
  token(text: string): void
  /** The running answer is complete. Called once for each answer that had a token, and for one that had none. */
  finish(): void
  /**
   * A whole sentence of the program's own, also in the middle of an answer. Not called while muted.
   * `preemptible`: the next thing said may cut it off.
   */
  line(text: string, options?: { preemptible?: boolean }): void
  /** Digits, sounds, languages. */
  act(action: VoiceAction): void
  /** Ends the session as soon as everything said before was heard, or at once when the caller cuts it off. */
  end(handoff: Handoff): void
  /** The caller cut the agent off: nothing that was sent before is heard any more. */
  interrupted(): void
  /** When everything sent so far will have been spoken, in milliseconds since the epoch; in the past when it is quiet. */
  quietAt(): number
}
