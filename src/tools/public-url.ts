/** Checks that an address is public HTTP, for requests of this program and of Twilio on its behalf. */

import ipaddr from "ipaddr.js"

/** The part of IPv6 that is assigned for public use. (IANA IPv6 address space registry.) */
const PUBLIC_6 = ipaddr.IPv6.parseCIDR("2000::/3")

/**
 * Whether an IP address is anything but a public one: private, loopback, link-local, shared (CGNAT), multicast, reserved,
 * or an IPv6 form that stands for an IPv4 address. (IANA special-purpose address registries.) An IPv4-mapped address
 * counts as the IPv4 address in it. False for what is no IP address.
 */
export function isPrivateAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== "unicast") return true
  return parsed instanceof ipaddr.IPv6 && !parsed.match(PUBLIC_6)
}

/** Accepts an `http` or `https` URL whose host is neither a private address nor a local name. */
export function publicHttpUrl(text: string): { ok: true } | { ok: false; message: string } {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return { ok: false, message: "The address is not a valid URL." }
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return { ok: false, message: "The address must begin with https:// or http://." }
  }
  if (url.username || url.password)
    return { ok: false, message: "The address must not carry a user name or password." }
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "")
  const local = /(^|\.)(localhost|local|internal|lan|home\.arpa)$/i.test(host)
  if (local || isPrivateAddress(host) || (!host.includes(".") && !host.includes(":"))) {
    return { ok: false, message: "The address leads into a private network, which is not allowed." }
  }
  return { ok: true }
}

/** Whether an IP address belongs to this machine itself. */
export function isLoopbackAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "loopback"
}
