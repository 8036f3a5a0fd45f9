/** What a model is told before the first word. */

import { expect, test } from "bun:test"
import type { Agent } from "../../src/assets/agent.ts"
import { fillPlaceholders } from "../../src/call/placeholders.ts"
import { promptFor } from "../../src/conversation/prompt.ts"
import { sampleAgent, sampleCall } from "../relay/samples.ts"

const agent: Agent = sampleAgent({
  context: { key: "c", version: "v1", text: "Serve {firstname}, not {nobody}.\n" },
})

test("role first, then the call, its facts without empty ones, and the parameters", () => {
  const call = sampleCall({ from: "+15550100001", createdAt: 0 })
  const brief = promptFor({
    agent,
    call,
    parameters: { firstname: "Ann" },
    facts: { callerName: "", forwardedFrom: null, callType: "PSTN" },
  })
  const [role, , , facts = ""] = brief.instructions.split("\n\n")
  expect(role).toBe("Serve Ann, not {nobody}.")
  expect(JSON.parse(facts)).toEqual({
    callSid: call.sid,
    direction: "inbound",
    from: "+15550100001",
    to: "+15550100002",
    startedAt: "1970-01-01T00:00:00.000Z",
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
  })
  expect(instructions).toStartWith("Ask Ann.\n\n# This call")
})

test("the other party is named by a hash, the same in both directions", () => {
  const inbound = promptFor({ agent, call: sampleCall({ from: "+15550100009" }), parameters: {} })
  const outbound = promptFor({
    agent,
    call: sampleCall({ direction: "outbound", from: "+15550100002", to: "+15550100009" }),
    parameters: {},
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
  ["JSON is left alone", '{"name": 1}', '{"name": 1}'],
])("placeholders: %s", (_, text, expected) => {
  expect(fillPlaceholders(text, { name: "Ann", loop: "{name}", money: "$& $1" })).toBe(expected)
})
