import { describe, expect, test } from "bun:test"
import type { Agent } from "../../src/assets/agent.ts"
import { resolveAgents, type Resolved } from "../../src/assets/resolve.ts"
import { ServerConfig } from "../../src/assets/server-config.ts"
import type { Engine } from "../../src/call/engine.ts"

const context = (key: string): [string, Agent["context"]] => [key, { key, version: "1", text: key }]
const manifest = (key: string): [string, Agent["manifest"]] => [key, { key, version: "1", tools: [] }]

type Setup = { config?: object; engines?: Engine[]; lenient?: boolean }

function resolved({ config = {}, engines = ["relay", "realtime"], lenient = false }: Setup = {}): Resolved {
  return resolveAgents({
    config: ServerConfig.parse(config),
    contexts: new Map([context("defaultContext"), context("billing")]),
    manifests: new Map([manifest("defaultToolManifest"), manifest("booking")]),
    menuKeys: new Set(["reception"]),
    engines,
    lenient,
  })
}

function agentOf(config: object, key = "default"): Agent {
  const { agents, faults } = resolved({ config })
  expect(faults).toEqual([])
  const agent = agents.get(key)
  if (!agent) throw new Error(`no agent ${key}`)
  return agent
}

describe("a setting comes from the agent, then from the default agent, then from the section, then from the program", () => {
  test.each<{
    setting: string
    section: object
    of: (agent: Agent) => unknown
    values: unknown[]
    own: object
    shared: object
  }>([
    {
      setting: "greeting",
      own: { greeting: "own" },
      shared: { greeting: "shared" },
      section: { ConversationRelay: { Configuration: { welcomeGreeting: "section" } } },
      of: ({ greeting }) => greeting,
      values: ["own", "shared", "section", ""],
    },
    {
      setting: "context",
      own: { context: "billing" },
      shared: { context: "billing" },
      section: { AssetLoader: { context: "billing" } },
      of: (agent) => agent.context.key,
      values: ["billing", "billing", "billing", "defaultContext"],
    },
    {
      setting: "manifest",
      own: { manifest: "booking" },
      shared: { manifest: "booking" },
      section: { AssetLoader: { manifest: "booking" } },
      of: (agent) => agent.manifest.key,
      values: ["booking", "booking", "booking", "defaultToolManifest"],
    },
    {
      setting: "threshold of silence",
      own: { silenceDetection: { secondsThreshold: 3 } },
      shared: { silenceDetection: { secondsThreshold: 5 } },
      section: { ConversationRelay: { SilenceDetection: { secondsThreshold: 7 } } },
      of: ({ silence }) => silence.secondsThreshold,
      values: [3, 5, 7, 20],
    },
    {
      setting: "listen mode",
      own: { listenMode: true },
      shared: { listenMode: true },
      section: { Server: { ListenMode: true } },
      of: ({ listenMode }) => listenMode,
      values: [true, true, true, false],
    },
    {
      setting: "voice of the relay",
      own: { configuration: { voice: "own" } },
      shared: { configuration: { voice: "shared" } },
      section: { ConversationRelay: { Configuration: { voice: "section" } } },
      of: ({ relay }) => relay.attributes["voice"],
      values: ["own", "shared", "section", undefined],
    },
  ])("$setting", ({ section, own, shared, of, values }) => {
    const agents = { default: shared, night: own }
    const found = [
      agentOf({ ...section, agents }, "night"),
      agentOf({ ...section, agents: { default: shared, night: {} } }, "night"),
      agentOf({ ...section, agents: { night: {} } }, "night"),
      agentOf({ agents: { night: {} } }, "night"),
    ]
    expect(found.map(of)).toEqual(values)
  })
})

test("parts of phrases, model, silence and transfer are merged field by field", () => {
  const { phrases, model, silence, transfer } = agentOf(
    {
      agents: {
        default: {
          phrases: { busy: "Busy." },
          model: { provider: "openai", temperature: 0.2 },
          silenceDetection: { messages: ["Hello?"] },
          transfer: { to: "+15550100001", timeoutSeconds: 20 },
        },
        night: {
          phrases: { goodbye: "Bye." },
          model: "gpt-6-luna",
          silenceDetection: { enabled: false },
          transfer: { onFailure: "goodbye" },
        },
      },
    },
    "night",
  )
  expect({ busy: phrases.busy, goodbye: phrases.goodbye, model, silence, transfer }).toEqual({
    busy: "Busy.",
    goodbye: "Bye.",
    model: { provider: "openai", temperature: 0.2, name: "gpt-6-luna" },
    silence: { enabled: false, secondsThreshold: 20, messages: ["Hello?"] },
    transfer: { to: "+15550100001", timeoutSeconds: 20, callerId: undefined, onFailure: "goodbye" },
  })
})

test.each([
  ["agent", {}, /How else can I help you\?$/],
  ["goodbye", {}, /Goodbye\.$/],
  ["goodbye", { transferFailed: "Please call tomorrow." }, /^Please call tomorrow\.$/],
] as const)("after a failed transfer with onFailure %p and phrases %p", (onFailure, phrases, said) => {
  const agent = agentOf({ agents: { default: { transfer: { onFailure }, phrases } } }, "default")
  expect(agent.phrases.transferFailed).toMatch(said)
})

test("an outcome has a name, and instructions only where they are given", () => {
  const schema = { type: "object", properties: {} }
  expect(agentOf({ agents: { default: { outcome: { schema } } } }).outcome).toEqual({
    name: "outcome",
    schema,
    instructions: "",
  })
})

describe("faults", () => {
  test.each<{ because: string; setup: Setup; path: string[]; message: string; keys?: string[] }>([
    {
      because: "a missing context of an agent, which is left out",
      setup: { config: { agents: { night: { context: "day" } } } },
      path: ["agents", "night", "context"],
      message: "there is no context day; there are billing, defaultContext",
      keys: ["default"],
    },
    {
      because: "a missing context of the loader, once for all agents",
      setup: { config: { AssetLoader: { context: "day" }, agents: { night: {} } } },
      path: ["AssetLoader", "context"],
      message: "there is no context day; there are billing, defaultContext",
      keys: [],
    },
    {
      because: "a missing manifest of the default agent, once for all agents",
      setup: { config: { agents: { default: { manifest: "day" }, night: {} } } },
      path: ["agents", "default", "manifest"],
      message: "there is no manifest day; there are booking, defaultToolManifest",
      keys: [],
    },
    {
      because: "an engine that is not served",
      setup: { config: { agents: { night: { engine: "realtime" } } }, engines: ["relay"] },
      path: ["agents", "night", "engine"],
      message: "must be one of relay",
    },
    {
      because: "a missing context that a conversation may change to",
      setup: { config: { agents: { night: { changeTo: { contexts: ["billing", "day"] } } } } },
      path: ["agents", "night", "changeTo", "contexts"],
      message: "there is no context day; there are billing, defaultContext",
    },
    {
      because: "a number of an agent that does not exist",
      setup: { config: { numbers: { "+15550100002": "night" } } },
      path: ["numbers", "+15550100002"],
      message: "there is no agent night; there are default",
      keys: ["default"],
    },
  ])("$because", ({ setup, path, message, keys = ["default", "night"] }) => {
    const { agents, faults } = resolved(setup)
    expect({ faults, keys: [...agents.keys()] }).toEqual({
      faults: [{ path, message, replaced: false }],
      keys,
    })
  })

  test("a missing context is replaced by the default one where that is allowed", () => {
    const { agents, faults } = resolved({ config: { agents: { night: { context: "day" } } }, lenient: true })
    expect({
      context: agents.get("night")?.context.key,
      replaced: faults.map(({ replaced }) => replaced),
    }).toEqual({
      context: "defaultContext",
      replaced: [true],
    })
  })
})
