/** Values of any kind as plain JSON of limited size, for the log. Pure. */

import { isFailedQuery } from "./errors.ts"

export type Fields = Record<string, unknown>

/** Nesting, and entries of one object or list. */
export const LIMITS = { maxDepth: 8, maxProperties: 200 }
const MAX_CHARACTERS = 4_000

/** At most 4,000 characters of a text, and how many it had. */
export function cutText(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}… (${text.length} characters)` : text
}

/** Fields as plain JSON; `key` may rewrite their names. */
export function plainFields(fields: Fields, key: (name: string) => string): Fields {
  const plain: Fields = {}
  const seen = new Set<object>()
  for (const [name, value] of Object.entries(fields)) plain[key(name)] = toPlain(value, key, seen)
  return plain
}

/** A value as plain JSON: errors as name, message and cause, maps and sets as lists, circles and depths cut. */
function toPlain(value: unknown, key: (name: string) => string, seen: Set<object>): unknown {
  if (typeof value === "string") return cutText(value)
  if (typeof value === "bigint" || typeof value === "symbol") return String(value)
  if (typeof value === "function") return "[function]"
  if (typeof value !== "object" || value === null) return value
  if (seen.has(value)) return "[circular]"
  if (seen.size >= LIMITS.maxDepth) return "[truncated]"
  seen.add(value)
  try {
    if (value instanceof Error) return plainError(value, key, seen)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString()
    if (value instanceof URL || value instanceof RegExp) return String(value)
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
    if (value instanceof Map) return toPlain(Object.fromEntries(value), key, seen)
    if (Array.isArray(value) || value instanceof Set) {
      return [...value].slice(0, LIMITS.maxProperties).map((item) => toPlain(item, key, seen))
    }
    const plain: Fields = {}
    for (const [name, item] of Object.entries(value).slice(0, LIMITS.maxProperties)) {
      plain[key(name)] = toPlain(item, key, seen)
    }
    return plain
  } finally {
    seen.delete(value)
  }
}

function plainError(error: Error, key: (name: string) => string, seen: Set<object>): Fields {
  if (isFailedQuery(error)) return { name: error.name, cause: toPlain(error.cause, key, seen) }
  const plain: Fields = { name: error.name, message: cutText(error.message) }
  if ("code" in error) plain["code"] = toPlain(error.code, key, seen)
  if (error.cause !== undefined) plain["cause"] = toPlain(error.cause, key, seen)
  return plain
}
