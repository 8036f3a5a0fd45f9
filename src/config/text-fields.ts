/** Types of values that are written as text, as in environment variables. Their messages never repeat the value. */

import { z } from "zod"
import { isWithheld } from "../lib/withheld.ts"
import { databaseLocation } from "./database-location.ts"
import { isE164, isE164Prefix } from "../lib/e164.ts"

export const anyText = z.string()

/** A list separated by commas; empty entries are dropped. */
export const words = anyText.transform((value) =>
  value
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean),
)

/** A phone number in E.164 form. */
export const e164 = anyText.refine(
  (text) => isE164(text) && !isWithheld(text),
  "must be a number in E.164 form, such as +15550100001",
)

/** The SID of an account at Twilio. (Twilio: "SID prefixes".) */
export const accountSid = anyText.regex(/^AC[0-9a-zA-Z]{32}$/, "must be AC followed by 32 letters or digits")

/** The name of an edge or a region of Twilio. */
export const placeName = anyText.regex(/^[a-z0-9-]+$/, "must be a plain name, such as dublin or ie1")

/** `1` or `0`. */
export const flag = anyText
  .toLowerCase()
  .pipe(z.enum(["1", "true", "0", "false"], "must be 1 or 0"))
  .transform((value) => value === "1" || value === "true")

/** False only when it is exactly `false`. */
export const notFalse = anyText.transform((value) => value !== "false")

export const country = anyText.regex(/^[a-z]{2}$/i, "must be two letters, such as US").toUpperCase()

export const sqliteUrl = anyText.refine(
  (url) => databaseLocation(url).kind !== "server",
  "must be a file: URL, a path or :memory:",
)

/** Origins of web pages, as browsers send them. */
export const origins = words.refine(
  (list) => list.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
  "must be origins, such as https://app.example.com, separated by commas",
)

/** Prefixes of numbers in E.164 form. */
export const prefixes = words.refine(
  (list) => list.every(isE164Prefix),
  "must be prefixes, such as +1,+4930, separated by commas",
)

/** The same, or `*` for every number. */
export const destinations = words.refine(
  (list) => list.every((prefix) => prefix === "*" || isE164Prefix(prefix)),
  "must be prefixes, such as +1,+4930, separated by commas, or *",
)

/** Host names, which stand for their subdomains too. */
export const domains = words
  .transform((list) => list.map((domain) => domain.toLowerCase().replace(/^\*?\./, "")))
  .refine(
    (list) => list.every((domain) => /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(domain)),
    "must be host names, such as pbx.example.com, separated by commas",
  )

/** Names of queues, which may contain blanks, and SIDs of workflows. */
export const queues = words.refine(
  (list) => list.every((name) => /^[\w .-]{1,64}$/.test(name)),
  "must be names of queues or SIDs of workflows, separated by commas",
)

/** One word of a list. */
export function oneOf<const T extends readonly [string, ...string[]]>(...list: T) {
  return z.enum(list, `must be ${list.slice(0, -1).join(", ")} or ${list.at(-1)}`)
}

/** `all`, `off`, or some words of a list. */
export function allOrSome<const T extends readonly [string, ...string[]]>(list: T) {
  return words
    .refine(
      (given) => given.length === 1 || !given.some((word) => /^(?:all|off)$/.test(word)),
      "all and off cannot be combined",
    )
    .transform((given) => (given[0] === "all" ? [...list] : given[0] === "off" ? [] : given))
    .pipe(z.array(z.enum(list, `must be all, off, or a list of ${list.join(", ")}`)))
}

/** A whole number between two limits. */
export const whole = (least: number, most: number) =>
  anyText
    .regex(/^\d{1,15}$/, "must be a whole number, written in digits only")
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be between ${least} and ${most}`)

/** An http address without a trailing slash; its path is kept. */
export const httpUrl = anyText.transform((value, ctx) => {
  const fault = (message: string) => {
    ctx.issues.push({ code: "custom", message, input: value })
    return z.NEVER
  }
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `https://${value}`
  if (!URL.canParse(address)) return fault("must be an address, such as https://voice.example.com")
  const url = new URL(address)
  if (!/^https?:$/.test(url.protocol)) return fault("must begin with https:// or http://")
  if (url.username || url.password || url.search || url.hash)
    return fault("must be without user, query and #")
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`
})

/** An http address as it is, with its query. */
export const hookUrl = anyText.refine(
  (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
  "must be an address that begins with https:// or http://",
)

/** API keys, none twice, each `key` or `key:user_id`, separated by commas. */
export const keyList = words.transform((list, ctx) =>
  list.map((entry, index) => {
    const [key = "", userId] = entry.split(/:(.*)/s)
    const place = `entry ${index + 1}`
    if (key === "" || userId === "") {
      ctx.issues.push({ code: "custom", message: `${place} must be a key or key:user_id`, input: undefined })
    }
    if (list.some((other, at) => at < index && other.split(":")[0] === key)) {
      ctx.issues.push({ code: "custom", message: `${place} repeats a key`, input: undefined })
    }
    return { key, userId: userId ?? null }
  }),
)

/** A path with nothing after it. */
export const apiPath = anyText.regex(/^\/[\w./~-]*$/, "must be a path, such as /api/login")

/** The id of a Google document, or the address that a browser shows. */
export const googleDocId = anyText
  .transform((text) => /\/document\/d\/([^/]+)/.exec(text)?.[1] ?? text)
  .pipe(z.string().regex(/^[A-Za-z0-9_-]{10,128}$/, "must be the id of a Google document, or its address"))
