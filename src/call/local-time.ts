/** Date and time as people at one place say it. */

import { z } from "zod"

/** A name of the IANA time zone database. */
export const TimeZone = z.string().refine(isTimeZone, {
  error: "must be a time zone of the IANA database, such as Europe/Berlin",
})

export type LocalTime = { localDate: string; localTime: string; timeZone: string; utcOffset: string }

/**
 * Weekday and date, time of day (24 hours), zone, and what the zone is ahead of UTC at that moment: `Friday, 27 November 2026`,
 * `14:05`, `Europe/Berlin`, `+01:00`. The offset distinguishes the two hours at the end of summer time.
 * `now` is in milliseconds since the epoch; without a zone it is the one of this machine.
 */
export function localTimeOf(now: number, timeZone?: string): LocalTime {
  const { format, zone } = formatOf(timeZone)
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? ""
  return {
    localDate: `${part("weekday")}, ${part("day")} ${part("month")} ${part("year")}`,
    localTime: `${part("hour")}:${part("minute")}`,
    timeZone: zone,
    utcOffset: part("timeZoneName").replace("GMT", "") || "+00:00",
  }
}

type ZoneFormat = { format: Intl.DateTimeFormat; zone: string }

/** By zone: making one takes about a millisecond, which every call would spend. */
const formats = new Map<string | undefined, ZoneFormat>()
const MAX_FORMATS = 100

function formatOf(timeZone: string | undefined): ZoneFormat {
  const known = formats.get(timeZone)
  if (known) return known
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  })
  const made = { format, zone: format.resolvedOptions().timeZone }
  if (formats.size >= MAX_FORMATS) formats.clear()
  formats.set(timeZone, made)
  return made
}

/** Those of the shipped assets: the first look at the table of zones costs tens of milliseconds at the start. */
const SHIPPED_ZONES = new Set(["America/New_York"])

function isTimeZone(name: string): boolean {
  if (SHIPPED_ZONES.has(name)) return true
  // An offset such as +01:00 knows no summer time.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== ""
  } catch {
    return false
  }
}
