/** What the settings of agents and menus ask for and the rules of this server refuse. */

import type { Assets } from "../assets/agent.ts"
import { targetsOf } from "../assets/menu-schema.ts"
import { TransferTarget } from "../call/transfer-target.ts"
import type { ControlContext } from "./context.ts"
import { isForLackOfHome, transferRefusal, type DialContext } from "./may-dial.ts"

/** Logs what of the agents' settings this server refuses. */
export async function warnOfAgents(control: ControlContext): Promise<void> {
  for (const warning of await agentWarnings(control, control.assets)) {
    control.log.warn("a setting of an agent is refused", { warning })
  }
}

/** One sentence for each refusal; without a call, Twilio's list of our numbers decides what is home. */
export async function agentWarnings(context: DialContext, assets: Assets): Promise<string[]> {
  const found: string[] = []
  for (const key of assets.keys().agents) {
    const agent = assets.agentFor({ agent: key })
    const target = TransferTarget.safeParse(agent.transfer.to ?? context.config.transferTo ?? "")
    const refusal = target.success
      ? await transferRefusal(context, target.data, { namedBy: "settings" })
      : undefined
    if (refusal !== undefined && !isForLackOfHome(refusal))
      found.push(`the agent ${key} cannot transfer calls: ${refusal}`)
    const changes = agent.manifest.tools.some(({ name }) => name === "change-context")
    if (changes && (agent.changeTo?.contexts.length ?? 0) === 0) {
      found.push(
        `the tool change-context of the agent ${key} refuses every change: its setting changeTo lists no context`,
      )
    }
  }
  for (const key of assets.menuKeys()) {
    for (const { path, target } of targetsOf(assets.menu(key) ?? { steps: {} })) {
      const { to } = target
      const parsed = to.kind === "transfer" ? TransferTarget.safeParse(to.to) : undefined
      if (!parsed?.success) continue
      const refusal = await transferRefusal(context, parsed.data, { namedBy: "settings" })
      if (refusal !== undefined && !isForLackOfHome(refusal))
        found.push(`the menu ${key} cannot transfer calls at ${path.join(".")}: ${refusal}`)
    }
  }
  return found
}
