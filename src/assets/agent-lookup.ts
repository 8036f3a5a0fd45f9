/** Finds the agent, context, manifest and phone menu of a call in the assets in force. Pure. */

import { AppError } from "../lib/errors.ts"
import type { IvrMenu } from "../call/ivr-menu.ts"
import type { Agent, AgentChoice, IvrMenuChoice } from "./agent.ts"
import type { Snapshot } from "./load.ts"
import { DEFAULT_AGENT } from "./resolve.ts"
import { MENU_PREFIX } from "./server-config.ts"

/** Throws `AppError` INVALID_REQUEST for a key that does not exist. */
export function agentIn(snapshot: Snapshot, choice: AgentChoice): Agent {
  const { agents, contexts, manifests } = snapshot
  const { agent: agentKey, number, contextKey, manifestKey } = choice
  const key = agentKey ?? agentOfNumber(snapshot, number) ?? DEFAULT_AGENT
  const agent = find("Agent", key, agents)
  if (contextKey === undefined && manifestKey === undefined) return agent
  return Object.freeze({
    ...agent,
    context: contextKey === undefined ? agent.context : find("Context", contextKey, contexts),
    manifest: manifestKey === undefined ? agent.manifest : find("Tool manifest", manifestKey, manifests),
  })
}

/** Throws `AppError` INVALID_REQUEST for a key that does not exist; a number may have none. */
export function ivrMenuIn({ ivrMenus }: Snapshot, choice: IvrMenuChoice): IvrMenu | undefined {
  if ("key" in choice) return find("Phone menu", choice.key, ivrMenus).menu
  return [...ivrMenus.values()].find(({ numbers }) => numbers.includes(choice.number))?.menu
}

/** The menu that a call begins with: that of the called number, else that of the agent. */
export function menuIn(snapshot: Snapshot, { agent, number }: AgentChoice): string | undefined {
  const ofNumber = number === undefined ? undefined : menuKeyOf(snapshot.numbers.get(number))
  if (agent === undefined) return ofNumber ?? agentIn(snapshot, { number }).menus?.begin
  return agentIn(snapshot, { agent }).menus?.begin
}

function agentOfNumber({ numbers, menus }: Snapshot, number: string | undefined): string | undefined {
  const named = number === undefined ? undefined : numbers.get(number)
  const menu = menuKeyOf(named)
  return menu === undefined ? named : menus.get(menu)?.agent
}

/** `menu:key` names a menu, anything else an agent. */
function menuKeyOf(named: string | undefined): string | undefined {
  return named?.startsWith(MENU_PREFIX) ? named.slice(MENU_PREFIX.length) : undefined
}

/** Keys of all agents, contexts and manifests, sorted. */
export function snapshotKeys({ agents, contexts, manifests }: Snapshot) {
  return { agents: sortedKeys(agents), contexts: sortedKeys(contexts), manifests: sortedKeys(manifests) }
}

const FIELDS = {
  Agent: "agent",
  Context: "contextKey",
  "Tool manifest": "manifestKey",
  "Phone menu": "ivrMenu",
} as const

function find<T>(what: keyof typeof FIELDS, key: string, among: ReadonlyMap<string, T>): T {
  const found = among.get(key)
  if (found !== undefined) return found
  const known = sortedKeys(among)
  const shown = key.length > 64 ? `${key.slice(0, 64)}…` : key
  throw new AppError(
    "INVALID_REQUEST",
    `${what} not found for key: ${shown}. Known keys: ${known.join(", ")}`,
    { details: known.map((name) => ({ field: FIELDS[what], message: "is known", value: name })) },
  )
}

function sortedKeys(map: ReadonlyMap<string, unknown>): string[] {
  return [...map.keys()].toSorted()
}
