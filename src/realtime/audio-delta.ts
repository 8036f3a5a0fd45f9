/** The one frame that comes fifty times a second: audio of the model, read without building an object of it. */

/** Base64 in the session's output format, which for a phone call is mu-law at 8 kHz: 8 bytes a millisecond. */
export type AudioDelta = {
  type: "audio"
  responseId: string
  itemId: string
  contentIndex: number
  payload: string
}

const TYPE = "response.output_audio.delta"
const HEAD_LENGTH = 120
/** The payload is put into a frame for the caller as it stands, so nothing else may be in it. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN = 123
const CLOSE = 125

/**
 * Reads a `response.output_audio.delta` that is a flat object of plain strings and whole numbers, in any order of its
 * fields. Undefined for every other text, which the caller then parses as JSON: white space, escapes, nesting, other
 * types, a field twice.
 */
export function sliceAudioDelta(text: string): AudioDelta | undefined {
  const typeAt = text.indexOf(TYPE)
  if (typeAt < 0 || typeAt > HEAD_LENGTH) return undefined
  if (text.charCodeAt(0) !== OPEN || text.includes("\\")) return undefined
  let responseId: string | undefined
  let itemId: string | undefined
  let payload: string | undefined
  let contentIndex: number | undefined
  let typed = false
  // Without escapes a quote is always the end of a string, so searching for the next one is exact.
  for (let at = 1; ; at++) {
    if (text.charCodeAt(at) !== QUOTE) return undefined
    const keyEnd = text.indexOf('"', at + 1)
    if (keyEnd < 0 || text.charCodeAt(keyEnd + 1) !== COLON) return undefined
    const key = text.slice(at + 1, keyEnd)
    const from = keyEnd + 2
    if (text.charCodeAt(from) === QUOTE) {
      const end = text.indexOf('"', from + 1)
      if (end < 0) return undefined
      const value = text.slice(from + 1, end)
      at = end + 1
      if (key === "type") {
        if (typed || value !== TYPE) return undefined
        typed = true
      } else if (key === "response_id") {
        if (responseId !== undefined) return undefined
        responseId = value
      } else if (key === "item_id") {
        if (itemId !== undefined) return undefined
        itemId = value
      } else if (key === "delta") {
        if (payload !== undefined) return undefined
        payload = value
      } else if (key === "content_index") return undefined
    } else {
      at = afterDigits(text, from)
      // Nine digits are far more than an index ever has.
      if (at === from || at - from > 9) return undefined
      if (key === "content_index") {
        if (contentIndex !== undefined) return undefined
        contentIndex = Number(text.slice(from, at))
      }
    }
    const next = text.charCodeAt(at)
    if (next === COMMA) continue
    if (next !== CLOSE || at !== text.length - 1) return undefined
    break
  }
  if (!typed || responseId === undefined || itemId === undefined) return undefined
  if (payload === undefined || contentIndex === undefined || !BASE64.test(payload)) return undefined
  return { type: "audio", responseId, itemId, contentIndex, payload }
}

function afterDigits(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code >= 48 && code <= 57; code = text.charCodeAt(at)) at++
  return at
}
