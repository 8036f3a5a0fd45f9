/** Puts tool calls together from the fragments of a Chat Completions stream, however a server cuts them. Pure. */

import { z } from "zod"
import { brokenStream } from "./openai-errors.ts"

const MAX_CALLS = 64
const MAX_ARGUMENT_CHARS = 262_144

/** Every field may be missing; some servers send arguments as an object. */
export const ToolCallFragment = z.object({
  index: z.number().int().nullish(),
  id: z.string().nullish(),
  function: z
    .object({ name: z.string().nullish(), arguments: z.union([z.string(), z.looseObject({})]).nullish() })
    .nullish(),
})
export type ToolCallFragment = z.infer<typeof ToolCallFragment>

type Draft = { index: number | undefined; id: string; name: string; arguments: string }

export class ToolCallAssembler {
  readonly #drafts: Draft[] = []

  add({ index, id, function: part }: ToolCallFragment): void {
    const name = part?.name ?? ""
    let draft = this.#draftOf(index ?? undefined, id ?? "", name)
    if (!draft) {
      if (this.#drafts.length === MAX_CALLS) throw brokenStream("held too many tool calls")
      draft = { index: index ?? undefined, id: "", name: "", arguments: "" }
      this.#drafts.push(draft)
    }
    draft.id ||= id ?? ""
    // Some servers repeat the name in each fragment.
    draft.name ||= name
    const piece = part?.arguments ?? ""
    draft.arguments += typeof piece === "string" ? piece : JSON.stringify(piece)
    if (draft.arguments.length > MAX_ARGUMENT_CHARS) throw brokenStream("held a tool call that is too long")
  }

  /**
   * The calls, complete. An id that is missing or in `taken` is replaced, because a call is known by its id for the
   * whole conversation. With `cutOff` the answer was ended by a limit, and a call without sound arguments is left out.
   */
  finish({ taken, cutOff }: { taken: Iterable<string>; cutOff: boolean }) {
    const ids = new Set(taken)
    return this.#drafts.flatMap(({ id, name, arguments: written }) => {
      const args = written.trim() === "" ? "{}" : written
      if (name === "" || (cutOff && !isJson(args))) return []
      const callId = id === "" || ids.has(id) ? `call_${crypto.randomUUID()}` : id
      ids.add(callId)
      return [{ callId, name, arguments: args }]
    })
  }

  #draftOf(index: number | undefined, id: string, name: string): Draft | undefined {
    if (index !== undefined) {
      // Parallel calls that all claim to be number 0 differ in their ids or names.
      return this.#drafts.findLast(
        (draft) => draft.index === index && fits(draft.id, id) && fits(draft.name, name),
      )
    }
    if (id !== "") return this.#drafts.find((draft) => draft.id === id)
    return name === "" ? this.#drafts.at(-1) : undefined
  }
}

function fits(known: string, given: string): boolean {
  return given === "" || known === "" || known === given
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
