import { describe, expect, test } from "bun:test"
import { readAsset, type AssetSource, type AssetText } from "../../src/assets/asset-text.ts"
import { layeredConfig, type ReadText } from "../../src/assets/layered-config.ts"

function layer(source: AssetSource, name: string, fields: object): ReadText {
  const asset: AssetText = {
    kind: "config",
    key: "serverConfig",
    name,
    text: JSON.stringify(fields, null, 2),
    source,
  }
  const read = readAsset(asset, [])
  if (!read.ok) throw new Error(JSON.stringify(read.faults))
  return { ...asset, meaning: read.meaning }
}

const shipped = layer("embedded", "embedded", {
  AssetLoader: { context: "defaultContext" },
  agents: { default: { greeting: "Hello." } },
})
const file = layer("file", "serverConfig.json", { agents: { default: { greeting: "Good day." }, night: {} } })
const stored = layer("api", "stored serverConfig", { agents: { default: { greeting: "Welcome." } } })
const sync = layer("sync", "Sync serverConfig", { agents: { day: { greeting: "Sync." } } })

const AGENTS = { default: { greeting: "Good day." }, night: {} }

describe("the configuration in force", () => {
  test.each<{ because: string; layers: ReadText[]; agents: object; below?: object }>([
    { because: "is the shipped one", layers: [shipped], agents: { default: { greeting: "Hello." } } },
    { because: "has whole sections of the file", layers: [shipped, file], agents: AGENTS },
    {
      because: "has single fields of what is stored",
      layers: [shipped, file, stored],
      agents: { default: { greeting: "Welcome." }, night: {} },
      below: AGENTS,
    },
    {
      because: "has sections of Twilio Sync in place of the file's",
      layers: [shipped, file, sync],
      agents: { day: { greeting: "Sync." } },
    },
  ])("$because", ({ layers, agents, below = agents }) => {
    const made = layeredConfig(layers)
    expect({
      agents: made.raw["agents"],
      below: made.below["agents"],
      loader: made.raw["AssetLoader"],
    }).toEqual({
      agents,
      below,
      loader: { context: "defaultContext" },
    })
    expect<object>({ agents: made.config.agents, faults: made.faults }).toEqual({ agents, faults: [] })
  })
})

test("fields of the file that a stored value replaces are named, shipped ones are not", () => {
  expect(layeredConfig([shipped, file, stored]).hidden).toEqual(["agents.default.greeting"])
  expect(layeredConfig([shipped, stored]).hidden).toEqual([])
})

test("a stored change that makes the whole invalid is a fault with its field", () => {
  const wrong = layer("api", "stored serverConfig", { agents: { default: { greeting: 5 } } })
  const { faults, config } = layeredConfig([shipped, file, wrong])
  expect(faults).toEqual([
    { file: "serverConfig", path: "agents.default.greeting", message: expect.stringContaining("string") },
  ])
  expect(config.agents).toBeUndefined()
})

test("keys without an effect are named with their layer, those of the shipped configuration are not", () => {
  const shippedExtra = layer("embedded", "embedded", { Extra: 1 })
  const fileExtra = layer("file", "serverConfig.json", { Another: 1 })
  expect(layeredConfig([shippedExtra, fileExtra]).warnings).toEqual([
    expect.stringMatching(/^serverConfig\.json: .*Another/),
  ])
})

describe("the place of a field", () => {
  test.each<{ because: string; layers: ReadText[]; path: string[]; place: object }>([
    {
      because: "is the line of the file",
      layers: [shipped, file],
      path: ["agents", "default", "greeting"],
      place: { file: "serverConfig.json", line: 4 },
    },
    {
      because: "is what is stored, where that sets it",
      layers: [shipped, file, stored],
      path: ["agents", "default", "greeting"],
      place: { file: "serverConfig", line: undefined },
    },
    {
      because: "is the file, where something else is stored",
      layers: [shipped, file, stored],
      path: ["agents", "night"],
      place: { file: "serverConfig.json", line: 6 },
    },
    {
      because: "is the configuration, where there is no layer",
      layers: [],
      path: ["agents"],
      place: { file: "serverConfig", line: undefined },
    },
  ])("$because", ({ layers, path, place }) => {
    expect<object>(layeredConfig(layers).placeOf(path)).toEqual(place)
  })
})
