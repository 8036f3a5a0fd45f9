import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { withEnvFile } from "../../src/config/env-file.ts"

function folder(files: Record<string, string>) {
  const dir = mkdtempSync(join(tmpdir(), "parley-env-"))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}

const FILES = {
  ".env": "WHICH=common\nBASE=1\n",
  ".env.dev": 'WHICH="dev" # note\n',
  ".env.prod": "WHICH=prod",
}

test.each([
  ["development", "dev"],
  ["dev", "dev"],
  ["production", "prod"],
  [" PROD ", "prod"],
  ["test", "common"],
  ["", "common"],
  [undefined, "common"],
])("NODE_ENV=%p takes the file of %s", (mode, expected) => {
  using files = folder(FILES)
  // Bun has read .env before.
  const env = withEnvFile({ NODE_ENV: mode, WHICH: "common", BASE: "1" }, files.dir)
  expect({ which: env["WHICH"], base: env["BASE"] }).toEqual({ which: expected, base: "1" })
})

test("what the process was started with wins over every file", () => {
  using files = folder(FILES)
  expect(withEnvFile({ NODE_ENV: "dev", WHICH: "mine" }, files.dir)["WHICH"]).toBe("mine")
})

test("a file that is not there changes nothing", () => {
  using files = folder({})
  const env = { NODE_ENV: "production", WHICH: "mine" }
  expect(withEnvFile(env, files.dir)).toEqual(env)
})

test("a file that cannot be read is reported", () => {
  using files = folder({})
  expect(() => withEnvFile({ NODE_ENV: "dev" }, join(files.dir, "\0"))).toThrow()
})
