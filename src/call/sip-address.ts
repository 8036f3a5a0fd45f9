/**
 * A SIP address in its parts, with nothing in it that sends a call elsewhere than to its host. (RFC 3261, sections 19.1.1
 * and 20.34.) Pure.
 */

export type SipAddress = {
  /** What stands before `@`, without escapes. */
  user: string
  /** In lower case, without port. */
  host: string
}

const ADDRESS =
  /^sips?:(?<user>[^@:;?]+)@(?<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?<parameters>;[^?]*)?(?:\?(?<headers>.*))?$/i
/** Transport and Twilio's own routing; all others name another host, another trunk or another kind of request. */
const PARAMETERS: Readonly<Record<string, RegExp>> = {
  transport: /^(?:udp|tcp|tls)$/i,
  user: /^(?:phone|ip)$/i,
  edge: /^[a-z0-9-]{1,32}$/i,
  region: /^[a-z0-9-]{1,32}$/i,
}
/** Headers that carry data for the receiver: those of its own, and user-to-user information. (Twilio: "TwiML Voice: Sip".) */
const HEADER = /^(?:x-[a-z0-9-]{1,64}|user-to-user)$/i
/** Letters, digits and the marks of a name or number. Control characters and separators are none. */
const USER = /^[\p{L}\p{N}._+!~*'()&=$,/#-]{1,200}$/u

/** Returns why not, where the address is no such address. */
export function parseSipAddress(text: string): SipAddress | { fault: string } {
  const { user: escaped = "", host = "", parameters = "", headers } = ADDRESS.exec(text)?.groups ?? {}
  if (host === "") return { fault: "must have the form sip:name@host" }
  const user = unescaped(escaped)
  if (user === undefined || !USER.test(user)) return { fault: "has a name that is not valid" }
  for (const parameter of parameters.split(";").slice(1)) {
    const [name = "", value = "", ...more] = parameter.split("=")
    const pattern = Object.hasOwn(PARAMETERS, name.toLowerCase()) ? PARAMETERS[name.toLowerCase()] : undefined
    if (!pattern?.test(value) || more.length > 0) {
      const allowed = Object.keys(PARAMETERS).join(", ")
      return { fault: `has the parameter ${name.slice(0, 32)}; allowed are ${allowed}` }
    }
  }
  for (const header of headers?.split("&") ?? []) {
    const [name = "", ...value] = header.split("=")
    const content = unescaped(value.join("="))
    // oxlint-disable-next-line no-control-regex -- line ends would add further headers
    if (!HEADER.test(name) || content === undefined || /[\x00-\x1f\x7f]/.test(content)) {
      return { fault: `has the header ${name.slice(0, 32)}; allowed are X-… and User-to-User` }
    }
  }
  return { user, host: host.toLowerCase().replace(/\.$/, "") }
}

/** `+`, or the prefix of international calls, which the digit for an outside line may precede. */
const INTERNATIONAL = /(?:\+|^[09]?(?:00|011))([1-9]\d{6,14})/
/** What switches a service on, as `*72`, before a number. */
const SERVICE_CODE = /^[*#]+\d{2}[*#]?/

/**
 * The phone numbers that a name may stand for at a gateway, in international form: `+…`, `00…`, `011…`, or digits alone, also
 * after the digit for an outside line or a service code. A short row of digits is an extension. Marks between and after the
 * digits count as none, because gateways pass over them.
 */
export function numbersInSipUser(user: string): { number: string; isCertain: boolean }[] {
  const digits = user
    .normalize("NFKC")
    .replace(SERVICE_CODE, "")
    .replace(/[^\p{L}\d+]/gu, "")
  const [, international] = INTERNATIONAL.exec(digits) ?? []
  if (international !== undefined) return [{ number: `+${international}`, isCertain: true }]
  return /^[1-9]\d{6,14}$/.test(digits) ? [{ number: `+${digits}`, isCertain: false }] : []
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
