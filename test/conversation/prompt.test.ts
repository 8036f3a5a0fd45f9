/** What a model reads before the first word. */

import { expect, test } from "bun:test"
import type { Agent } from "../../src/assets/agent.ts"
import { fillPlaceholders } from "../../src/call/placeholders.ts"
import { promptFor } from "../../src/conversation/prompt.ts"
import { sampleAgent, sampleCall } from "../relay/fixture.ts"

const agent: Agent = sampleAgent({
  context: { key: "c", version: "v1", text: "Serve {firstname}, not {unknown}.\n" },
})

test("role first, then the call, its facts without empty ones, and the parameters", () => {
  const call = sampleCall({ from: "+15550100001", createdAt: 0 })
  const brief = promptFor({
    agent: { ...agent, timeZone: "UTC" },
    now: 60_000,
    call,
    parameters: { firstname: "Ann" },
    facts: { callerName: "", forwardedFrom: null, callType: "PSTN" },
  })
  const [role, , , facts = ""] = brief.instructions.split("\n\n")
  expect(role).toBe("Serve Ann, not {unknown}.")
  expect(JSON.parse(facts)).toEqual({
    callSid: call.sid,
    direction: "inbound",
    from: "+15550100001",
    to: "+15550100002",
    startedAt: "1970-01-01T00:00:00.000Z",
    localDate: "Thursday, 1 January 1970",
    localTime: "00:01",
    timeZone: "UTC",
    utcOffset: "+00:00",
    callType: "PSTN",
    parameters: { firstname: "Ann" },
  })
  expect(brief.cacheKey).toBe("default-v1-m1")
})

test("instructions given with the call take the place of the role", () => {
  const { instructions } = promptFor({
    agent,
    call: sampleCall({ prompt: "Ask {firstname}." }),
    parameters: { firstname: "Ann" },
    now: 0,
  })
  expect(instructions).toStartWith("Ask Ann.\n\n# This call")
})

test("callers who withhold their number are named as that, and share no hash", () => {
  const of = (createdAt: number) =>
    promptFor({ agent, call: sampleCall({ from: "+266696687", createdAt }), parameters: {}, now: 0 })
  expect(of(1).facts?.["from"]).toBe("withheld")
  expect(of(1).safetyId).not.toBe(of(2).safetyId)
})

test("the other party is named by a hash, the same in both directions", () => {
  const inbound = promptFor({ agent, call: sampleCall({ from: "+15550100009" }), parameters: {}, now: 0 })
  const outbound = promptFor({
    agent,
    call: sampleCall({ direction: "outbound", from: "+15550100002", to: "+15550100009" }),
    parameters: {},
    now: 0,
  })
  expect(inbound.safetyId).toMatch(/^[0-9a-f]{32}$/)
  expect(outbound.safetyId).toBe(inbound.safetyId)
})

test.each([
  ["a known name", "Hi {name}", "Hi Ann"],
  ["an unknown one stays", "Hi {other}", "Hi {other}"],
  ["what every object has is no parameter", "{constructor} {toString}", "{constructor} {toString}"],
  ["values are not filled again", "{loop}", "{name}"],
  ["replacement patterns are plain text", "{money}", "$& $1"],
  ["two braces, as other products write it", "Hi {{name}}, {{ name }}", "Hi Ann, Ann"],
  ["an unknown one in two braces stays", "Hi {{other}}", "Hi {{other}}"],
  ["a default is not needed", "Hi {name|there} {{name|there}}", "Hi Ann Ann"],
  ["a default for an unknown one", "Hi {other|there} {{other|my friend}}", "Hi there my friend"],
  ["a default for an empty one", "Hi {empty|there}, {empty}", "Hi there, "],
  ["an empty default", "Hi{other|}!", "Hi!"],
  ["braces of one kind only", "{{name} {name}}", "{Ann Ann}"],
  ["JSON is left alone", '{"name": 1}', '{"name": 1}'],
])("placeholders: %s", (_, text, expected) => {
  expect(fillPlaceholders(text, { name: "Ann", loop: "{name}", empty: "", money: "$& $1" })).toBe(expected)
})

test.each([
  ["winter", "Europe/Berlin", "2026-11-27T23:05:00Z", "Saturday, 28 November 2026", "00:05"],
  ["summer time", "Europe/Berlin", "2026-07-01T12:00:00Z", "Wednesday, 1 July 2026", "14:00"],
  ["west of Greenwich", "America/Los_Angeles", "2026-11-27T07:05:00Z", "Thursday, 26 November 2026", "23:05"],
])("the model knows weekday, date and time where the agent is: %s", (_, timeZone, now, date, time) => {
  const { instructions, facts } = promptFor({
    agent: { ...agent, timeZone },
    call: sampleCall(),
    parameters: {},
    now: Date.parse(now),
  })
  expect(facts).toMatchObject({ localDate: date, localTime: time, timeZone })
  expect(instructions).toContain(`"localDate": "${date}"`)
})

test("without a time zone the one of this machine holds, and is named", () => {
  const { facts } = promptFor({ agent, call: sampleCall(), parameters: {}, now: 0 })
  expect(facts?.["timeZone"]).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone)
})
