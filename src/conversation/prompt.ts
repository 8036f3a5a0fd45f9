/** The prompt of a call: the context of its agent first, because it is the same for many calls, then the facts of the call. */

import { createHash } from "node:crypto"
import type { Agent } from "../assets/agent.ts"
import type { Call, Parameters } from "../call/call.ts"
import { localTimeOf } from "../call/local-time.ts"
import { fillPlaceholders } from "../call/placeholders.ts"
import { isWithheld, shownCaller } from "../lib/withheld.ts"
import type { ToolSpec } from "../call/tool-spec.ts"

/** What a model is given besides the conversation; may change while the call runs. */
export type Prompt = {
  /** Context and facts, in this order. */
  instructions: string
  tools: readonly ToolSpec[]
  /** The same for all calls of this context with these tools. */
  cacheKey: string
  /** A hash that identifies the other party; see `safetyIdOf`. */
  safetyId: string
  /** The same facts and parameters by name. */
  facts?: Readonly<Record<string, string>>
  /** The same for the whole conversation. */
  conversationId?: string
}

export type PromptOptions = {
  agent: Agent
  call: Pick<Call, "sid" | "direction" | "from" | "to" | "prompt" | "createdAt">
  parameters: Parameters
  /** The model receives this as the local time of the agent. Milliseconds since the epoch. */
  now: number
  /** What else the engine knows about the call; empty fields are left out. */
  facts?: Record<string, string | null>
  /** What is known of the caller, as a section. */
  about?: string | undefined
}

/**
 * Context, call facts with the local time, and parameters as one text, with `{placeholders}` of the context filled from the
 * parameters. What changes from call to call comes last, so that the context can be cached.
 */
export function promptFor({ agent, call, parameters, now, facts = {}, about }: PromptOptions): Prompt {
  const context = fillPlaceholders(call.prompt ?? agent.context.text, parameters)
  const known = {
    callSid: call.sid,
    direction: call.direction,
    from: shownCaller(call.from),
    to: call.to,
    startedAt: new Date(call.createdAt).toISOString(),
    ...localTimeOf(now, agent.timeZone),
    ...facts,
  }
  const present = Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== null && value !== ""),
  )
  return {
    instructions: [
      context.trim(),
      "# This call",
      "These are the details of the call. Use them to complete your objective.",
      JSON.stringify({ ...present, parameters }, null, 1),
      ...(about === undefined ? [] : [about]),
    ].join("\n\n"),
    tools: agent.manifest.tools,
    cacheKey: `${agent.key}-${agent.context.version}-${agent.manifest.version}`,
    safetyId: safetyIdOf(call),
    facts: Object.fromEntries(
      Object.entries({ ...parameters, ...present }).map(([name, value]) => [name, String(value)]),
    ),
    ...(call.sid ? { conversationId: call.sid } : {}),
  }
}

/** Identifies the other party to the model provider without the number. Calls with a withheld number each get their own. */
export function safetyIdOf(call: Pick<Call, "sid" | "direction" | "from" | "to" | "createdAt">): string {
  const peer = call.direction === "inbound" ? call.from : call.to
  const identity = isWithheld(peer) ? `${call.sid ?? ""}${call.createdAt}` : peer
  return createHash("sha256").update(identity).digest("hex").slice(0, 32)
}
