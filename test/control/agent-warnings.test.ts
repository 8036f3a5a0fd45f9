/** What the settings of agents ask for and the rules of this server refuse. */

import { expect, test } from "bun:test"
import { readConfig } from "../../src/config/config.ts"
import { agentWarnings } from "../../src/control/agent-warnings.ts"
import { menuFrom } from "../menus/fixture.ts"
import { SampleAssets } from "../relay/fixture.ts"

const context = { config: readConfig({}), ownNumbers: async () => ["+12125550100"] }

async function warningsOf(agent: ConstructorParameters<typeof SampleAssets>[0]): Promise<string> {
  return (await agentWarnings(context, new SampleAssets(agent))).join()
}

test.each([
  ["a number at home", "+13105550123", ""],
  ["a premium-rate number", "+19005550123", "ALLOWED_DESTINATIONS"],
  ["another country", "+4930123456", "ALLOWED_DESTINATIONS"],
  ["a SIP domain that is not listed", "sip:a@b.example", "ALLOWED_SIP_DOMAINS"],
])("a transfer to %s: %s", async (_, to, setting) => {
  const warnings = await warningsOf({ transfer: { to, timeoutSeconds: 20, onFailure: "agent" } })
  if (setting === "") expect(warnings).toBe("")
  else expect(warnings).toContain(setting)
})

test("a menu whose transfer is refused is named with the place", async () => {
  const menu = menuFrom({
    start: "t",
    steps: { t: { kind: "say", say: "One moment.", then: { transfer: "+19005550123" } } },
  })
  const assets = Object.assign(new SampleAssets(), { menuKeys: () => ["desk"], menu: () => menu })
  expect((await agentWarnings(context, assets)).join()).toContain(
    "the menu desk cannot transfer calls at steps.t.then: ",
  )
})

test("a home that is not known yet is no fault of an agent", async () => {
  const agent = { transfer: { to: "+13105550123", timeoutSeconds: 20, onFailure: "agent" as const } }
  const unknown = { ...context, ownNumbers: async () => [] }
  expect(await agentWarnings(unknown, new SampleAssets(agent))).toEqual([])
})

test("a tool that may change to nothing", async () => {
  const tools = [{ name: "change-context", description: "", parameters: {} }]
  const manifest = { key: "m", version: "1", tools }
  expect(await warningsOf({ manifest })).toContain("changeTo lists no context")
  expect(await warningsOf({ manifest, changeTo: { contexts: ["c"], manifests: [] } })).toBe("")
})
