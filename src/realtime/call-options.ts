/** What a realtime call is given. */

import type { Agent, Assets } from "../assets/agent.ts"
import type { AudioTap } from "../call/audio-tap.ts"
import type { Call } from "../call/call.ts"
import type { CallEvent } from "../call/events.ts"
import type { Turn } from "../call/turn.ts"
import type { Usage } from "../call/usage.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { AnyTool, SmsSender } from "../tools/define-tool.ts"
import type { TurnManagerTimes } from "./turn-manager-options.ts"
import type { ConnectModel } from "./connection/websocket.ts"

export type RealtimeCallOptions = {
  call: Call
  assets: Assets
  /** The way to a model. `safetyId` stands for the caller. */
  connectTo: (choice: { model: string; safetyId: string }) => ConnectModel
  /** Used where an agent names none. */
  model: string
  transcribeModel: string
  /** The tools that a manifest offers, by name. */
  toolsFor: (manifest: Agent["manifest"]) => ReadonlyMap<string, AnyTool>
  /** Undefined without a Twilio account. */
  sms: SmsSender | undefined
  /** Those who listen in. */
  tap: AudioTap
  /** Told with which agent the call goes on. */
  onAgent: (agent: Agent) => void
  keep: (turn: Turn) => void
  keepUsage: (usage: Usage) => void
  publish: (event: CallEvent) => void
  times: TurnManagerTimes & {
    /** Longest run of one tool, in milliseconds. */
    toolMs: number
    /** Pause after a key that ends a row of digits, in milliseconds. */
    digitsMs: number
  }
  sweep: Sweep
  log: Log
}
