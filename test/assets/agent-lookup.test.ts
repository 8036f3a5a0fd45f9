import { describe, expect, test } from "bun:test"
import { agentIn, snapshotKeys } from "../../src/assets/agent-lookup.ts"
import type { AgentChoice } from "../../src/assets/agent.ts"
import { loadSnapshot } from "../../src/assets/load.ts"
import { ENGINES } from "../../src/call/engine.ts"
import { AppError } from "../../src/lib/errors.ts"

const CONFIG = {
  agents: { default: {}, night: { context: "night", manifest: "quiet" } },
  numbers: { "+15550100002": "night" },
}

const snapshot = loadSnapshot({
  files: [
    {
      name: "serverConfig.json",
      kind: "config",
      key: "serverConfig",
      text: JSON.stringify(CONFIG),
      source: "file",
    },
    { name: "night.md", kind: "context", key: "night", text: "Be quiet.", source: "file" },
    { name: "billing.md", kind: "context", key: "billing", text: "Be exact.", source: "file" },
    { name: "quiet.json", kind: "manifest", key: "quiet", text: '{"tools":[]}', source: "file" },
  ],
  stored: [],
  syncedVersions: new Map(),
  lenient: false,
  knownTools: [
    "change-context",
    "end-call",
    "live-agent-handoff",
    "play-media",
    "send-dtmf",
    "send-sms",
    "set-listen-mode",
    "set-silence-detection",
    "switch-language",
  ],
  engines: ENGINES,
})

describe("the agent of a call", () => {
  const defaults = { key: "default", context: "defaultContext", manifest: "defaultToolManifest" }
  const night = { key: "night", context: "night", manifest: "quiet" }
  test.each<{ because: string; choice: AgentChoice; found: object }>([
    { because: "is the default without a choice", choice: {}, found: defaults },
    { because: "is the one that is named", choice: { agent: "night" }, found: night },
    { because: "is that of the called number", choice: { number: "+15550100002" }, found: night },
    { because: "is the default for another number", choice: { number: "+15550100003" }, found: defaults },
    {
      because: "is the named one, whatever the number",
      choice: { agent: "default", number: "+15550100002" },
      found: defaults,
    },
    {
      because: "takes a context and keeps its tools",
      choice: { agent: "night", contextKey: "billing" },
      found: { ...night, context: "billing" },
    },
    {
      because: "takes tools and keeps its context",
      choice: { manifestKey: "quiet" },
      found: { ...defaults, manifest: "quiet" },
    },
  ])("$because", ({ choice, found }) => {
    const { key, context, manifest } = agentIn(snapshot, choice)
    expect<object>({ key, context: context.key, manifest: manifest.key }).toEqual(found)
  })

  test("cannot be changed by a call that chooses another context", () => {
    expect(Object.isFrozen(agentIn(snapshot, { contextKey: "billing" }))).toBe(true)
    expect(agentIn(snapshot, {}).context.key).toBe("defaultContext")
  })
})

describe("an unknown key is refused with those that exist", () => {
  test.each<{ choice: AgentChoice; message: string; field: string; known: string[] }>([
    {
      choice: { agent: "day" },
      message: "Agent not found for key: day. Known keys: default, night",
      field: "agent",
      known: ["default", "night"],
    },
    {
      choice: { contextKey: "day" },
      message: "Context not found for key: day. Known keys: billing, defaultContext, night",
      field: "contextKey",
      known: ["billing", "defaultContext", "night"],
    },
    {
      choice: { manifestKey: "x".repeat(65) },
      message: `Tool manifest not found for key: ${"x".repeat(64)}…. Known keys: defaultToolManifest, quiet`,
      field: "manifestKey",
      known: ["defaultToolManifest", "quiet"],
    },
  ])("$field", ({ choice, message, field, known }) => {
    let thrown: unknown
    try {
      agentIn(snapshot, choice)
    } catch (error) {
      thrown = error
    }
    if (!(thrown instanceof AppError)) throw new Error("not refused")
    const { code, message: text, details } = thrown
    expect({ code, message: text, details }).toEqual({
      code: "INVALID_REQUEST",
      message,
      details: known.map((value) => ({ field, message: "is known", value })),
    })
  })
})

test("all keys are listed in their order", () => {
  expect(snapshotKeys(snapshot)).toEqual({
    agents: ["default", "night"],
    contexts: ["billing", "defaultContext", "night"],
    manifests: ["defaultToolManifest", "quiet"],
  })
})
