/** The table of promises in `README.md` names tests that exist. */

import { expect, test } from "bun:test"
import { Glob } from "bun"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const PAGE = join(import.meta.dir, "README.md")

test("every test that the page on Simple Conversation Relay names exists", () => {
  const files = [...new Glob("simple-conversation-relay*.test.ts").scanSync(import.meta.dir)]
  const names = files.flatMap((file) => {
    const text = readFileSync(join(import.meta.dir, file), "utf8")
    return [...text.matchAll(/^ *test\("([^"]+)"/gm)].map((match) => match[1])
  })
  const rows = readFileSync(PAGE, "utf8").matchAll(/^\|.*\| ([^|]+) \|$/gm)
  const named = [...rows]
    .map((match) => match[1]?.trim())
    .filter((name) => name !== "shown by" && !/^-+$/.test(name ?? ""))
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter((name) => !names.includes(name))).toEqual([])
})
