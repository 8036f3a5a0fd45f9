/** Runs a tool of a call's manifest, with what the tool may know of the call. */

import type { Agent, Assets } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { AnyTool, SmsSender, ToolOutcome } from "../tools/define-tool.ts"
import { runTool, type ToolCall } from "../tools/run-tool.ts"

export type CallToolOptions = {
  call: Call
  assets: Assets
  /** The tools that a manifest offers, by name. */
  toolsFor: (manifest: Agent["manifest"]) => ReadonlyMap<string, AnyTool>
  /** Undefined without a Twilio account. */
  sms: SmsSender | undefined
  sweep: Sweep
  /** Longest run of one tool, in milliseconds. */
  times: { toolMs: number }
  log: Log
}

/** Never rejects. */
export function runCallTool(
  { call, assets, toolsFor, sms, sweep, times, log }: CallToolOptions,
  { manifest }: Agent,
  toolCall: ToolCall,
): Promise<ToolOutcome> {
  return runTool(toolCall, {
    tools: toolsFor(manifest),
    context: {
      callId: call.id,
      callSid: call.sid,
      peer: call.direction === "inbound" ? call.from : call.to,
      knowsContext: (keys) => {
        try {
          assets.agentFor(keys)
          return undefined
        } catch (error) {
          return messageOf(error)
        }
      },
      sms,
    },
    timeoutMs: times.toolMs,
    sweep,
    log,
  })
}
