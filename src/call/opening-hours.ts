/** Weekly opening hours and holidays at one place: whether it is open at a moment. Pure. */

import { z } from "zod"

/** From Monday, as in a calendar. */
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const
const DAY_MINUTES = 24 * 60
const DAY_MS = DAY_MINUTES * 60_000

/** Minutes since midnight; `to` may be past midnight of the next day. */
type OpenRange = { day: number; from: number; to: number }
type CalendarDate = { year: number; month: number; day: number }

const dayRange = z.string().regex(/^(?:mon|tue|wed|thu|fri|sat|sun)(?:-(?:mon|tue|wed|thu|fri|sat|sun))?$/, {
  error: "must be a day or a range of days, such as mon, sat or mon-fri",
})
const timeRange = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, {
  error: "must be a range of times, such as 09:00-17:30; the end may be past midnight",
})

/** Times by days: `{ "mon-fri": ["09:00-12:30", "13:30-17:00"], "sat": "10:00-14:00" }`. */
export const OpeningHours = z
  .record(dayRange, z.union([timeRange.transform((range) => [range]), z.array(timeRange).max(10)]))
  .transform((given) =>
    Object.entries(given).flatMap(([days, times]) =>
      daysOf(days).flatMap((day) => times.map((range): OpenRange => ({ day, ...minutesOf(range) }))),
    ),
  )
export type OpeningHours = z.output<typeof OpeningHours>

const WEEKS = ["1st", "2nd", "3rd", "4th", "last"] as const
const WEEKDAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
const MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december".split(
  "|",
)
const NTH = new RegExp(`^(1st|2nd|3rd|4th|last) (${WEEKDAY}) of (${MONTHS.join("|")})$`)
const EASTER = /^easter(?:([+-])(\d{1,3}))?$/
const YEARLY = /^(\d\d)-(\d\d)$/
const ONCE = /^(\d{4})-(\d\d)-(\d\d)$/

/**
 * A day without opening hours: `2026-12-24` once, `12-25` each year, `easter-2` two days before Easter Sunday (Western
 * date), `last monday of may`.
 */
export const Holiday = z
  .string()
  .refine((rule) => [ONCE, YEARLY, EASTER, NTH].some((form) => form.test(rule)) && isPossible(rule), {
    error: "must be a date such as 2026-12-24 or 12-25, easter-2, easter+1, or 3rd monday of january",
  })

/** `now` in milliseconds since the epoch; without a zone it is the one of this machine. */
export function openingAt({
  hours,
  holidays,
  timeZone,
  now,
}: {
  hours: OpeningHours
  holidays: readonly string[]
  timeZone: string | undefined
  now: number
}): "open" | "closed" | "holiday" {
  const { minutes, ...date } = wallClock(now, timeZone)
  const yesterday = addDays(date, -1)
  const isHoliday = (on: CalendarDate) => holidays.some((rule) => isOn(rule, on))
  const late = hours.some(
    ({ day, to }) => day === weekdayOf(yesterday) && minutes < to - DAY_MINUTES && !isHoliday(yesterday),
  )
  if (late) return "open"
  if (isHoliday(date)) return "holiday"
  const isOpen = hours.some(({ day, from, to }) => day === weekdayOf(date) && minutes >= from && minutes < to)
  return isOpen ? "open" : "closed"
}

/** The day on the calendar at one place, as `2026-11-27`; without a zone it is the one of this machine. */
export function isoDateAt(now: number, timeZone: string | undefined): string {
  const { year, month, day } = wallClock(now, timeZone)
  return new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10)
}

/** Creating one takes longer than all the rest; there are as many as menus name zones. */
const formats = new Map<string, Intl.DateTimeFormat>()
const MAX_FORMATS = 100

function wallClock(now: number, timeZone: string | undefined): CalendarDate & { minutes: number } {
  let format = formats.get(timeZone ?? "")
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    })
    if (formats.size >= MAX_FORMATS) formats.clear()
    formats.set(timeZone ?? "", format)
  }
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, Number(value)]))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0
  return {
    year: part("year"),
    month: part("month"),
    day: part("day"),
    minutes: part("hour") * 60 + part("minute"),
  }
}

function isOn(rule: string, date: CalendarDate): boolean {
  const { year, month, day } = date
  const once = ONCE.exec(rule)
  if (once) return Number(once[1]) === year && Number(once[2]) === month && Number(once[3]) === day
  const yearly = YEARLY.exec(rule)
  if (yearly) return Number(yearly[1]) === month && Number(yearly[2]) === day
  const easter = EASTER.exec(rule)
  if (easter) {
    const offset = Number(easter[2] ?? 0) * (easter[1] === "-" ? -1 : 1)
    return isSame(addDays(easterSunday(year), offset), date)
  }
  const [, week = "", weekday = "", ofMonth = ""] = NTH.exec(rule) ?? []
  if (MONTHS.indexOf(ofMonth) + 1 !== month) return false
  if (WEEKDAY.split("|").indexOf(weekday) !== weekdayOf(date)) return false
  if (week === "last") return addDays(date, 7).month !== month
  return Math.ceil(day / 7) === WEEKS.findIndex((name) => name === week) + 1
}

/** Gregorian. (Anonymous algorithm, Nature, 20 April 1876; in Meeus, "Astronomical Algorithms", chapter 8.) */
function easterSunday(year: number): CalendarDate {
  const [a, b, c] = [year % 19, Math.floor(year / 100), year % 100]
  const e = b % 4
  const g = Math.floor((8 * b + 13) / 25)
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30
  const l = (32 + 2 * e + 2 * Math.floor(c / 4) - h - (c % 4)) % 7
  const m = Math.floor((a + 11 * h + 22 * l) / 451)
  const n = h + l - 7 * m + 114
  return { year, month: Math.floor(n / 31), day: (n % 31) + 1 }
}

function isPossible(rule: string): boolean {
  const [, year = "2024", month, day] = ONCE.exec(rule) ?? [undefined, ...splitYearly(rule)]
  if (month === undefined || day === undefined) return true
  const date = { year: Number(year), month: Number(month), day: Number(day) }
  return isSame(addDays(date, 0), date)
}

/** A yearly date is tried in a leap year. */
function splitYearly(rule: string): (string | undefined)[] {
  const [, month, day] = YEARLY.exec(rule) ?? []
  return ["2024", month, day]
}

function addDays({ year, month, day }: CalendarDate, days: number): CalendarDate {
  const date = new Date(Date.UTC(year, month - 1, day) + days * DAY_MS)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

function isSame(a: CalendarDate, b: CalendarDate): boolean {
  return a.year === b.year && a.month === b.month && a.day === b.day
}

/** 0 for Monday. */
function weekdayOf({ year, month, day }: CalendarDate): number {
  return (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7
}

function daysOf(range: string): number[] {
  const [first = 0, last = first] = range.split("-").map((day) => DAYS.findIndex((name) => name === day))
  const count = ((last - first + 7) % 7) + 1
  return Array.from({ length: count }, (_, index) => (first + index) % 7)
}

function minutesOf(range: string): { from: number; to: number } {
  const [from = 0, to = 0] = range.split("-").map((time) => {
    const [hours = 0, minutes = 0] = time.split(":").map(Number)
    return hours * 60 + minutes
  })
  return { from, to: to <= from ? to + DAY_MINUTES : to }
}
