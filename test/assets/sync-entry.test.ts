import { expect, test } from "bun:test"
import { dataOf, fitsSync, MAX_ENTRY_BYTES, textOf } from "../../src/assets/sync-entry.ts"

test.each([
  ["a context", "context", "Be kind.", { content: "Be kind." }],
  ["a manifest", "manifest", '{"tools":[]}', { tools: [] }],
] as const)("%s becomes an entry", (_, kind, text, data) => expect(dataOf({ kind, text })).toEqual(data))

test.each([
  ["a context", "context", { content: "Be kind." }, "Be kind."],
  ["a context that is a bare text", "context", "Be kind.", "Be kind."],
  ["a context of another form", "context", { text: "x" }, undefined],
  ["a context without content", "context", null, undefined],
  ["a manifest", "manifest", { tools: [] }, '{\n  "tools": []\n}'],
] as const)("the text of %s", (_, kind, data, text) => expect(textOf({ kind, data })).toBe(text))

test("the limit counts bytes of JSON", () => {
  const content = (length: number, char = "x") => ({ content: char.repeat(length) })
  const frame = JSON.stringify(content(0)).length
  expect({
    fits: fitsSync(content(MAX_ENTRY_BYTES - frame)),
    tooLong: fitsSync(content(MAX_ENTRY_BYTES - frame + 1)),
    twoBytes: fitsSync(content(MAX_ENTRY_BYTES - frame, "é")),
  }).toEqual({ fits: true, tooLong: false, twoBytes: false })
})
