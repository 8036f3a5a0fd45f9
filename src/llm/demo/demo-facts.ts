/** Finds facts about a call in the demo's instructions: JSON fields and lines such as `First name: Anna`. */

/** Facts are at the end of the instructions, after the stable part. */
const MAX_CHARS = 20_000

export type Facts = ReadonlyMap<string, string>

/** Facts by name, in lower-case letters and digits only; a later fact replaces an earlier one of the same name. */
export function factsIn(instructions: string): Facts {
  const text = instructions.slice(-MAX_CHARS)
  const facts = new Map<string, string>()
  const lines = /^[ \t]*(?:[-*•][ \t]*)?([A-Za-z][\w .-]{0,40})[:=][ \t]*(\S[^\n]{0,200})$/gm
  const fields = /"([A-Za-z][\w .-]{0,40})"\s*:\s*(?:"([^"\\\n]{1,200})"|(-?\d[\d.]*|true|false))/g
  for (const [, name = "", value = ""] of text.matchAll(lines)) facts.set(nameOf(name), value.trim())
  for (const [, name = "", words, literal] of text.matchAll(fields))
    facts.set(nameOf(name), words ?? literal ?? "")
  return facts
}

/** The first of the named facts that is known. */
export function factOf(facts: Facts, ...names: readonly string[]): string | undefined {
  return names.map((name) => facts.get(nameOf(name))).find((value) => value !== undefined && value !== "")
}

function nameOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "")
}
