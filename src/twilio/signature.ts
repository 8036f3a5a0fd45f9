/** The `X-Twilio-Signature` header: proof that a webhook or a socket handshake comes from Twilio, unchanged. */

import { createHmac, timingSafeEqual } from "node:crypto"
import { parse, stringify } from "node:querystring"
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks"
import type { Form } from "./form.ts"

export const SIGNATURE_HEADER = "x-twilio-signature"
/**
 * Sent where a Webhook Rule of the account signs with a shared key: `key=<SID>,algorithm=HMAC_SHA256`. (Twilio: "Sign
 * webhooks with shared keys".)
 */
export const SIGNATURE_SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"

export type SigningKeys = {
  /** Every auth token that may have signed; more than one during a rotation. Empty ones are passed over. */
  authTokens: readonly string[]
  /** Secrets of the account's shared keys. */
  sharedKeys?: readonly string[]
}

export type SignedRequest = SigningKeys & {
  /** The header as received. */
  signature: string | null | undefined
  /** The header `X-Twilio-Webhooks-Signature-Settings` as received: with it only a shared key may have signed. */
  settings?: string | null | undefined
  /** The public URL that Twilio requested, with its query as received; `wss://` for a socket handshake. */
  url: string
  /** Fields of a form body. */
  form?: Form | undefined
  /** Body of any other type, before parsing. Twilio then puts the hash of it into the URL as `bodySHA256`. */
  rawBody?: string | Uint8Array | undefined
}

type Algorithm = "sha1" | "sha256"

/** Base64 with padding of 20 bytes (HMAC-SHA1) or 32 bytes (HMAC-SHA256). */
const WELL_FORMED = /^(?:[A-Za-z0-9+/]{27}=|[A-Za-z0-9+/]{43}=)$/

/** Whether the header can be a signature at all. Costs nothing: asked before a body is read. */
export function isWellFormed(signature: string | null | undefined): signature is string {
  return typeof signature === "string" && signature.length <= 44 && WELL_FORMED.test(signature)
}

/**
 * Whether the request is Twilio's. Never throws. URLs are tried with and without the standard port, those of sockets
 * also with one trailing slash more or less, but never with another scheme. A body that is not a form, or a URL with
 * `bodySHA256`, must match the hash as well. The fields are sorted and joined once. (Twilio: "Webhooks security".)
 */
export function verifySignature(request: SignedRequest): boolean {
  const { signature, settings, url, form, rawBody } = request
  if (!isWellFormed(signature)) return false
  const signing = signingOf(settings)
  if (!signing) return false
  const keys = (signing.shared ? (request.sharedKeys ?? []) : request.authTokens).filter(
    // Anyone can sign with an empty key.
    (key) => key !== "",
  )
  if (keys.length === 0) return false
  const hashed = rawBody !== undefined || (form === undefined && url.includes("bodySHA256="))
  if (hashed && !bodyMatches(url, rawBody ?? "")) return false
  const fields = Buffer.from(hashed ? "" : joinedFields(form ?? {}))
  const given = Buffer.from(signature)
  const urls = candidates(url)
  return keys.some((key) =>
    urls.some((candidate) => {
      const expected = createHmac(signing.algorithm, key).update(candidate).update(fields).digest("base64")
      return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected))
    }),
  )
}

/** The signature that Twilio sends with a request to `url`: 28 characters. A fragment is not signed. */
export function signatureFor({ authToken, url, form = {} }: { authToken: string; url: string; form?: Form }) {
  return getExpectedTwilioSignature(authToken, withoutFragment(url), form)
}

/** Who signed, by the settings header; undefined for an algorithm that is not known. */
function signingOf(
  settings: string | null | undefined,
): { shared: boolean; algorithm: Algorithm } | undefined {
  if (settings === null || settings === undefined || settings === "")
    return { shared: false, algorithm: "sha1" }
  const algorithm = /(?:^|,)\s*algorithm\s*=\s*HMAC[_-]SHA(1|256)\s*(?:,|$)/i.exec(
    settings.slice(0, 500),
  )?.[1]
  if (algorithm === undefined) return undefined
  return { shared: true, algorithm: algorithm === "1" ? "sha1" : "sha256" }
}

/** Names and values in the order of the names' code units, with nothing in between. */
function joinedFields(form: Form): string {
  return Object.keys(form)
    .toSorted()
    .map((name) => {
      const value = form[name] ?? ""
      if (typeof value === "string") return name + value
      return [...new Set(value)]
        .toSorted()
        .map((one) => name + one)
        .join("")
    })
    .join("")
}

/** The strings that may have been signed for `url`, the likely one first. */
function candidates(url: string): string[] {
  const asWritten = withoutFragment(url)
  const slashed = /^wss?:/i.test(asWritten) ? [asWritten, toggleSlash(asWritten)] : [asWritten]
  const found = slashed.flatMap((candidate) => {
    const ports = withAndWithoutPort(candidate)
    const normalised = URL.parse(candidate)?.href
    // Some of Twilio's back ends sign an escaped form of the URL or of its query.
    const escaped = normalised === undefined ? [] : withAndWithoutPort(normalised)
    return [...ports, ...escaped, ...escaped.map(withLegacyQuery)]
  })
  return [...new Set(found)]
}

function toggleSlash(url: string): string {
  const [path = "", ...query] = url.split("?")
  return [path.endsWith("/") ? path.slice(0, -1) : `${path}/`, ...query].join("?")
}

/** Voice callbacks over HTTPS are signed without the port, others with it. (Twilio: "Webhooks security".) */
function withAndWithoutPort(url: string): string[] {
  const [, scheme = "", authority = "", rest = ""] =
    /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)(.*)$/is.exec(url) ?? []
  if (scheme === "") return []
  const hostAndPort = authority.slice(authority.lastIndexOf("@") + 1)
  const [, host = hostAndPort, port] = /^(.*?)(:\d*)$/.exec(hostAndPort) ?? []
  const standard = scheme.toLowerCase() === "https://" ? ":443" : ":80"
  return [scheme + host + rest, scheme + host + (port ?? standard) + rest]
}

function withLegacyQuery(url: string): string {
  const at = url.indexOf("?")
  return at === -1 ? url : `${url.slice(0, at)}?${stringify(parse(url.slice(at + 1)))}`
}

function bodyMatches(url: string, body: string | Uint8Array): boolean {
  const expected = URL.parse(url)?.searchParams.get("bodySHA256") ?? ""
  if (!/^[0-9a-f]{64}$/.test(expected)) return false
  const actual = new Bun.CryptoHasher("sha256").update(body).digest("hex")
  return timingSafeEqual(Buffer.from(expected), Buffer.from(actual))
}

function withoutFragment(url: string): string {
  return url.split("#", 1)[0] ?? url
}
