/** Form bodies as Twilio posts them: every name and every value kept, because a signature covers them all. */

/** Decoded fields of a form; a name that occurs several times has an array. */
export type Form = Record<string, string | string[]>

/**
 * Decodes `application/x-www-form-urlencoded` text. Empty values, repeats and their order are kept, nothing is trimmed.
 * Never throws: a broken escape stays as it is.
 */
export function parseForm(raw: string): Form {
  const fields = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(raw)) {
    const earlier = fields.get(name)
    if (earlier === undefined) fields.set(name, value)
    else if (typeof earlier === "string") fields.set(name, [earlier, value])
    else earlier.push(value)
  }
  return Object.fromEntries(fields)
}
