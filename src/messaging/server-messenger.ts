/** The messenger of a server, with the tools, limits and text messages of its configuration. */

import type { Agent, AgentModel } from "../assets/agent.ts"
import type { CallEvent } from "../call/events.ts"
import type { ControlContext } from "../control/context.ts"
import { countMessage } from "../control/quotas.ts"
import { smsSenderFor } from "../control/sms.ts"
import { getLog } from "../lib/log.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { AnyTool } from "../tools/define-tool.ts"
import { conversationTools } from "./conversation-tools.ts"
import { createMessenger, type Messenger } from "./messenger.ts"

export type ServerMessengerOptions = {
  modelFor: (choice: AgentModel) => ChatModel
  toolsFor: (manifest: Agent["manifest"]) => ReadonlyMap<string, AnyTool>
  /** Is shown every event of an answer at once. */
  onEvent: (event: CallEvent) => void
}

/** A conversation without a phone has no numbers, neither of its own nor of the other side. */
const NO_CALL = { sid: null, direction: "inbound", from: "", to: "" } as const

export function serverMessenger(
  control: ControlContext,
  { modelFor, toolsFor, onEvent }: ServerMessengerOptions,
): Messenger {
  const { assets, config, draining, store, sweep } = control
  const { limits, times } = config
  const log = getLog("messaging")
  return createMessenger({
    conversations: store.conversations,
    assets,
    modelFor,
    toolsOf: conversationTools({
      assets,
      toolsFor,
      smsSender: (sent) => smsSenderFor(control, NO_CALL, sent),
      timeoutMs: times.toolMs,
      sweep,
      log,
    }),
    times,
    room: { most: limits.maxConversations, mostOfUser: limits.conversationsPerUser },
    countMessage: (userId) => countMessage(control, userId),
    onEvent,
    draining,
    sweep,
    log,
  })
}
