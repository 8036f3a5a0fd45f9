/** What a call does when its model has failed: a text model, a menu, a person, or a goodbye. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { NextStep } from "../call/next-step.ts"
import type { SessionEnd } from "../call/session-end.ts"
import { TransferTarget } from "../call/transfer-target.ts"
import { connectToEngine } from "./connect.ts"
import { agentOf, ownNumberOf, type ControlContext } from "./context.ts"
import { transferRefusal } from "./may-dial.ts"
import { endCall } from "./report-status.ts"
import { beginTransfer } from "./transfer.ts"

/** Continues on the relay where a text model is usable, else with a menu, else transfers the caller, else ends the call. */
export async function fallBack(
  context: ControlContext,
  call: Call,
  { reason }: SessionEnd,
): Promise<NextStep> {
  const { store, config, log } = context
  const agent = agentOf(context, call)
  const isOnRelay = call.engine === "relay"
  if (!isOnRelay && isTextModelUsable(context, agent, { isKeyRefused: reason === "model-refused" })) {
    log.warn("model failed, falling back to the relay engine", { callSid: call.sid, reason })
    await store.calls.setEngine(call.id, "relay")
    return connectToEngine(context, { call: { ...call, engine: "relay" }, agent })
  }
  const menu = agent.menus?.modelFailed
  const step =
    menu === undefined ? undefined : await context.menus.begin(call, { menu, reason: "model-failed" })
  if (step) {
    log.warn("model failed, falling back to a menu", { callSid: call.sid, reason, menu })
    return step
  }
  const target = TransferTarget.safeParse(agent.transfer.to ?? config.transferTo ?? "")
  if (
    target.success &&
    (await transferRefusal(context, target.data, { own: ownNumberOf(call), namedBy: "settings" })) ===
      undefined
  ) {
    const summary = "The assistant had a technical problem."
    return beginTransfer(context, call, { summary, isModelGone: true })
  }
  await endCall(context, call, { by: "system", reason: "no model could be reached" })
  return { kind: "say", text: agent.phrases.goodbye, then: { kind: "hang-up" } }
}

function isTextModelUsable(
  { config }: ControlContext,
  { model }: Agent,
  { isKeyRefused }: { isKeyRefused: boolean },
): boolean {
  const provider = model.provider === "auto" ? config.modelProvider : model.provider
  switch (provider) {
    case "demo":
      return true
    case "flowise":
      return config.flowise.baseUrl !== undefined
    case "openai-compatible":
      return (model.baseUrl ?? config.openai.baseUrl) !== undefined
    case "openai":
    case "auto": {
      // The key that the provider of the speech-to-speech model has just refused.
      const isSameKey = config.realtimeProvider === "openai" && model.baseUrl === undefined
      return !isKeyRefused || !isSameKey
    }
    default:
      return provider satisfies never
  }
}
