/** Removes what must not appear in a log, found by its form: phone numbers, keys, tokens, addresses. Pure. */

import { CREDIT_CARD_NUMBER_PATTERN, EMAIL_ADDRESS_PATTERN, JWT_PATTERN } from "@logtape/redaction"

export const REDACTED = "[redacted]"

type Pattern = { readonly pattern: RegExp; readonly replacement: string | ((match: string) => string) }

const PATTERNS: readonly Pattern[] = [
  JWT_PATTERN,
  { pattern: /\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}/g, replacement: REDACTED },
  { pattern: /\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, replacement: REDACTED },
  // User and password in an address.
  { pattern: /(?<=:\/\/)[^\s/@"]+(?=@)/g, replacement: REDACTED },
  // The one-time token in the path of a socket.
  { pattern: /(?<=\/(?:relay|media)\/)[A-Za-z0-9_-]{20,}/g, replacement: REDACTED },
  // An auth token is 32 hex digits; a SID is two capitals and 32 hex digits, and stays. (Twilio: "SID prefixes".)
  { pattern: /(?<![0-9a-f])(?<!(?<![0-9A-Za-z])[A-Z]{2})[0-9a-f]{32}(?![0-9a-f])/g, replacement: REDACTED },
  EMAIL_ADDRESS_PATTERN,
  { pattern: /(?:\+|%2[Bb])[1-9](?:[ ().-]{0,2}\d){6,14}(?!\d)/g, replacement: maskNumber },
  // A number without its plus, unless it is part of an id.
  { pattern: /(?<![\w.+*-])[1-9]\d{9,14}(?![\w*-])/g, replacement: maskNumber },
  CREDIT_CARD_NUMBER_PATTERN,
]

/** The patterns, given values first. Values under 8 characters are ignored: they occur by chance. */
export function redactionPatterns(secrets: readonly string[] = []): readonly Pattern[] {
  const known = secrets
    .filter((secret) => secret.length >= 8)
    .map((secret) => ({ pattern: new RegExp(RegExp.escape(secret), "g"), replacement: REDACTED }))
  return [...known, ...PATTERNS]
}

/** The text without what must not be logged. */
export function redactText(text: string, patterns: readonly Pattern[] = PATTERNS): string {
  let clean = text
  for (const { pattern, replacement } of patterns) {
    clean =
      typeof replacement === "string"
        ? clean.replace(pattern, replacement)
        : clean.replace(pattern, replacement)
  }
  return clean
}

/** A phone number that stays recognisable but cannot be called: `+1555***0001`. At least three digits are hidden. */
export function maskNumber(number: string): string {
  const digits = number.replace(/^%2[Bb]/, "").replace(/\D/g, "")
  const plus = /^(?:\+|%2[Bb])/.test(number) ? "+" : ""
  if (digits.length >= 11) return `${plus}${digits.slice(0, 4)}***${digits.slice(-4)}`
  return `${plus}${digits.slice(0, 3)}***${digits.slice(-2)}`
}
