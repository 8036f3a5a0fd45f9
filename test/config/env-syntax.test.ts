/** The syntax of `.env` files: values as they are written, and remarks where something is cut or read differently elsewhere. */

import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { envFileRemarks, withEnvFile } from "../../src/config/env-file.ts"
import { parseEnvFile } from "../../src/config/env-syntax.ts"
import { Child } from "../cli/child.ts"

describe("a value", () => {
  test.each([
    ["is trimmed", "A =  x y \t", "x y"],
    ["with $ is not expanded", "A=ab$CD", "ab$CD"],
    ["with ${} is not expanded", "A=ab${CD}e", "ab${CD}e"],
    ["in single quotes stays as it is", String.raw`A='a$B #c\n'`, String.raw`a$B #c\n`],
    ["in double quotes has escapes", String.raw`A="a\nb\"c\$d\x"`, `a\nb"c$d\\x`],
    ["in quotes may have several lines", "A='a\nb'\nB=1", "a\nb"],
    ["keeps a # that follows no blank", "A=ab#cd", "ab#cd"],
    ["ends at a comment", "A=ab # note", "ab"],
    ["in quotes ends before a comment", 'A="ab" # note', "ab"],
    ["after export", "export A=1", "1"],
    ["may be empty", "A=", ""],
    ["may be only a comment", "A= # note", ""],
    ["keeps a quote that is not closed", 'A="ab', '"ab'],
    ["of the last assignment counts", "A=1\nA=2", "2"],
    ["may have = in it", "A=x==", "x=="],
    ["has no carriage return", "A=1\r\nB=2\r\n", "1"],
  ])("%s", (_, text, value) => expect(parseEnvFile(text).find(({ name }) => name === "A")?.value).toBe(value))

  test("of the next line has its own line number", () => {
    expect(parseEnvFile("# note\nA='a\nb'\n\nB=1\n").map(({ name, line }) => [name, line])).toEqual([
      ["A", 2],
      ["B", 5],
    ])
  })
})

test.each([
  ["A=ab$CD", ["contains $, which is not expanded"]],
  ["A=ab #cd", ["is cut at the # after a blank; put the value in single quotes"]],
  ["A=ab#cd", ["contains #, which other programs take for a comment; put it in quotes"]],
  ['A="ab"cd', ["is cut after the closing quote"]],
  ["A='ab", ["begins with a quote that is not closed"]],
  ["A=ab # note", []],
  ["A=costs 5$", []],
  ['A="ab" # note', []],
])("%s: %p", (text, remarks) => expect(parseEnvFile(text)[0]?.remarks ?? []).toEqual(remarks))

function folder(text: string) {
  const dir = mkdtempSync(join(tmpdir(), "parley-env-"))
  writeFileSync(join(dir, ".env"), text)
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}

test.each([
  ["expanded", "SECRET=ab$HOME_X", "ab"],
  ["expanded in single quotes", "SECRET='ab$OTHER'", "abo"],
  ["cut", "SECRET=ab#cd", "ab"],
])("what Bun has %s is the value of the file", (_, text, byBun) => {
  using files = folder(text)
  const env = withEnvFile({ SECRET: byBun, OTHER: "o" }, files.dir)
  expect(env["SECRET"]).toBe(parseEnvFile(text)[0]?.value ?? "")
})

test("the environment of the process wins, and gives no remark", () => {
  using files = folder("SECRET=ab$CD")
  const env = { SECRET: "mine" }
  expect([withEnvFile(env, files.dir)["SECRET"], envFileRemarks(env, files.dir)]).toEqual(["mine", []])
})

test("the program warns with the name of the variable, never with its value", async () => {
  using files = folder("TOOL_SECRET_CRM=top$SECRET\nAPI_KEYS='key-with-$-and-#-inside'\nOTHER=a$B\n")
  await using child = new Child(["check", "--offline"], { cwd: files.dir, env: { DATABASE_URL: ":memory:" } })
  await child.exited
  expect(child.stdout).toContain("! TOOL_SECRET_CRM contains $, which is not expanded (.env:1)")
  expect(child.stdout).not.toMatch(/top|key-with|OTHER/)
})
