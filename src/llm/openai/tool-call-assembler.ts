/** Assembles tool calls from the fragments of a Chat Completions stream. Pure. */

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
  /** Gemini requires it back with the call, unchanged. */
  extra_content: z.unknown().optional(),
})
export type ToolCallFragment = z.infer<typeof ToolCallFragment>

type Draft = { index: number | undefined; id: string; name: string; arguments: string; extra: unknown }

export class ToolCallAssembler {
  readonly #drafts: Draft[] = []

  /** Number of calls that have begun. */
  get size(): number {
    return this.#drafts.length
  }

  add({ index, id, function: part, extra_content: extra }: ToolCallFragment): void {
    const name = part?.name ?? ""
    let draft = this.#draftOf(index ?? undefined, id ?? "", name)
    if (!draft) {
      if (this.#drafts.length === MAX_CALLS) throw brokenStream("held too many tool calls")
      draft = { index: index ?? undefined, id: "", name: "", arguments: "", extra: undefined }
      this.#drafts.push(draft)
    }
    draft.id ||= id ?? ""
    draft.extra ??= extra
    // Some servers repeat the name in each fragment.
    draft.name ||= name
    const piece = part?.arguments ?? ""
    draft.arguments += typeof piece === "string" ? piece : JSON.stringify(piece)
    if (draft.arguments.length > MAX_ARGUMENT_CHARS) throw brokenStream("held a tool call that is too long")
  }

  /**
   * The complete calls. An id that is missing or in `usedIds` is replaced, because ids are unique within a conversation.
   * `cutOff`: a limit ended the answer; a call whose arguments are not valid JSON is dropped.
   */
  finish({ usedIds, cutOff }: { usedIds: Iterable<string>; cutOff: boolean }) {
    const ids = new Set(usedIds)
    return this.#drafts.flatMap(({ id, name, arguments: written, extra }) => {
      const args = written.trim() === "" ? "{}" : written
      if (name === "" || (cutOff && !isJson(args))) return []
      const callId = id === "" || ids.has(id) ? `call_${crypto.randomUUID()}` : id
      ids.add(callId)
      return [{ callId, name, arguments: args, extra }]
    })
  }

  /**
   * The call that a fragment belongs to. A fragment with a name begins a new call if the last call of that index is
   * complete: servers that send complete calls number many of them 0, or send neither index nor id. A fragment without a
   * name continues the last call of its index, even under another id: some servers create a new id for each fragment.
   */
  #draftOf(index: number | undefined, id: string, name: string): Draft | undefined {
    const known =
      id === "" ? undefined : this.#drafts.findLast((draft) => draft.id === id && isAt(draft, index))
    if (known) return known
    const last = this.#drafts.findLast((draft) => isAt(draft, index))
    if (!last) return undefined
    if (name === "") return id === "" || index !== undefined ? last : undefined
    return fits(last.id, id) && fits(last.name, name) && !isWhole(last) ? last : undefined
  }
}

function isAt(draft: Draft, index: number | undefined): boolean {
  return index === undefined || draft.index === index
}

function isWhole({ name, arguments: args }: Draft): boolean {
  return name !== "" && args !== "" && isJson(args)
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
