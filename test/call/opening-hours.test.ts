import { describe, expect, test } from "bun:test"
import { Holiday, openingAt, OpeningHours } from "../../src/call/opening-hours.ts"

const BERLIN = "Europe/Berlin"
const hours = (given: object) => OpeningHours.parse(given)
const at = (iso: string, given: object, holidays: string[] = [], timeZone = BERLIN) =>
  openingAt({ hours: hours(given), holidays, timeZone, now: Date.parse(iso) })

const WEEK = { "mon-fri": ["09:00-12:30", "13:30-17:00"], sat: "10:00-14:00" }

test.each([
  ["2026-11-27T09:00:00+01:00", "open"],
  ["2026-11-27T08:59:59+01:00", "closed"],
  ["2026-11-27T12:30:00+01:00", "closed"],
  ["2026-11-27T13:30:00+01:00", "open"],
  ["2026-11-27T17:00:00+01:00", "closed"],
  ["2026-11-28T13:59:00+01:00", "open"],
  ["2026-11-29T12:00:00+01:00", "closed"],
  // The day of the caller's place, not that of the server.
  ["2026-11-29T23:30:00Z", "closed"],
])("at %s it is %s", (iso, expected) => {
  expect(at(iso, WEEK)).toBe(expected as "open")
})

test("hours are those of the clock on the wall, in winter and in summer", () => {
  expect([at("2026-03-27T08:00:00Z", WEEK), at("2026-03-30T07:00:00Z", WEEK)]).toEqual(["open", "open"])
  expect([at("2026-03-27T07:59:00Z", WEEK), at("2026-03-30T06:59:00Z", WEEK)]).toEqual(["closed", "closed"])
})

test("a range past midnight belongs to the day on which it begins", () => {
  const night = { "fri-sat": "22:00-02:00", sun: "20:00-24:00" }
  expect([
    at("2026-11-27T23:00:00+01:00", night),
    at("2026-11-28T01:59:00+01:00", night),
    at("2026-11-28T02:00:00+01:00", night),
    at("2026-11-29T01:00:00+01:00", night),
    at("2026-11-29T23:59:00+01:00", night),
    at("2026-11-30T00:00:00+01:00", night),
  ]).toEqual(["open", "open", "closed", "open", "open", "closed"])
  expect(at("2026-11-28T01:00:00+01:00", night, ["11-27"])).toBe("closed")
})

test("a range of days may pass the end of the week", () => {
  expect(at("2026-11-29T12:00:00+01:00", { "sat-mon": "09:00-17:00" })).toBe("open")
  expect(at("2026-12-01T12:00:00+01:00", { "sat-mon": "09:00-17:00" })).toBe("closed")
})

describe("holidays", () => {
  test.each([
    ["2026-12-24", "2026-12-24", true],
    ["2026-12-24", "2027-12-24", false],
    ["12-25", "2027-12-25", true],
    ["02-29", "2028-02-29", true],
    // Easter Sunday: 2026-04-05, 2027-03-28, 2038-04-25.
    ["easter", "2026-04-05", true],
    ["easter-2", "2026-04-03", true],
    ["easter+1", "2027-03-29", true],
    ["easter+39", "2026-05-14", true],
    ["easter", "2038-04-25", true],
    ["4th thursday of november", "2026-11-26", true],
    ["4th thursday of november", "2026-11-19", false],
    ["last monday of may", "2026-05-25", true],
    ["last monday of may", "2026-05-18", false],
    ["1st monday of september", "2026-09-07", true],
  ])("%s: %s is one: %p", (rule, day, expected) => {
    const always = { "mon-sun": "00:00-24:00" }
    expect(at(`${day}T12:00:00+01:00`, always, [rule])).toBe(expected ? "holiday" : "open")
  })

  test.each(["13-01", "02-30", "2026-02-29", "easter+", "5th monday of may", "christmas"])(
    "%s is none",
    (rule) => {
      expect(Holiday.safeParse(rule).success).toBe(false)
    },
  )
})

test.each([{ "mon-fri": "9-17" }, { monday: "09:00-17:00" }, { mon: "24:00-25:00" }])(
  "%j are no hours",
  (given) => {
    expect(OpeningHours.safeParse(given).success).toBe(false)
  },
)
