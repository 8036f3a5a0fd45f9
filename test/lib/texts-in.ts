/** The texts in a JSON value, for tests of what was or was not sent. */

/** Every string and number in a value, and every name of a field. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)]
  if (Array.isArray(value)) return value.flatMap(textsIn)
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([name, field]) => [name, ...textsIn(field)])
}
