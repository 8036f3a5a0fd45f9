/** What the session of a call asks of and reports to the rest of the program. Implemented by `control`. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import type { IvrState } from "../call/ivr-menu.ts"
import type { SessionEnd } from "../call/session-end.ts"
import type { SessionStart } from "../call/session-start.ts"
import type { Usage } from "../call/usage.ts"
import type { Remember, SmsSender } from "../tools/define-tool.ts"
import type { SessionCaller } from "./caller-profile.ts"

export interface CallLifecycle {
  /** Why the call opens a session. Asked before anything of the session is recorded; rejects when the store fails. */
  sessionStart(callId: CallId): Promise<SessionStart>
  /** What sends text messages in this session, with the limits of the call; undefined without a Twilio account. */
  smsSender(call: Call): Promise<SmsSender | undefined>
  /** What is known of the caller; asks the customer API at the start of a call. Never rejects. */
  caller(call: Call): Promise<SessionCaller>
  /** What keeps notes of the caller; undefined where the caller has no number. */
  remember(call: Call): Remember | undefined
  /** A session of the call is open. `sessionId` is Twilio's id of the session or stream. Never throws. */
  opened(callId: CallId, sessionId: string): void
  /** The agent, context and manifest that the call uses from now on. Never throws. */
  agentChosen(callId: CallId, agent: Agent): void
  /** How far the call has come in the phone menu of the other side. Never throws. */
  ivrChanged(callId: CallId, state: IvrState): void
  /**
   * The session of this id ends for this reason. Resolves when that is stored; the socket must stay open until then,
   * since Twilio requests the next step, which depends on the reason, once it is closed.
   */
  ended(call: Call, session: { sessionId: string; end: SessionEnd }): Promise<void>
  /** Twilio reported the end of the media stream: usually the caller has hung up. Never throws. */
  callerLeft(callId: CallId): void
  /** What a model of this call has used so far, in place of an earlier report for the same model. Never throws. */
  usage(callId: CallId, usage: Usage): void
}
