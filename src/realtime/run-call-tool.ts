/** Runs a tool for a realtime call, which cannot do everything that tools may ask for. */

import type { Agent } from "../assets/agent.ts"
import { messageOf } from "../lib/errors.ts"
import type { ToolOutcome } from "../tools/define-tool.ts"
import { runTool, type ToolCall } from "../tools/run-tool.ts"
import type { RealtimeCallOptions } from "./call-options.ts"

/** Never rejects. */
export async function runCallTool(
  { call, assets, toolsFor, sms, sweep, times, log }: RealtimeCallOptions,
  { manifest }: Agent,
  toolCall: ToolCall,
): Promise<ToolOutcome> {
  const outcome = await runTool(toolCall, {
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
  if (!outcome.ok || outcome.action?.type !== "play-media") return outcome
  return { ok: false, code: "NOT_AVAILABLE", message: "Sound files cannot be played on this call." }
}
