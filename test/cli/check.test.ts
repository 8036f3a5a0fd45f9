/** `parley check`: what it asks of services, what it finds in files and settings, and its exit codes. */

import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { check, type CheckOptions } from "../../src/cli/check.ts"
import { readConfig } from "../../src/config/config.ts"
import { openStore } from "../../src/store/open-store.ts"
import { FakeOpenAi } from "../fakes/fake-openai.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"

const NUMBER = {
  sid: `PN${"1".repeat(32)}`,
  phone_number: "+15550100002",
  friendly_name: "Main",
}

function health(body: object) {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json(body) })
  return { port: server.port ?? 0, url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) }
}

const PARLEY = { service: "parley", instance: "one" }

/** An installation whose services all answer; `files` are its assets. */
function installation(files: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "parley-check-"))
  mkdirSync(join(dir, "assets"))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, "assets", name, ".."), { recursive: true })
    writeFileSync(join(dir, "assets", name), text)
  }
  // A public address that leads to the server on this machine.
  const here = health(PARLEY)
  const openai = new FakeOpenAi({ models: ["gpt-6-luna", "gpt-realtime-2.1"], key: "sk-right-key" })
  const twilio = new FakeTwilio({ numbers: [{ ...NUMBER, voice_url: `${here.url}/twilio/voice` }] })
  const env = {
    PORT: String(here.port),
    PUBLIC_URL: here.url,
    ASSETS_DIR: join(dir, "assets"),
    DATABASE_URL: `file:${join(dir, "parley.db")}`,
    OPENAI_API_KEY: "sk-right-key",
    OPENAI_BASE_URL: openai.baseUrl,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_API_BASE_URL: twilio.baseUrl,
    API_KEYS: "a-long-enough-secret",
  }
  return {
    openai,
    twilio,
    here,
    async run(changes: Record<string, string | undefined> = {}, options: Partial<CheckOptions> = {}) {
      const lines: string[] = []
      const config = readConfig({ ...env, ...changes })
      const print = (line: string) => void lines.push(line)
      const code = await check(config, { offline: false, strict: false, ...options, print })
      return { code, text: lines.join("\n") }
    },
    database: env.DATABASE_URL,
    async [Symbol.asyncDispose]() {
      await Promise.all([here, openai, twilio].map((server) => server[Symbol.asyncDispose]()))
      rmSync(dir, { recursive: true })
    },
  }
}

test("an installation whose services all answer is ready, also strictly", async () => {
  await using it = installation()
  const { code, text } = await it.run({}, { strict: true })
  expect(text).toContain("accepts the key, 2 models")
  expect(text).toContain(`✓ Twilio: account ${it.twilio.accountSid} (Acme)`)
  expect(text).toContain(`✓ Number: +15550100002: agent default; points here, ${it.here.url}/twilio/voice`)
  expect(text).toContain(`✓ Public address: ${it.here.url} leads here`)
  expect(text).toContain(`A call comes in      ${it.here.url}/twilio/voice`)
  expect(text).toEndWith("\nReady for real calls.")
  expect(code).toBe(0)
})

test.each([
  ["a wrong token", { TWILIO_AUTH_TOKEN: "f".repeat(32) }, /✗ Twilio: Twilio refused to read the account/],
  [
    "a wrong key",
    { OPENAI_API_KEY: "sk-wrong" },
    /✗ Model: .* refused the key \(401\) → Check OPENAI_API_KEY/,
  ],
  [
    "a dead model server",
    { OPENAI_BASE_URL: "http://127.0.0.1:1/v1" },
    /✗ Model: nothing accepts .*ECONNREFUSED/,
  ],
  [
    "an unknown model",
    { OPENAI_MODEL: "gpt-9" },
    /! Model: gpt-9 is not among the models .* → check OPENAI_MODEL/,
  ],
  [
    "a dead address",
    { PUBLIC_URL: "http://127.0.0.1:1" },
    /✗ Public address: .*Check PUBLIC_URL, and the tunnel/,
  ],
] as const)("%s is found by asking, and strictly ends with 1", async (_, changes, line) => {
  await using it = installation()
  const { code, text } = await it.run(changes)
  expect(text).toMatch(line)
  expect(text).not.toEndWith("Ready for real calls.")
  expect({ code, strict: (await it.run(changes, { strict: true })).code }).toEqual({ code: 0, strict: 1 })
})

test.each([
  ["another program", { hello: "world" }, "✗ Public address: another program answers at"],
  [
    "another Parley server",
    { ...PARLEY, instance: "two" },
    "! Public address: another Parley server answers at",
  ],
] as const)("%s at the public address is found", async (_, body, line) => {
  await using it = installation()
  await using other = health(body)
  expect((await it.run({ PUBLIC_URL: other.url })).text).toContain(line)
})

test("a suspended account and numbers that lead elsewhere are found", async () => {
  await using it = installation()
  const [number] = it.twilio.numbers
  if (number) number.voice_url = "https://elsewhere.example/voice"
  expect((await it.run()).text).toContain(
    "! Number: +15550100002: agent default; points elsewhere, https://elsewhere.example/voice → parley numbers point +15550100002",
  )
  it.twilio.accountStatus = "suspended"
  expect((await it.run()).text).toContain("✗ Twilio: the account is suspended")
})

test("offline nothing is asked, and nothing is called ready", async () => {
  await using it = installation()
  const { code, text } = await it.run({}, { offline: true, strict: true })
  expect({ code, requests: it.twilio.requests }).toEqual({ code: 0, requests: [] })
  expect(text).toEndWith("Nothing is missing. No service was asked (--offline).")
})

const TOOL = (url: string) =>
  JSON.stringify({ tools: [{ name: "crm", http: { url, headers: { Authorization: "Bearer ${CRM}" } } }] })

test.each([
  [
    "a section with a wrong name",
    { "serverConfig.json": '{"nummbers": {}}' },
    "nummbers is not used; did you mean numbers?",
  ],
  [
    "a secret that is missing",
    { "crmTools.json": TOOL("https://crm.example/") },
    "needs TOOL_SECRET_CRM, which is not set",
  ],
  ["a file that is not read", { "crm.json": "{}" }, "crm.json in"],
  ["a folder that is not read", { "more/crmTools.json": "{}" }, "more/ in"],
  [
    "a placeholder that incoming calls cannot fill",
    { "serverConfig.json": '{"agents": {"default": {"greeting": "Hi {name}, {there|you}"}}}' },
    "! Assets: the agent default uses {name} without a default",
  ],
] as const)("%s is a warning", async (_, files, line) => {
  await using it = installation(files)
  const { code, text } = await it.run({}, { offline: true })
  expect(text).toContain(line)
  expect(code).toBe(0)
})

test("the address of a tool must be absolute", async () => {
  await using it = installation({ "crmTools.json": TOOL("/orders") })
  const { code, text } = await it.run({}, { offline: true })
  expect(text).toContain("crmTools.json:1 tools.0.http.url: must begin with http:// or https://")
  expect(code).toBe(1)
})

test("a folder of assets that is not there is a warning", async () => {
  await using it = installation()
  const { text } = await it.run({ ASSETS_DIR: "/nonexistent" }, { offline: true })
  expect(text).toContain("! Assets: the folder /nonexistent does not exist → create it, or set ASSETS_DIR")
})

test("what is stored and hides a file is named", async () => {
  await using it = installation({ "sales.md": "From the file." })
  {
    await using store = await openStore({ url: it.database })
    const at = { key: "sales", version: "v", source: "api", at: 1 } as const
    await store.assets.put({ kind: "context", text: "Stored.", ...at })
  }
  const { text } = await it.run({}, { offline: true })
  expect(text).toContain("! Assets: the stored context sales hides sales.md")
})
