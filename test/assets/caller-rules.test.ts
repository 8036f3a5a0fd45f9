import { expect, test } from "bun:test"
import { callerRulesOf } from "../../src/assets/caller-rules.ts"
import { getLog } from "../../src/lib/log.ts"
import { createAssets } from "../../src/assets/assets.ts"
import { assetsWith } from "../server/assets-with.ts"

const CONTEXTS = new Map([
  ["systemMessage", 1],
  ["consentMessage", 1],
])

test("without settings, the roles are the contexts of the documents where they exist", () => {
  const rules = callerRulesOf({ shared: undefined, own: undefined, contexts: CONTEXTS })
  const none = callerRulesOf({ shared: undefined, own: undefined, contexts: new Map() })
  const keys = ({ roles }: typeof rules) => Object.values(roles).map(({ contextKey }) => contextKey)
  expect(keys(rules)).toEqual(["systemMessage", "systemMessage", "consentMessage", "consentMessage"])
  expect(keys(none)).toEqual([undefined, undefined, undefined, undefined])
  expect({ memory: rules.memory, consent: rules.consent, reset: rules.reset }).toEqual({
    memory: false,
    consent: undefined,
    reset: true,
  })
})

test("a caller who was not asked hears nothing of a message", () => {
  const { roles } = callerRulesOf({ shared: undefined, own: undefined, contexts: new Map() })
  expect(roles.unknown.greeting).toBeUndefined()
  expect(roles.asked.greeting).toContain("the link sent to you")
})

test("settings of an agent take precedence over those of default, field by field", () => {
  const { roles, phrases, memory } = callerRulesOf({
    shared: { memory: true, consented: { context: "a", greeting: "A." }, phrases: { failed: "F." } },
    own: { consented: { greeting: "B." } },
    contexts: CONTEXTS,
  })
  expect({ role: roles.consented, failed: phrases.failed, memory }).toEqual({
    role: { contextKey: "a", manifestKey: undefined, greeting: "B." },
    failed: "F.",
    memory: true,
  })
})

test("contexts and manifests that do not exist are faults", async () => {
  const callers = { unknown: { context: "missing" }, loggedIn: { manifest: "gone" } }
  using assets = assetsWith({ agents: { default: { callers } } })
  const opening = createAssets({ dir: assets.dir, log: getLog("assets"), knownTools: ["end-call"] })
  const message = await opening.then(
    () => "",
    (error: unknown) => String(error),
  )
  expect(message).toContain("there is no context missing")
  expect(message).toContain("there is no manifest gone")
})
