/** Which agent talks on a call: the call's own, with the context and manifest that its parameters name. */

import type { Agent, AgentChoice, Assets } from "../assets/agent.ts"
import type { Call, Parameters } from "../call/call.ts"
import { messageOf } from "../lib/errors.ts"
import type { CallerProfile } from "./caller-profile.ts"
import type { Log } from "../lib/log.ts"

export type ChooseAgentOptions = {
  assets: Assets
  call: Pick<Call, "agent" | "direction" | "from" | "to">
  /** `contextKey` and `manifestKey` are looked at. */
  parameters: Parameters
  /** The role for the caller; parameters take precedence. */
  caller?: CallerProfile | undefined
  log: Log
}

/** Never fails for a key that is unknown, or has become so while the phone was ringing: that one is left out and logged. */
export function chooseAgent({ assets, call, parameters, caller, log }: ChooseAgentOptions): Agent {
  const number = call.direction === "inbound" ? call.to : call.from
  let choice: AgentChoice = { number }
  for (const key of [
    { agent: call.agent },
    ...(caller ? [{ contextKey: caller.contextKey }, { manifestKey: caller.manifestKey }] : []),
    pick(parameters, "contextKey"),
    pick(parameters, "manifestKey"),
  ]) {
    const tried = { ...choice, ...key }
    try {
      assets.agentFor(tried)
      choice = tried
    } catch (error) {
      log.warn("a key of the call is unknown; continuing without it", { error: messageOf(error) })
    }
  }
  return assets.agentFor(choice)
}

function pick(parameters: Parameters, name: "contextKey" | "manifestKey"): AgentChoice {
  const key = Object.hasOwn(parameters, name) ? parameters[name] : undefined
  return key ? { [name]: key } : {}
}
