/** The walk of one call through the phone menu that it was given, for any engine. */

import type { ChatModel } from "../../llm/chat-model.ts"
import type { Agent } from "../../assets/agent.ts"
import type { Call } from "../../call/call.ts"
import { filledMenu } from "../../call/ivr-matching.ts"
import { DEFAULT_IVR_RULES, type IvrMenu } from "../../call/ivr-menu.ts"
import { fillPlaceholders } from "../../call/placeholders.ts"
import type { CallContext } from "../call-context.ts"
import type { History } from "../history.ts"
import type { Prompt } from "../prompt.ts"
import { detectHumanByModel, detectHumanByWords, type ModelQuestion } from "./human-detection.ts"
import { IvrWalk, type IvrOutput } from "./ivr-walk.ts"
import type { GiveUpReason } from "./ivr-navigator.ts"
import { chooseByModel } from "./menu-choice.ts"

export type WalkOfCallOptions = {
  context: CallContext
  agent: Agent
  /** The task of the agent. */
  prompt: () => Prompt
  model: ChatModel
  history: History
  output: IvrOutput
  /** A person said `words`: the conversation begins with them. */
  reached: (words: string) => void
  /** The call is to end; `detail` says why. */
  gaveUp: (detail: string) => void
}

const GIVE_UP: Readonly<Record<GiveUpReason, string>> = {
  voicemail: "the phone menu led to a voicemail",
  repeats: "the phone menu repeated one question too often",
  restarts: "the phone menu started over too often",
  stuck: "the phone menu said nothing known for too long",
  time: "no person was reached in time",
}

/** Whether the call still has to pass a phone menu. */
export function isNavigating({ ivrMenu, ivrState }: Call): boolean {
  return ivrMenu !== null && ivrState === "navigating"
}

/** Undefined for a call that has no phone menu to pass, or has passed it. */
export function walkOfCall(options: WalkOfCallOptions): IvrWalk | undefined {
  const { context, agent, prompt, model, history, output, reached, gaveUp } = options
  const { call, parameters, lifecycle, sweep, log, publish } = context
  if (!isNavigating(call)) return undefined
  const menu: IvrMenu = call.ivrMenu ?? []
  const tokens = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, replies: 0 }
  const question: ModelQuestion = {
    model,
    safetyId: prompt().safetyId,
    conversationId: call.id,
    onUsage({ inputTokens, cachedTokens, outputTokens }) {
      tokens.replies += 1
      tokens.inputTokens += inputTokens
      tokens.cachedTokens += cachedTokens
      tokens.outputTokens += outputTokens
      lifecycle.usage(call.id, { kind: "ivr", model: model.name, amounts: { ...tokens }, cost: null })
    },
  }
  const rules = agent.ivr ?? DEFAULT_IVR_RULES
  return new IvrWalk({
    menu: filledMenu(menu, parameters),
    rules: { ...rules, introduction: fillPlaceholders(rules.introduction, parameters) },
    detectHuman: model.name === "demo" ? detectHumanByWords : detectHumanByModel(question),
    chooseFromMenu: chooseByModel({ question, task: () => prompt().instructions }),
    output,
    history,
    elapsedMs: sweep.clock.now() - (call.answeredAt ?? sweep.clock.now()),
    reached(words) {
      lifecycle.ivrChanged(call.id, "human-reached")
      reached(words)
    },
    gaveUp(reason) {
      lifecycle.ivrChanged(call.id, "gave-up")
      gaveUp(GIVE_UP[reason])
    },
    sweep,
    log,
    publish,
  })
}
