/** The table of promises names tests that are there. */

import { expect, test } from "bun:test"
import { Glob } from "bun"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const DOCS = join(import.meta.dir, "../../docs")

test("every test that the page on Simple Conversation Relay names is there", () => {
  const files = [...new Glob("simple-conversation-relay*.test.ts").scanSync(import.meta.dir)]
  const names = files.flatMap((file) => {
    const text = readFileSync(join(import.meta.dir, file), "utf8")
    return [...text.matchAll(/^ *test\("([^"]+)"/gm)].map((match) => match[1])
  })
  const rows = readFileSync(join(DOCS, "compatibility-s2.md"), "utf8").matchAll(/^\|.*\| ([^|]+) \|$/gm)
  const named = [...rows]
    .map((match) => match[1]?.trim())
    .filter((name) => name !== "shown by" && !/^-+$/.test(name ?? ""))
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter((name) => !names.includes(name))).toEqual([])
})
