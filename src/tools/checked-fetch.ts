/** `fetch` for addresses that the operator configured: connects to exactly the address that was checked. */

import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import { AppError, messageOf } from "../lib/errors.ts"
import { isLoopbackAddress, isPrivateAddress } from "./public-url.ts"

/** The IP addresses of a host name. Throws when the name cannot be resolved. */
export type ResolveHost = (host: string) => Promise<readonly string[]>

export type CheckedFetchOptions = {
  /** Whether hosts in private networks may be reached. This machine and public hosts always may. */
  allowPrivate: boolean
  resolve?: ResolveHost
}

export type CheckedFetch = (url: string, init: RequestInit) => Promise<Response>

const systemResolve: ResolveHost = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address)

/**
 * Resolves the host once, checks every address of it, and connects to one of those: a second DNS answer cannot lead
 * the request elsewhere. Redirects are not followed and bodies are not decompressed, so a small body stays small.
 * Throws `AppError` INVALID_REQUEST for an address that may not be reached, an `Error` for a host name that cannot be
 * resolved, and what `fetch` throws.
 */
export function checkedFetch({ allowPrivate, resolve = systemResolve }: CheckedFetchOptions): CheckedFetch {
  return async function fetchChecked(text, init) {
    const url = parseHttpUrl(text)
    const [address] = await allowedAddresses(url, { allowPrivate, resolve })
    const host = bareHost(url)
    const headers = new Headers(init.headers)
    headers.set("accept-encoding", "identity")
    headers.set("host", url.host)
    const pinned = new URL(url)
    pinned.hostname = address.includes(":") ? `[${address}]` : address
    const response = await fetch(pinned, {
      ...init,
      headers,
      redirect: "manual",
      decompress: false,
      // A kept connection is found again by its IP address, which several hosts may share.
      keepalive: false,
      ...(url.protocol === "https:" && !isIP(host) ? { tls: { serverName: host } } : {}),
    })
    const encoding = response.headers.get("content-encoding") ?? "identity"
    if (encoding.toLowerCase() === "identity") return response
    await response.body?.cancel()
    throw new Error(`the response is compressed (${encoding}), although identity was requested`)
  }
}

/** Throws `AppError` INVALID_REQUEST for anything but an `http` or `https` URL. */
function parseHttpUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url) throw new AppError("INVALID_REQUEST", "The address is not a valid URL.")
  if (url.protocol === "https:" || url.protocol === "http:") return url
  throw new AppError("INVALID_REQUEST", "The address must begin with https:// or http://.")
}

async function allowedAddresses(
  url: URL,
  { allowPrivate, resolve }: Required<CheckedFetchOptions>,
): Promise<[string, ...string[]]> {
  const host = bareHost(url)
  const [first, ...rest] = isIP(host) ? [host] : await resolved(host, resolve)
  if (first === undefined) throw unresolved(host)
  // This machine only by its own names: a public name that resolves to it was set up by someone else.
  const isThisMachine = host === "localhost" || isIP(host) !== 0
  const isAllowed = (address: string) =>
    allowPrivate || (isThisMachine && isLoopbackAddress(address)) || !isPrivateAddress(address)
  if ([first, ...rest].every(isAllowed)) return [first, ...rest]
  throw new AppError("INVALID_REQUEST", "The address leads into a private network, which is not allowed.")
}

async function resolved(host: string, resolve: ResolveHost): Promise<readonly string[]> {
  try {
    return await resolve(host)
  } catch (error) {
    throw unresolved(host, messageOf(error))
  }
}

function unresolved(host: string, why = "no address"): Error {
  return new Error(`the host name ${host} cannot be resolved: ${why}`)
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "")
}
