/** Form bodies as Twilio posts them: every name and every value kept, because a signature covers them all. */

/** Decoded fields of a form; a name that occurs several times has an array. */
export type Form = Record<string, string | string[]>

/** Most fields of a form of Twilio's: a voice webhook has about 40. */
export const MAX_FIELDS = 200

/** Whether the text has more fields than Twilio ever sends. Counted before anything is decoded. */
export function hasTooManyFields(raw: string): boolean {
  let count = 1
  for (let at = raw.indexOf("&"); at !== -1; at = raw.indexOf("&", at + 1)) {
    count += 1
    if (count > MAX_FIELDS) return true
  }
  return false
}

/** The first name that occurs several times; undefined when each occurs once. */
export function repeatedField(form: Form): string | undefined {
  return Object.keys(form).find((name) => Array.isArray(form[name]))
}

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
