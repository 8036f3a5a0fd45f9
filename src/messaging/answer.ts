/** Answers one message of a conversation without a phone: the same role, tools and model as on a call. */

import { createHash } from "node:crypto"
import type { Agent } from "../assets/agent.ts"
import type { CallEvent } from "../call/events.ts"
import { CallId } from "../call/ids.ts"
import type { Turn } from "../call/turn.ts"
import { promptFor, type Prompt } from "../conversation/prompt.ts"
import { History } from "../conversation/history.ts"
import { Reply } from "../conversation/reply.ts"
import type { StreamTimes } from "../lib/progress-timeout.ts"
import { ToolCalls } from "../conversation/tool-calls.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { StoredConversation } from "../store/conversations.ts"
import type { CallAction } from "../tools/define-tool.ts"
import type { RunAgentTool } from "./conversation-tools.ts"

/** Turns and characters that are kept of a conversation, the latest ones. */
const MAX_TURNS = 400
const MAX_CHARS = 400_000

export type AnswerOptions = {
  conversation: StoredConversation
  message: { role: "user" | "system"; text: string }
  /** The agent for the parameters that the conversation has now. Asked before each request. */
  agentOf: (conversation: StoredConversation) => Agent
  model: ChatModel
  runTool: RunAgentTool
  /** Is given the conversation whenever something must not be lost any more, one after the other. */
  save: (conversation: StoredConversation) => Promise<void>
  times: StreamTimes
  /** Is shown every event at once. */
  onEvent?: ((event: CallEvent) => void) | undefined
  /** Cuts the answer off. Tools that run continue to their result. */
  signal: AbortSignal
  sweep: Sweep
  log: Log
}

export type AnswerResult =
  /** `endedBy`: the agent has asked for the end of the call that there is not. */
  | { outcome: "said"; text: string; endedBy: "agent" | undefined }
  /** Nothing of an answer is kept, but the message and what tools have done is. */
  | { outcome: "aborted" }
  | { outcome: "failed" }

/** Never rejects for what a model or a tool does; rejects with what `save` rejects with. */
export async function answerMessage(options: AnswerOptions): Promise<AnswerResult> {
  const { message, agentOf, model, times, signal, sweep, log } = options
  const { clock } = sweep
  let conversation = options.conversation
  let endedBy: "agent" | undefined
  let saving = Promise.resolve()
  const turns = new Map(withoutRepetition(conversation.turns, message).map((turn) => [turn.id, turn]))
  const history = new History({
    callId: CallId.parse(conversation.id),
    turns: [...turns.values()],
    keep(turn) {
      turns.set(turn.id, turn)
      // Words come piece by piece and are saved once they are complete; what a tool does is not undone.
      if (turn.kind === "tool") save()
    },
  })
  const publish = (event: CallEvent) => {
    options.onEvent?.(event)
    log.debug("conversation event", { event: event.type })
  }

  function save(): void {
    conversation = { ...conversation, turns: latest([...turns.values()]), updatedAt: clock.now() }
    const changed = conversation
    saving = saving.then(() => options.save(changed))
    // It is awaited below; until then its failure must not count as unhandled.
    saving.catch(() => {})
  }

  /** What is asked of a call has no effect without one, except for the role, which belongs to the conversation. */
  function act(action: CallAction): void {
    if (action.type === "end-call") endedBy = "agent"
    if (action.type !== "change-context") {
      log.info("an action of a call has no effect without a phone", { action: action.type })
      return
    }
    const { contextKey, manifestKey, summary } = action
    const parameters = { ...conversation.parameters, contextKey, ...(manifestKey ? { manifestKey } : {}) }
    conversation = { ...conversation, parameters }
    if (summary) history.note(summary, { speaker: "system", at: clock.now() })
    save()
  }

  const toolCalls = new ToolCalls({
    history,
    async run(call) {
      const outcome = await options.runTool(call, agentOf(conversation))
      if (!outcome.ok || !outcome.action) return outcome
      act(outcome.action)
      return { ok: true, value: outcome.value }
    },
    sweep,
    publish,
  })

  const { role, text } = message
  if (role === "user") history.caller(text, { kind: "speech", at: clock.now() })
  else history.note(text, { speaker: "system", at: clock.now() })
  save()
  // The message is stored before anything is asked about it.
  await saving

  let said = ""
  const reply = new Reply({
    turn: history.agent(),
    history,
    model,
    speechFilter: false,
    prompt: () => promptOf(conversation, agentOf(conversation), clock.now()),
    toolCalls,
    times,
    sweep,
    speak(words) {
      said += words
      history.say(reply.turn, said, clock.now())
    },
    // Every action has been removed from its outcome.
    act: () => {},
    publish,
  })
  const abort = () => reply.abort()
  signal.addEventListener("abort", abort, { once: true })
  if (signal.aborted) abort()
  const { outcome } = await reply.run()
  signal.removeEventListener("abort", abort)

  // The start of an answer that was not delivered counts as not said.
  const heard = outcome === "said" ? said.trim() : ""
  history.settle(reply.turn, { text: heard, interrupted: false, at: clock.now(), latency: reply.latency })
  save()
  await saving
  if (outcome === "failed") return { outcome }
  return outcome === "said" ? { outcome, text: heard, endedBy } : { outcome }
}

function promptOf(
  { id, userId, createdAt, parameters }: StoredConversation,
  agent: Agent,
  now: number,
): Prompt {
  const prompt = promptFor({
    agent,
    call: { sid: null, direction: "inbound", from: "", to: "", prompt: null, createdAt },
    parameters,
    now,
    facts: { channel: "text messages" },
  })
  const safetyId = createHash("sha256")
    .update(userId ?? id)
    .digest("hex")
    .slice(0, 32)
  return { ...prompt, safetyId, conversationId: id }
}

/** A message that is sent again without having been answered is stored once. */
function withoutRepetition(
  turns: readonly Turn[],
  { role, text }: AnswerOptions["message"],
): readonly Turn[] {
  const last = turns.at(-1)
  const [kind, speaker] = role === "user" ? (["speech", "caller"] as const) : (["note", "system"] as const)
  return last?.kind === kind && last.speaker === speaker && last.text === text ? turns.slice(0, -1) : turns
}

function latest(turns: readonly Turn[]): Turn[] {
  const kept: Turn[] = []
  let chars = 0
  const sent = turns.filter(({ kind, text }) => kind === "tool" || text !== "")
  for (const turn of sent.toSorted((a, b) => a.seq - b.seq).toReversed()) {
    chars += turn.text.length + (turn.tool?.arguments.length ?? 0) + (turn.tool?.output?.length ?? 0)
    if (kept.length === MAX_TURNS || (chars > MAX_CHARS && kept.length > 0)) break
    kept.push(turn)
  }
  return kept.toReversed()
}
