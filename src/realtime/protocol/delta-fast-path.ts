/** Decodes the most frequent frames, audio and transcript deltas of the model, without parsing the whole frame. */

/** Base64 in the session's output format, which for a phone call is mu-law at 8 kHz: 8 bytes a millisecond. */
export type AudioDelta = {
  type: "audio"
  responseId: string
  itemId: string
  contentIndex: number
  payload: string
}

/** A piece of the transcript of what the model says. */
export type TranscriptDelta = {
  type: "transcript-delta"
  responseId: string
  itemId: string
  contentIndex: number
  delta: string
}

const AUDIO = "response.output_audio.delta"
const TRANSCRIPT = "response.output_audio_transcript.delta"
/** Common prefix of both types. */
const TYPES = "response.output_audio"
const HEAD_LENGTH = 120
/** The payload is copied into a frame for Twilio, so it must not contain anything else. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
/** JSON does not allow some of them unescaped. */
const CONTROL = /\p{Cc}/u
const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN = 123
const CLOSE = 125

/**
 * Decodes a `response.output_audio.delta` or `response.output_audio_transcript.delta` that is a flat object of strings
 * without escapes and of whole numbers, in any order. Undefined for every other text, which must be parsed as JSON: white
 * space between fields, escapes, nesting, other types, duplicate fields.
 */
export function sliceDelta(text: string): AudioDelta | TranscriptDelta | undefined {
  const typeAt = text.indexOf(TYPES)
  if (typeAt < 0 || typeAt > HEAD_LENGTH) return undefined
  if (text.charCodeAt(0) !== OPEN || text.includes("\\")) return undefined
  let responseId: string | undefined
  let itemId: string | undefined
  let delta: string | undefined
  let contentIndex: number | undefined
  let type: string | undefined
  // Without escapes the next quote is always the end of the string.
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
        if (type !== undefined || (value !== AUDIO && value !== TRANSCRIPT)) return undefined
        type = value
      } else if (key === "response_id") {
        if (responseId !== undefined) return undefined
        responseId = value
      } else if (key === "item_id") {
        if (itemId !== undefined) return undefined
        itemId = value
      } else if (key === "delta") {
        if (delta !== undefined) return undefined
        delta = value
      } else if (key === "content_index") return undefined
    } else {
      at = afterDigits(text, from)
      // An index never has more than nine digits.
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
  if (type === undefined || !responseId || !itemId) return undefined
  if (delta === undefined || contentIndex === undefined) return undefined
  if (type === TRANSCRIPT) {
    return CONTROL.test(delta)
      ? undefined
      : { type: "transcript-delta", responseId, itemId, contentIndex, delta }
  }
  return BASE64.test(delta) ? { type: "audio", responseId, itemId, contentIndex, payload: delta } : undefined
}

function afterDigits(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code >= 48 && code <= 57; code = text.charCodeAt(at)) at++
  return at
}
