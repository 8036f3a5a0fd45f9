/** The conversation of a call's agent with a text model, set up in the same way for every engine that has one. */

import type { ChatModel } from "../llm/chat-model.ts"
import type { CallAgent } from "./call-agent.ts"
import type { CallContext } from "./call-context.ts"
import { Conversation, type ConversationOptions } from "./conversation.ts"
import type { EndAfterPlayback } from "./end-after-playback.ts"
import type { History } from "./history.ts"
import type { SpeechOutput } from "./speech-output.ts"

export type AgentConversationOptions = {
  context: CallContext
  agent: CallAgent
  history: History
  model: ChatModel
  output: SpeechOutput
  ending: EndAfterPlayback
  /** Default: runs the tool of the agent. */
  runTool?: ConversationOptions["runTool"]
}

export function agentConversation(options: AgentConversationOptions): Conversation {
  const { context, agent, history, model, output, ending } = options
  const { runTool = (toolCall) => agent.runTool(toolCall) } = options
  const { times, sweep, log, publish } = context
  const { phrases, speechFilter, menus } = agent.agent
  return new Conversation({
    prompt: agent.prompt(),
    history,
    model,
    output,
    ending,
    update: (action) => agent.update(action),
    runTool,
    phrases,
    speechFilter,
    endsOnFailure: menus?.modelFailed !== undefined,
    times,
    sweep,
    log,
    publish,
  })
}
