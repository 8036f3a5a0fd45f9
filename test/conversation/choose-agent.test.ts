/** Which agent talks, whatever keys a call brings. */

import { expect, test } from "bun:test"
import { chooseAgent } from "../../src/conversation/choose-agent.ts"
import { notedLog, sampleCall, SampleAssets } from "../relay/fixture.ts"

test.each([
  ["no keys", {}, {}, ["default", "default", "default"], 0],
  ["both keys", {}, { contextKey: "polite", manifestKey: "none" }, ["default", "polite", "none"], 0],
  ["an unknown context", {}, { contextKey: "rude", manifestKey: "none" }, ["default", "default", "none"], 1],
  [
    "an unknown manifest",
    {},
    { contextKey: "polite", manifestKey: "all" },
    ["default", "polite", "default"],
    1,
  ],
  ["two unknown keys", {}, { contextKey: "rude", manifestKey: "all" }, ["default", "default", "default"], 2],
  ["empty keys", {}, { contextKey: "", manifestKey: "" }, ["default", "default", "default"], 0],
  ["another agent", { agent: "sales" }, {}, ["sales", "default", "default"], 0],
  ["an agent that is gone", { agent: "gone" }, { contextKey: "polite" }, ["default", "polite", "default"], 1],
])("%s", (_, call, parameters, expected, warnings) => {
  const log = notedLog()
  const agent = chooseAgent({ assets: new SampleAssets(), call: sampleCall(call), parameters, log })
  expect([agent.key, agent.context.key, agent.manifest.key]).toEqual(expected)
  expect(log.lines).toHaveLength(warnings)
})

test.each([
  ["inbound", "+15550100002"],
  ["outbound", "+15550100001"],
] as const)("our number on an %s call is %s", (direction, number) => {
  const assets = new SampleAssets()
  chooseAgent({ assets, call: sampleCall({ direction }), parameters: {}, log: notedLog() })
  expect(assets.asked.at(-1)).toMatchObject({ number })
})
