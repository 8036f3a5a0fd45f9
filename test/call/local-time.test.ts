import { expect, test } from "bun:test"
import { localTimeOf, TimeZone } from "../../src/call/local-time.ts"

const NOW = Date.UTC(2026, 10, 27, 13, 5)

test.each([
  ["Europe/Berlin", "Friday, 27 November 2026", "14:05"],
  ["America/New_York", "Friday, 27 November 2026", "08:05"],
  ["Asia/Tokyo", "Friday, 27 November 2026", "22:05"],
  ["Pacific/Auckland", "Saturday, 28 November 2026", "02:05"],
  ["UTC", "Friday, 27 November 2026", "13:05"],
])("in %s", (timeZone, localDate, localTime) => {
  expect(localTimeOf(NOW, timeZone)).toEqual({ localDate, localTime, timeZone })
})

test("midnight is 00:00", () => expect(localTimeOf(Date.UTC(2026, 0, 1), "UTC").localTime).toBe("00:00"))

test.each([
  ["Europe/Berlin", true],
  ["UTC", true],
  ["Europe/Atlantis", false],
  ["+01:00", false],
  ["", false],
])("the zone %p", (name, valid) => expect(TimeZone.safeParse(name).success).toBe(valid))
