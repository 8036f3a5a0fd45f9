/** Configurations laid over one another, and single fields of them changed. */

import { describe, expect, test } from "bun:test"
import { changesBetween, hiddenFields, patchedConfig, rawConfig } from "../../src/assets/config-layers.ts"

describe("sections of the upper take the place of those of the lower", () => {
  test.each([
    ["other sections stay", { agents: { a: {} } }, { numbers: {} }, { agents: { a: {} }, numbers: {} }],
    [
      "a section is replaced whole",
      { AssetLoader: { context: "a", manifest: "b" } },
      { AssetLoader: { context: "c" } },
      { AssetLoader: { context: "c" } },
    ],
    [
      "the relay has sections of its own",
      { ConversationRelay: { Configuration: { voice: "v" }, SilenceDetection: { enabled: true } } },
      { ConversationRelay: { Configuration: { language: "en-US" } } },
      { ConversationRelay: { Configuration: { language: "en-US" }, SilenceDetection: { enabled: true } } },
    ],
    [
      "both spellings of silence are one section",
      { ConversationRelay: { SilenceDetection: { enabled: true } } },
      { ConversationRelay: { silenceDetection: { enabled: false } } },
      { ConversationRelay: { SilenceDetection: { enabled: false } } },
    ],
    [
      "languages at their old place replace those of the configuration below",
      { ConversationRelay: { Configuration: { voice: "v", languages: [1] } } },
      { ConversationRelay: { Languages: [2] } },
      { ConversationRelay: { Configuration: { voice: "v" }, Languages: [2] } },
    ],
    [
      "languages at their old place go with the configuration they stood beside",
      { ConversationRelay: { Configuration: { voice: "v" }, Languages: [2] } },
      { ConversationRelay: { Configuration: { voice: "w" } } },
      { ConversationRelay: { Configuration: { voice: "w" } } },
    ],
    ["what is no object is nothing", { a: 1 }, [1], { a: 1 }],
  ])("%s", (_, below, above, expected) => expect(rawConfig(below, above)).toEqual(expected))
})

describe("a patch", () => {
  test.each([
    ["changes one field", { A: { x: 1, y: 2 } }, { A: { x: 3 } }, { A: { x: 3, y: 2 } }],
    [
      "takes a field away with null",
      { A: { x: 1, y: 2 }, B: 1 },
      { A: { x: null }, B: null },
      { A: { y: 2 } },
    ],
    ["replaces lists whole", { A: [1, 2] }, { A: [3] }, { A: [3] }],
    ["makes sections that are missing", {}, { A: { B: { c: 1, d: null } } }, { A: { B: { c: 1 } } }],
    ["puts an object in place of a value", { A: 1 }, { A: { b: 2 } }, { A: { b: 2 } }],
    [
      "takes the other spellings for what they are",
      { AssetLoader: { activeContextKey: "a", activeManifestKey: "m" } },
      { AssetLoader: { context: "b" }, ConversationRelay: { silenceDetection: { enabled: true } } },
      {
        AssetLoader: { context: "b", manifest: "m" },
        ConversationRelay: { SilenceDetection: { enabled: true } },
      },
    ],
    [
      "leaves two spellings that stand side by side to the check",
      {},
      { AssetLoader: { context: "a", activeContextKey: "b" } },
      { AssetLoader: { context: "a", activeContextKey: "b" } },
    ],
  ])("%s", (_, config, patch, expected) => expect(patchedConfig(config, patch)).toEqual(expected))

  test("languages at their old place replace those of the configuration", () => {
    const config = { ConversationRelay: { Configuration: { voice: "v", languages: [1] } } }
    expect(patchedConfig(config, { ConversationRelay: { Languages: [2] } })).toEqual({
      ConversationRelay: { Configuration: { voice: "v" }, Languages: [2] },
    })
  })

  test("a key __proto__ is a key like any other", () => {
    const patch = JSON.parse('{"__proto__": {"x": 1}}') as Record<string, unknown>
    const patched = patchedConfig({}, patch)
    expect(Object.getPrototypeOf(patched)).toBe(Object.prototype)
    expect(patched["x"]).toBeUndefined()
  })
})

describe("changes", () => {
  test.each([
    ["are only what differs", { A: { x: 1, y: 2 } }, { A: { x: 1, y: 3 } }, { A: { y: 3 } }],
    ["remove with null", { A: { x: 1 }, B: 1 }, { A: {} }, { A: { x: null }, B: null }],
    ["hold lists whole", { A: [1, 2] }, { A: [1, 3] }, { A: [1, 3] }],
    ["are none between equals", { A: [{ x: 1 }] }, { A: [{ x: 1 }] }, {}],
    ["put a value in place of an object", { A: { x: 1 } }, { A: 2 }, { A: 2 }],
    ["put an object in place of a value", { A: 1 }, { A: { x: 2 } }, { A: { x: 2 } }],
  ])("%s", (_, config, wanted, changes) => {
    expect(changesBetween(config, wanted)).toEqual(changes)
    expect(patchedConfig(config, changes)).toEqual(wanted)
  })

  test("hide fields that the file sets differently", () => {
    const file = {
      AssetLoader: { activeContextKey: "a" },
      agents: { x: { greeting: "Hi", timeZone: "UTC" } },
    }
    const patch = {
      AssetLoader: { context: "b" },
      agents: { x: { greeting: null, timeZone: "UTC" }, y: {} },
    }
    expect(hiddenFields(patch, file)).toEqual(["AssetLoader.context", "agents.x.greeting"])
  })
})
