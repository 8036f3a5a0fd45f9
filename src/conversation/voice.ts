/** The mouth of a conversation: how what the agent says and does reaches the other side. Implemented by each engine. */

import type { CallAction, Handoff } from "../tools/define-tool.ts"

export interface Voice {
  /** A piece of the running answer, spoken as it comes. */
  token(text: string): void
  /** The running answer is complete. Called once for each answer that had a token, and for one that had none. */
  finish(): void
  /** A whole sentence of the program's own. `preemptible`: the next thing said may cut it off. */
  line(text: string, options?: { preemptible?: boolean }): void
  /** Anything but the end of the call. */
  act(action: Exclude<CallAction, { type: "end-call" }>): void
  /** Ends the session as soon as everything said before was heard, or at once when the caller cuts it off. */
  end(handoff: Handoff): void
  /** When everything sent so far will have been spoken, in milliseconds since the epoch; in the past when it is quiet. */
  quietAt(): number
}
