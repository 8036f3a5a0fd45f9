/** How far the last transfer of a call to a person has come. `summary`: what the conversation was about. */

import type { TransferTarget } from "./transfer-target.ts"

export type TransferState =
  | { state: "started"; target: TransferTarget; summary: string }
  /** Caller and person were connected. `result`: Twilio's word for the end. */
  | { state: "finished"; summary: string; result: string }
  /** Not answered, or there is no target. The next session informs the caller. */
  | { state: "failed"; summary: string; reason: string }
  /** The same, and a session has opened since. */
  | { state: "returned"; summary: string; reason: string }
