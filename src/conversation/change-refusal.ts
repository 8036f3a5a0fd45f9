/** What the model of a conversation may switch to: the contexts and manifests that its agent lists, and no others. */

import type { Agent, Assets } from "../assets/agent.ts"
import { messageOf } from "../lib/errors.ts"

export type WantedKeys = { contextKey: string; manifestKey?: string | undefined }

/** Why the conversation must not switch to these keys, as a sentence for the model; undefined when it may. */
export function changeRefusal(
  { key, changeTo }: Agent,
  assets: Assets,
  { contextKey, manifestKey }: WantedKeys,
): string | undefined {
  const { contexts = [], manifests = [] } = changeTo ?? {}
  if (!contexts.includes(contextKey)) return notListed("context", contextKey, contexts)
  if (manifestKey !== undefined && !manifests.includes(manifestKey)) {
    return notListed("tool manifest", manifestKey, manifests)
  }
  try {
    assets.agentFor({ agent: key, contextKey, manifestKey })
    return undefined
  } catch (error) {
    // The configuration has lost it since.
    return messageOf(error)
  }
}

function notListed(what: string, key: string, listed: readonly string[]): string {
  if (listed.length === 0)
    return `This agent may switch to no other ${what}: its setting changeTo lists none.`
  return `There is no ${what} ${key} to switch to. There are: ${listed.join(", ")}.`
}
