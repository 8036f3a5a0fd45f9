import { expect, test } from "bun:test"
import { localTimeOf, TimeZone } from "../../src/call/local-time.ts"

const NOW = Date.UTC(2026, 10, 27, 13, 5)

test.each([
  ["Europe/Berlin", "Friday, 27 November 2026", "14:05", "+01:00"],
  ["America/New_York", "Friday, 27 November 2026", "08:05", "-05:00"],
  ["Asia/Kathmandu", "Friday, 27 November 2026", "18:50", "+05:45"],
  ["Asia/Tokyo", "Friday, 27 November 2026", "22:05", "+09:00"],
  ["Pacific/Auckland", "Saturday, 28 November 2026", "02:05", "+13:00"],
  ["UTC", "Friday, 27 November 2026", "13:05", "+00:00"],
])("in %s", (timeZone, localDate, localTime, utcOffset) => {
  expect(localTimeOf(NOW, timeZone)).toEqual({ localDate, localTime, timeZone, utcOffset })
})

test("the two hours at the end of summer time differ in their offset", () => {
  const at = (time: string) => localTimeOf(Date.parse(time), "Europe/Berlin")
  expect(at("2026-10-25T00:30:00Z")).toMatchObject({ localTime: "02:30", utcOffset: "+02:00" })
  expect(at("2026-10-25T01:30:00Z")).toMatchObject({ localTime: "02:30", utcOffset: "+01:00" })
})

test("midnight is 00:00", () => expect(localTimeOf(Date.UTC(2026, 0, 1), "UTC").localTime).toBe("00:00"))

test.each([
  ["Europe/Berlin", true],
  ["UTC", true],
  ["Europe/Atlantis", false],
  ["+01:00", false],
  ["", false],
])("the zone %p", (name, valid) => expect(TimeZone.safeParse(name).success).toBe(valid))
