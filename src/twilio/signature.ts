/** The `X-Twilio-Signature` header: proof that a webhook or a socket handshake comes from Twilio, unchanged. */

import { timingSafeEqual } from "node:crypto"
import { getExpectedTwilioSignature, validateRequest } from "twilio/lib/webhooks/webhooks"
import type { Form } from "./form.ts"

export type SignedRequest = {
  /** Every auth token that may have signed; more than one during a rotation. Empty ones are passed over. */
  authTokens: readonly string[]
  /** The header as received. */
  signature: string | null | undefined
  /** The public URL that Twilio requested, with its query as received; `wss://` for a socket handshake. */
  url: string
  /** Fields of a form body. */
  form?: Form | undefined
  /** Body of any other type, before parsing. Twilio then puts the hash of it into the URL as `bodySHA256`. */
  rawBody?: string | Uint8Array | undefined
}

/**
 * Whether the request is Twilio's. Never throws. URLs are tried with and without the standard port, those of sockets
 * also with one trailing slash more or less, but never with another scheme. A body that is not a form, or a URL with
 * `bodySHA256`, must match the hash as well. (Twilio: "Webhooks security".)
 */
export function verifySignature({ authTokens, signature, url, form, rawBody }: SignedRequest): boolean {
  if (!signature) return false
  const hashed = rawBody !== undefined || (form === undefined && url.includes("bodySHA256="))
  if (hashed && !bodyMatches(url, rawBody ?? "")) return false
  const fields = hashed ? {} : (form ?? {})
  let valid = false
  for (const token of authTokens) {
    // Anyone can sign with an empty key.
    if (token === "") continue
    for (const candidate of candidates(url)) valid = matches(token, signature, candidate, fields) || valid
  }
  return valid
}

/** The signature that Twilio sends with a request to `url`: 28 characters. A fragment is not signed. */
export function signatureFor({ authToken, url, form = {} }: { authToken: string; url: string; form?: Form }) {
  return getExpectedTwilioSignature(authToken, withoutFragment(url), form)
}

function candidates(url: string): string[] {
  const asWritten = withoutFragment(url)
  if (!/^wss?:/i.test(asWritten)) return [asWritten]
  const [path = "", ...query] = asWritten.split("?")
  const toggled = path.endsWith("/") ? path.slice(0, -1) : `${path}/`
  return [asWritten, [toggled, ...query].join("?")]
}

function matches(authToken: string, signature: string, url: string, form: Form): boolean {
  try {
    return validateRequest(authToken, signature, url, form)
  } catch {
    // Not a URL at all.
    return false
  }
}

function bodyMatches(url: string, body: string | Uint8Array): boolean {
  const expected = URL.parse(url)?.searchParams.get("bodySHA256") ?? ""
  const actual = new Bun.CryptoHasher("sha256").update(body).digest("hex")
  return expected.length === actual.length && timingSafeEqual(Buffer.from(expected), Buffer.from(actual))
}

function withoutFragment(url: string): string {
  return url.split("#", 1)[0] ?? url
}
