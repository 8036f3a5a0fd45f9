/** What every engine is given for one session of a call. */

import type { Agent, Assets } from "../assets/agent.ts"
import type { Call, Parameters } from "../call/call.ts"
import type { CallEvent } from "../call/events.ts"
import type { SessionStart } from "../call/session-start.ts"
import type { Turn } from "../call/turn.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { AnyTool, Remember, SmsSender } from "../tools/define-tool.ts"
import type { CallerProfile } from "./caller-profile.ts"
import type { CallLifecycle } from "./call-lifecycle.ts"
import type { ConversationTimes } from "./conversation.ts"
import { History } from "./history.ts"

export type CallContext = {
  call: Call
  /** Those of the call and of the socket, without the program's own. */
  parameters: Parameters
  start: SessionStart
  assets: Assets
  /** The tools that a manifest offers, by name. */
  toolsFor: (manifest: Agent["manifest"]) => ReadonlyMap<string, AnyTool>
  /** Undefined without a Twilio account. */
  sms: SmsSender | undefined
  /** What is known of the caller; undefined: nothing that the agent may use. */
  caller?: CallerProfile | undefined
  /** Keeps what a tool remembers of the caller; undefined where the caller has no number. */
  remember?: Remember | undefined
  lifecycle: CallLifecycle
  keep: (turn: Turn) => void
  publish: (event: CallEvent) => void
  times: CallTimes
  sweep: Sweep
  log: Log
}

export type CallTimes = ConversationTimes & {
  /** Longest run of one tool, in milliseconds. */
  toolMs: number
}

/** The history of the call up to this session. */
export function historyOf({ call, start, keep }: CallContext): History {
  return new History({ callId: call.id, turns: start.kind === "new" ? [] : start.turns, keep })
}
