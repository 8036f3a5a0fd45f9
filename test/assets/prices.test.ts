import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EMBEDDED_PRICES, readPrices } from "../../src/assets/prices.ts"

function folder(text?: string) {
  const dir = mkdtempSync(join(tmpdir(), "parley-prices-"))
  if (text !== undefined) writeFileSync(join(dir, "prices.json"), text)
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) }
}

describe("the table of prices", () => {
  test("is the embedded one without a file or a folder", () => {
    using empty = folder()
    expect(readPrices(empty.dir)).toBe(EMBEDDED_PRICES)
    expect(readPrices(join(empty.dir, "nowhere"))).toBe(EMBEDDED_PRICES)
  })

  test("is the file as a whole where there is one", () => {
    using own = folder('{ "llama": { "input": 0.2, "output": 0.3 } }')
    expect(readPrices(own.dir)).toEqual({ llama: { input: 0.2, output: 0.3 } })
  })

  test.each([
    ["a misspelled rate", '{\n "llama": { "input": 1, "ouput": 2 }\n}', /prices\.json:2 llama\.ouput: /],
    ["a price that is no number", '{\n\n "llama": { "input": "1" } }', /prices\.json:3 llama\.input: /],
    ["a negative price", '{ "llama": { "input": -1 } }', /prices\.json:1 llama\.input: /],
    [
      "no rate at all",
      '{ "llama": {} }',
      /prices\.json:1 llama: must have input, perMinute or perMillionCharacters/,
    ],
    ["text that is no JSON", '{ "llama": ', /prices\.json:1/],
  ])("a fault names file and field: %s", (_, text, expected) => {
    using own = folder(text)
    expect(() => readPrices(own.dir)).toThrow(expected)
  })
})
