/** Which addresses the program, or Twilio on its behalf, may be sent to: public HTTP ones only. */

import { BlockList, isIP } from "node:net"

/** Loopback, private, link-local, shared, documentation and multicast ranges. (IANA special-purpose address registries.) */
const BLOCKED = new BlockList()
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  BLOCKED.addSubnet(net, prefix, "ipv4")
}
for (const [net, prefix] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  BLOCKED.addSubnet(net, prefix, "ipv6")
}

/** Whether an IP address is one that only a machine inside could mean. */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped) return BLOCKED.check(mapped, "ipv4")
  const family = isIP(address)
  if (family === 4) return BLOCKED.check(address, "ipv4")
  if (family === 6) return BLOCKED.check(address, "ipv6") || /^::ffff:/i.test(address)
  return false
}

/** Takes an `http` or `https` URL whose host is neither a private address nor a name that can only be local. */
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
