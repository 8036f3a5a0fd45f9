/** Names of built-in tools in a manifest. */

import { expect, test } from "bun:test"
import { readAsset } from "../../src/assets/asset-text.ts"
import { builtinTools } from "../../src/tools/registry.ts"
import { BUILT_IN_SPECS } from "../../src/assets/built-in-specs.ts"

const KNOWN = [...builtinTools().keys()]

function read(tools: unknown[]) {
  const text = JSON.stringify({ tools })
  return readAsset({ name: "x.json", kind: "manifest", key: "x", text, source: "file" }, KNOWN)
}

test("a name stands for the built-in tool with its description and parameters", () => {
  const result = read(["end-call", { name: "send-dtmf", description: "Own words." }])
  const tools = result.ok && result.meaning.kind === "manifest" ? result.meaning.manifest.tools : []
  expect(tools).toMatchObject([
    {
      name: "end-call",
      description: expect.stringContaining("Say goodbye first"),
      parameters: { type: "object" },
    },
    { name: "send-dtmf", description: "Own words." },
  ])
})

test("every built-in tool can be named alone", () => {
  expect([...BUILT_IN_SPECS.keys()].toSorted()).toEqual(KNOWN.toSorted())
})

test("the parameters of a name are those that the tool takes", async () => {
  const context = {
    newContext: "a",
    newManifest: "b",
    handoffSummary: "c",
  }
  const { properties } = BUILT_IN_SPECS.get("change-context")?.parameters ?? {}
  expect(Object.keys(Object(properties))).toEqual(Object.keys(context))
})

test("an unknown name and a repeated one are faults", () => {
  expect(read(["fly", "end-call", "end-call"])).toMatchObject({
    ok: false,
    faults: [
      { path: "tools.0.name", message: expect.stringContaining("there is no tool fly; there are") },
      { path: "tools.2.name", message: "the tool end-call appears twice" },
    ],
  })
})
