/** Which addresses the program, or Twilio on its behalf, may be sent to: public HTTP ones only. */

import { BlockList, isIP } from "node:net"

/** Everything that is not meant for the public. (IANA special-purpose address registries.) */
const BLOCKED_4 = blockList("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
])
/** Only 2000::/3 is public, without what stands for other addresses or for nothing. */
const BLOCKED_6 = blockList("ipv6", [
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
])

/** Whether an IP address is one that only a machine inside could mean. */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  switch (isIP(mapped ?? address)) {
    case 4:
      return BLOCKED_4.check(mapped ?? address, "ipv4")
    case 6:
      return BLOCKED_6.check(address, "ipv6")
    default:
      return false
  }
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

/** Whether an IP address is one of this machine's own. */
export function isLoopbackAddress(address: string): boolean {
  return /^127\.|^::1$|^::ffff:127\./i.test(address)
}

// One list for both families would take each IPv4 address for its IPv6 form too.
function blockList(family: "ipv4" | "ipv6", subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family)
  return list
}
