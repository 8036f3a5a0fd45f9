/** Tool calls as models write them, made fit for a history that is sent to a model again. Pure. */

import type { ToolCall } from "./run-tool.ts"

export type SoundCall = {
  /** Sent back to models: a name that their schemas allow, and arguments that are the text of one JSON object. */
  call: ToolCall
  /** Why the arguments mean nothing, as a sentence for the model; then they were replaced by `{}`. */
  fault: string | undefined
}

/** Some models write the text of the object as a JSON string, and some do it twice. */
const MAX_UNWRAPS = 3

const FAULT =
  "The arguments were not one complete JSON object, so the tool was not run. Call it again with complete arguments."

/**
 * Repairs what can be repaired without a guess: doubly encoded arguments, a code fence around them, unescaped line
 * breaks, `null`, control characters and lone surrogates. What is cut off is not completed: it is replaced by `{}` and
 * must not be run. Valid calls pass unchanged, so that a cached history stays the same.
 */
export function validToolCall({ name, arguments: written }: ToolCall): SoundCall {
  const args = readObject(written)
  if (!args) return { call: { name: soundName(name), arguments: "{}" }, fault: FAULT }
  const { isAsWritten, value } = args
  return {
    call: { name: soundName(name), arguments: isAsWritten ? written : JSON.stringify(value) },
    fault: undefined,
  }
}

/** OpenAI refuses a history with another name: letters, digits, `_` and `-`, at most 64. (OpenAI: "Function calling".) */
function soundName(name: string): string {
  const bare = name.trim().replace(/^functions\./, "")
  return bare.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "unknown"
}

type ReadObject = { value: object; isAsWritten: boolean }

function readObject(written: string): ReadObject | undefined {
  let value: unknown = written
  let isAsWritten = true
  for (let unwraps = 0; typeof value === "string"; unwraps++) {
    if (unwraps > MAX_UNWRAPS) return undefined
    if (unwraps > 1) isAsWritten = false
    const text = value.trim()
    if (text === "") return { value: {}, isAsWritten: false }
    const parsed = parse(text)
    if (!parsed) return undefined
    if (parsed.repaired) isAsWritten = false
    ;({ value } = parsed)
    if (typeof value === "string") isAsWritten = false
  }
  if (value === null) return { value: {}, isAsWritten: false }
  if (typeof value !== "object" || Array.isArray(value)) return undefined
  const clean = cleanValue(value)
  return { value: clean.value ?? {}, isAsWritten: isAsWritten && !clean.changed }
}

function parse(text: string): { value: unknown; repaired: boolean } | undefined {
  const value = parseJson(text)
  if (value !== undefined) return { value, repaired: false }
  const bare = text.replace(/^```(?:json)?\s*([\s\S]*?)\s*```$/, "$1")
  const repaired = parseJson(escapeInStrings(bare))
  return repaired === undefined ? undefined : { value: repaired, repaired: true }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Control characters inside of JSON strings, which must be escaped there. */
function escapeInStrings(text: string): string {
  let inside = false
  let escaped = false
  let fixed = ""
  for (const char of text) {
    fixed += inside && char < " " ? JSON.stringify(char).slice(1, -1) : char
    if (char === '"' && !escaped) inside = !inside
    escaped = inside && char === "\\" && !escaped
  }
  return fixed
}

/** Tab and line breaks may stay; servers and databases refuse the other control characters and halves of characters. */
function cleanText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  return text.toWellFormed().replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/g, "")
}

function cleanValue(value: object): { value: object | undefined; changed: boolean } {
  let changed = false
  const clean = (part: unknown): unknown => {
    if (typeof part === "string") {
      const text = cleanText(part)
      changed ||= text !== part
      return text
    }
    if (Array.isArray(part)) return part.map(clean)
    if (typeof part !== "object" || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [clean(key), clean(inner)]))
  }
  const cleaned = clean(value)
  return { value: typeof cleaned === "object" && cleaned !== null ? cleaned : undefined, changed }
}
