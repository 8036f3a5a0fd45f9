/** What is remembered of callers: by tools, by outcomes, by the API. */

import type { OutcomeRule } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import { CallerName, LanguageTag, type Caller, type CallerChange, type CallerId } from "../call/caller.ts"
import type { Remember } from "../tools/define-tool.ts"
import { callerIdOf, callerKey } from "./caller-profile.ts"
import { applyToCalls } from "./caller-reports.ts"
import { agentOf, type ControlContext } from "./context.ts"

/** What keeps what a tool of this call remembers; undefined where the caller has no number. */
export function rememberFor(context: ControlContext, call: Call): Remember | undefined {
  const id = callerIdOf(call)
  if (!id) return undefined
  return async function remember({ note: addNote, name, language }) {
    await change(context, id, { change: { addNote, name, language }, source: "tool", creates: true })
  }
}

/** Keeps the outcome of a call, and the fields of it that the rule names, of a caller who is still known. */
export async function rememberOutcome(context: ControlContext, call: Call, data: unknown): Promise<void> {
  const agent = agentOf(context, call)
  const id = callerIdOf(call)
  if (!id || !agent.callers.memory || !agent.outcome) return
  const facts = namedFacts(agent.outcome, data)
  await change(context, id, {
    change: { ...facts, outcome: { callId: call.id, data } },
    source: "outcome",
    // A caller who was erased since the call began stays erased.
    creates: false,
  })
}

/** The API changes a caller; running calls learn of it. */
export async function changeByApi(
  context: ControlContext,
  id: CallerId,
  request: CallerChange,
): Promise<Caller | undefined> {
  return context.callerQueue.run(callerKey(id), async () => {
    const caller = await change(context, id, { change: request, source: "api-key", creates: true })
    const isSet = request.state !== undefined
    await applyToCalls(context, {
      id,
      caller,
      ...(isSet ? { report: { event: "set", source: "api-key" } } : {}),
    })
    return caller
  })
}

/** Forgets a caller: what is remembered, the consent, and the tokens of the number. Resolves to whether anything was known. */
export async function eraseCaller(context: ControlContext, id: CallerId): Promise<boolean> {
  return context.callerQueue.run(callerKey(id), async () => {
    const wasKnown = await context.store.callers.erase(id)
    await applyToCalls(context, { id, caller: undefined })
    return wasKnown
  })
}

type Change = { change: CallerChange; source: "tool" | "outcome" | "api-key"; creates: boolean }

function change(
  { store, sweep, config }: ControlContext,
  id: CallerId,
  { change: request, source, creates }: Change,
): Promise<Caller | undefined> {
  const create = creates ? { most: config.limits.maxCallers } : undefined
  return store.callers.change({ ...id, change: request, source, at: sweep.clock.now(), create })
}

function namedFacts({ remember = {} }: OutcomeRule, data: unknown): CallerChange {
  const fields = typeof data === "object" && data !== null ? new Map(Object.entries(data)) : new Map()
  const textOf = (field: string | undefined): string | undefined => {
    const value: unknown = field === undefined ? undefined : fields.get(field)
    return typeof value === "string" && value.trim() !== "" ? value : undefined
  }
  return {
    addNote: textOf(remember.note),
    name: CallerName.safeParse(textOf(remember.name)).data,
    language: LanguageTag.safeParse(textOf(remember.language)).data,
  }
}
