/** Identifiers: ours and Twilio's. */

import { createHash } from "node:crypto"
import { z } from "zod"

/** Twilio's name of a call: `CA` and 32 letters or digits. (Twilio: "SID prefixes".) */
export const CallSid = z
  .string()
  .regex(/^CA[0-9a-zA-Z]{32}$/, "must be CA followed by 32 letters or digits")
  .brand<"CallSid">()
export type CallSid = z.infer<typeof CallSid>

/** Our own name of a call, known before Twilio has given it a SID. */
export const CallId = z.uuid().brand<"CallId">()
export type CallId = z.infer<typeof CallId>

/** A new call id; ids made later sort later. */
export function newCallId(): CallId {
  return CallId.parse(Bun.randomUUIDv7())
}

/** An unguessable token for one socket: 256 bits, safe in a URL path. */
export function newSocketToken(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")
}

/** Makes an address differ from every other one: equal requests to it would get one signature, and a signature counts once. */
export function nonce(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(9))).toString("base64url")
}

/** Binds an address to the socket token that was given out with it. The token cannot be derived from it. */
export function connectionMark(token: string): string {
  return createHash("sha256").update(token).digest("base64url").slice(0, 16)
}

/** Name of the `<Parameter>` that carries a socket's token where the address of the socket is fixed. */
export const TOKEN_PARAMETER = "parleyToken"
