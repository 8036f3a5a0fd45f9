/** The generated API key: when there is one, where it is kept, and what opens the API. */

import { afterEach, expect, test } from "bun:test"
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { apiKeyFile, keyInForce, withGeneratedKey } from "../../src/cli/api-key-file.ts"
import { readConfig } from "../../src/config/config.ts"
import { AUTH_TOKEN, PUBLIC_URL, Client } from "../server/client.ts"
import { Child } from "./child.ts"

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "parley-key-"))
  folders.push(path)
  return path
}

const ACCOUNT = { TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`, TWILIO_AUTH_TOKEN: AUTH_TOKEN }

test.each<[string, Record<string, string>, boolean]>([
  ["nothing that others could reach", {}, false],
  ["a local address", { PUBLIC_URL: "http://localhost:3000" }, false],
  ["an auth token alone", { TWILIO_AUTH_TOKEN: AUTH_TOKEN }, false],
  ["a public address", { PUBLIC_URL }, true],
  ["a Twilio account", ACCOUNT, true],
  ["keys of its own", { PUBLIC_URL, API_KEYS: "key-of-this-test-000" }, false],
  ["LOCAL_API=open", { PUBLIC_URL, ...ACCOUNT, LOCAL_API: "open" }, false],
])("a key is generated only where one is needed: %s", (_, env, expected) => {
  const dir = folder()
  const config = readConfig({ ...env, DATABASE_URL: `file:${dir}/data/parley.db` })
  const { generated } = withGeneratedKey(config)
  expect([generated !== undefined, existsSync(join(dir, "data/api-key"))]).toEqual([expected, expected])
})

test("the key is made once, is private, and is in force at the next start", () => {
  const config = readConfig({ PUBLIC_URL, DATABASE_URL: `file:${folder()}/parley.db` })
  const first = withGeneratedKey(config)
  const second = withGeneratedKey(config)
  const file = apiKeyFile(config)
  expect({ first: first.generated?.isNew, second: second.generated?.isNew }).toEqual({
    first: true,
    second: false,
  })
  expect(second.config.apiKeys).toEqual(first.config.apiKeys)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(second.config.secrets).toContain(readFileSync(file, "utf8").trim())
  expect(keyInForce(config)).toBe(readFileSync(file, "utf8").trim())
})

test("a file that others could read is made private", () => {
  const config = readConfig({ PUBLIC_URL, DATABASE_URL: `file:${folder()}/parley.db` })
  withGeneratedKey(config)
  chmodSync(apiKeyFile(config), 0o644)
  withGeneratedKey(config)
  expect(statSync(apiKeyFile(config)).mode & 0o777).toBe(0o600)
})

test("a file that holds something else is not used as a key", () => {
  const config = readConfig({ PUBLIC_URL, DATABASE_URL: `file:${folder()}/parley.db` })
  writeFileSync(apiKeyFile(config), "secret\n")
  expect(() => withGeneratedKey(config)).toThrow("holds no API key")
})

test("a server with a public address shows its key once, and asks every local program for it", async () => {
  const cwd = folder()
  const env = { PORT: "0", PUBLIC_URL, TWILIO_AUTH_TOKEN: AUTH_TOKEN, MODEL_PROVIDER: "demo" }
  let key = ""
  {
    await using child = new Child([], { cwd, env })
    const url = await child.listening()
    key = readFileSync(join(cwd, "data/api-key"), "utf8").trim()
    const client = new Client(url, PUBLIC_URL)
    const statuses = await Promise.all(
      [{}, { Host: "localhost" }, { Authorization: "Bearer wrong" }, { Authorization: `Bearer ${key}` }].map(
        async (headers: Record<string, string>) => (await client.api("/v1/calls", { headers })).status,
      ),
    )
    expect(statuses).toEqual([401, 401, 401, 200])
    expect((await client.api("/metrics")).status).toBe(401)
    child.kill("SIGTERM")
    await child.exited
    expect(child.stderr).toContain(key)
    expect(child.stdout).not.toContain(key)
  }
  await using again = new Child([], { cwd, env })
  await again.listening()
  again.kill("SIGTERM")
  await again.exited
  expect(again.stderr).toBe("")
  await using printed = new Child(["key"], { cwd, env })
  await printed.exited
  expect(printed.stdout).toBe(key)
})
