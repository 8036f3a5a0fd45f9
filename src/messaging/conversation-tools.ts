/** Runs the tools of an agent in a conversation without a phone. */

import type { Agent, Assets } from "../assets/agent.ts"
import { CallId } from "../call/ids.ts"
import { changeRefusal } from "../conversation/change-refusal.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { StoredConversation } from "../store/conversations.ts"
import type { AnyTool, SmsSender, ToolOutcome } from "../tools/define-tool.ts"
import { runTool, type ToolCall } from "../tools/run-tool.ts"

/** Runs one tool of the agent. Never rejects. */
export type RunAgentTool = (call: ToolCall, agent: Agent) => Promise<ToolOutcome>

export type ConversationToolsOptions = {
  assets: Assets
  toolsFor: (manifest: Agent["manifest"]) => ReadonlyMap<string, AnyTool>
  /** Of one message. `sent`: text messages that went out in the conversation before. Undefined without a Twilio account. */
  smsSender: (sent: number) => SmsSender | undefined
  /** Longest run of one tool, in milliseconds. */
  timeoutMs: number
  sweep: Sweep
  log: Log
}

/** Called for each message. The other party has no number, and the id of the conversation stands for a call's. */
export function conversationTools(options: ConversationToolsOptions) {
  const { assets, toolsFor, smsSender, timeoutMs, sweep, log } = options
  return function toolsOfConversation({ id, turns }: StoredConversation): RunAgentTool {
    const sms = smsSender(turns.filter(({ tool }) => tool?.name === "send-sms" && tool.ok === true).length)
    return function runAgentTool(call, agent) {
      return runTool(call, {
        tools: toolsFor(agent.manifest),
        context: {
          callId: CallId.parse(id),
          callSid: null,
          peer: "",
          changeRefusal: (keys) => changeRefusal(agent, assets, keys),
          sms,
        },
        timeoutMs,
        sweep,
        log,
      })
    }
  }
}
