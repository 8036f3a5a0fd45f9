/** Dates that callers key in or say, as ISO 8601 dates. Pure. */

import { menuLanguage } from "./phrases.ts"
import { spokenDigits, wordsOf } from "./spoken-words.ts"

type Order = "dmy" | "mdy" | "ymd"

/** Eight digits, or six with a year of two digits. */
export function keyedDate(digits: string, order: Order, now: number): string | undefined {
  const short = digits.length === 6
  if (!short && digits.length !== 8) return undefined
  const lengths = { d: 2, m: 2, y: short ? 2 : 4 }
  let rest = digits
  const found = { d: 0, m: 0, y: 0 }
  for (const part of order.split("")) {
    if (part !== "d" && part !== "m" && part !== "y") continue
    found[part] = Number(rest.slice(0, lengths[part]))
    rest = rest.slice(lengths[part])
  }
  return isoDate(short ? fullYear(found.y, now) : found.y, found.m, found.d)
}

/** A day, a month by name or number, and a year, as recognisers write them: `March 12th, 1985`, `12.03.1985`. */
export function spokenDate(
  text: string,
  { language, order, now }: { language: string; order: Order; now: number },
): string | undefined {
  const said = wordsOf(text)
  const iso = /\b(\d{4})-(\d\d)-(\d\d)\b/.exec(text)
  if (iso) return isoDate(Number(iso[1]), Number(iso[2]), Number(iso[3]))
  const numbers = said.flatMap((word) => {
    const [digits = ""] = /^\d{1,4}/.exec(word) ?? []
    return digits === "" || /^\d{5,}/.test(word) ? [] : [digits]
  })
  const month = monthNamed(said, language)
  if (month !== undefined) {
    const year = numbers.find((digits) => digits.length === 4) ?? numbers[1]
    const day = numbers.find((digits) => digits !== year && digits.length <= 2)
    if (year === undefined || day === undefined) return undefined
    return isoDate(year.length === 4 ? Number(year) : fullYear(Number(year), now), month, Number(day))
  }
  if (numbers.length === 3) {
    const isIso = numbers[0]?.length === 4
    const parts = new Map(
      (isIso ? "ymd" : order).split("").map((part, index) => [part, numbers[index] ?? ""]),
    )
    const [year = "", named = "", day = ""] = ["y", "m", "d"].map((part) => parts.get(part))
    return isoDate(year.length === 4 ? Number(year) : fullYear(Number(year), now), Number(named), Number(day))
  }
  return keyedDate(spokenDigits(text, language), order, now)
}

/** `1985-03-12` in words: `12 March 1985`. */
export function dateInWords(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, {
    timeZone: "UTC",
    day: "numeric",
    month: "long",
    year: "numeric",
  }).format(Date.parse(`${iso}T00:00:00Z`))
}

const MONTHS_KEPT = 50
const monthNames = new Map<string, ReadonlyMap<string, number>>()

function monthNamed(said: readonly string[], tag: string): number | undefined {
  const language = menuLanguage(tag)
  let names = monthNames.get(language)
  if (!names) {
    const found = ["long", "short"].flatMap((style) => {
      const format = new Intl.DateTimeFormat(language, {
        timeZone: "UTC",
        month: style === "long" ? "long" : "short",
      })
      return Array.from({ length: 12 }, (_, month) => {
        const [name = ""] = wordsOf(format.format(Date.UTC(2026, month, 1)))
        return [name, month + 1] as const
      })
    })
    names = new Map(found)
    if (monthNames.size < MONTHS_KEPT) monthNames.set(language, names)
  }
  for (const word of said) {
    const month = names.get(word)
    if (month !== undefined) return month
  }
  return undefined
}

/** Undefined for a day that the calendar does not have. */
function isoDate(year: number, month: number, day: number): string | undefined {
  if (year < 1000 || year > 9999) return undefined
  const date = new Date(Date.UTC(year, month - 1, day))
  const isSame =
    date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return isSame ? date.toISOString().slice(0, 10) : undefined
}

/** Years of two digits: up to ten years from now, else in the past. */
function fullYear(year: number, now: number): number {
  const present = new Date(now).getUTCFullYear()
  const century = Math.floor(present / 100) * 100
  return century + year > present + 10 ? century - 100 + year : century + year
}
