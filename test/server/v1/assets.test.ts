/** `/v1/contexts`, `/v1/manifests`, `/v1/config`: what they take, refuse and show, and that the next call uses it. */

import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FakeTwilioSync } from "../../fakes/fake-twilio-sync.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { jsonOf } from "../client.ts"

const KEYS = { API_KEYS: "admin-key-0123456789,user-key-0123456789:anna" }
const ADMIN = { Authorization: "Bearer admin-key-0123456789" }
const ANNA = { Authorization: "Bearer user-key-0123456789" }

function put(app: AppUnderTest, path: string, body: unknown, headers: Record<string, string> = {}) {
  const isText = typeof body === "string"
  const type = { "Content-Type": isText ? "text/markdown" : "application/json" }
  return app.api(path, {
    method: "PUT",
    body: isText ? body : JSON.stringify(body),
    headers: { ...type, ...headers },
  })
}

describe("contexts", () => {
  test("are stored as JSON or as Markdown, read, listed and deleted", async () => {
    await using app = await AppUnderTest.start()
    expect(await jsonOf(await put(app, "/v1/contexts/sales", { text: "Sell." }))).toEqual({
      key: "sales",
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
      source: "api",
    })
    const { version } = await jsonOf(await put(app, "/v1/contexts/sales", "# Sell more\n"))
    expect(await app.json("/v1/contexts/sales")).toEqual({
      key: "sales",
      version,
      source: "api",
      text: "# Sell more\n",
    })
    expect(await app.json("/v1/contexts")).toEqual({
      contexts: [
        { key: "defaultContext", version: expect.any(String), source: "embedded" },
        { key: "sales", version, source: "api" },
      ],
    })
    expect(await app.json("/v1/contexts/sales", { method: "DELETE" })).toEqual({
      deleted: true,
      inForce: null,
    })
    expect((await app.api("/v1/contexts/sales")).status).toBe(404)
  })

  test("keep their versions, also when deleted", async () => {
    await using app = await AppUnderTest.start()
    const { version: first } = await jsonOf(await put(app, "/v1/contexts/sales", "one"))
    const { version: second } = await jsonOf(await put(app, "/v1/contexts/sales", "two"))
    const { versions } = await app.json("/v1/contexts/sales/versions")
    expect(versions).toEqual([
      { version: second, source: "api", createdAt: "2026-11-20T00:00:00.000Z", inForce: true },
      { version: first, source: "api", createdAt: "2026-11-20T00:00:00.000Z", inForce: false },
    ])
    await app.api("/v1/contexts/sales", { method: "DELETE" })
    expect(await app.json(`/v1/contexts/sales/versions/${first}`)).toEqual({
      key: "sales",
      version: first,
      text: "one",
    })
    expect((await app.api("/v1/contexts/sales/versions/nope")).status).toBe(404)
    expect((await app.api("/v1/contexts/never/versions")).status).toBe(404)
  })

  test("hold for the next call", async () => {
    await using app = await AppUnderTest.start()
    await put(app, "/v1/contexts/sales", "Sell.")
    const body = {
      AssetLoader: { context: "sales" },
      ConversationRelay: { Configuration: { welcomeGreeting: "New!" } },
    }
    await app.json("/v1/config", {
      method: "PATCH",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
    })
    const { relay } = await app.incoming()
    expect(relay.attributes["welcomeGreeting"]).toBe("New!")
  })

  test.each([
    ["a context of 200 KB", "/v1/contexts/a", "x".repeat(200_000), 400, "a context may have 100000 at most"],
    ["an empty one", "/v1/contexts/a", { text: "" }, 400, "is empty"],
    ["a body of another form", "/v1/contexts/a", { content: "x" }, 400, "text"],
    ["a list", "/v1/contexts/a", ["x"], 400, "must be a JSON object"],
    ["a key with a path", "/v1/contexts/..%2Fx", { text: "x" }, 400, "The key is invalid"],
    ["a key that is too long", `/v1/contexts/${"a".repeat(129)}`, { text: "x" }, 400, "The key is invalid"],
    ["a manifest as Markdown", "/v1/manifests/a", "x", 415, "Content-Type application/json"],
    [
      "an unknown tool",
      "/v1/manifests/a",
      { tools: [{ name: "fly" }] },
      400,
      "there is no tool fly; there are ",
    ],
    ["a manifest without tools", "/v1/manifests/a", {}, 400, "tools"],
    [
      "a configuration that cannot be",
      "/v1/config",
      { AssetLoader: { context: "nope" } },
      400,
      "there is no context nope",
    ],
  ])("%s is refused", async (_, path, body, status, message) => {
    await using app = await AppUnderTest.start()
    const answer = await put(app, path, body)
    expect({ status: answer.status, message: (await jsonOf(answer)).error.message }).toEqual({
      status,
      message: expect.stringContaining(message),
    })
  })

  test("a body of another type is refused", async () => {
    await using app = await AppUnderTest.start()
    const answer = await put(app, "/v1/contexts/a", "x", { "Content-Type": "text/plain" })
    expect(answer.status).toBe(415)
  })

  test("a body that is no JSON is reported with its line", async () => {
    await using app = await AppUnderTest.start()
    const headers = { "Content-Type": "application/json" }
    const [one, two] = await Promise.all([
      put(app, "/v1/contexts/a", '{\n"text": oops}', headers),
      put(app, "/v1/manifests/a", '{\n"tools": [\n{,}]}', headers),
    ])
    expect((await jsonOf(one)).error.message).toContain("line 2: expected a value")
    expect((await jsonOf(two)).error).toMatchObject({
      message: expect.stringContaining("manifest a:3: expected a key in quotes"),
      details: [{ asset: "manifest a", line: 3, message: expect.any(String) }],
    })
  })
})

describe("manifests", () => {
  test("are stored and shown as they were given", async () => {
    await using app = await AppUnderTest.start()
    const tools = [{ type: "function", function: { name: "end-call", description: "Ends the call." } }]
    const { version } = await jsonOf(await put(app, "/v1/manifests/few", { tools }))
    expect(await app.json("/v1/manifests/few")).toEqual({ key: "few", version, source: "api", tools })
    expect(await app.json(`/v1/manifests/few/versions/${version}`)).toEqual({ key: "few", version, tools })
    const { manifests } = await app.json("/v1/manifests")
    expect(manifests.map(({ key }: { key: string }) => key)).toEqual(["defaultToolManifest", "few"])
    expect(await app.json("/v1/manifests/few", { method: "DELETE" })).toEqual({
      deleted: true,
      inForce: null,
    })
  })
})

describe("the configuration", () => {
  test("is shown, patched, replaced and restored", async () => {
    await using app = await AppUnderTest.start()
    const json = { "Content-Type": "application/json" }
    const shipped = await app.json("/v1/config")
    expect(shipped).toMatchObject({
      source: "embedded",
      config: { AssetLoader: { context: "defaultContext" } },
    })
    const patch = { ConversationRelay: { Configuration: { welcomeGreeting: "Hello!" } } }
    const patched = await app.json("/v1/config", {
      method: "PATCH",
      body: JSON.stringify(patch),
      headers: json,
    })
    expect(patched.config.ConversationRelay.Configuration).toMatchObject({
      welcomeGreeting: "Hello!",
      language: "en-AU",
    })
    const replaced = await jsonOf(await put(app, "/v1/config", { Server: { ListenMode: { enabled: true } } }))
    expect(replaced).toMatchObject({ source: "api", config: { Server: { ListenMode: { enabled: true } } } })
    expect(replaced.config.ConversationRelay).toEqual(shipped.config.ConversationRelay)
    const { versions } = await app.json("/v1/config/versions")
    expect(versions).toHaveLength(2)
    const old = await app.json(`/v1/config/versions/${patched.version}`)
    expect(old.config.ConversationRelay.Configuration.welcomeGreeting).toBe("Hello!")
    expect(await app.json("/v1/config", { method: "DELETE" })).toEqual(shipped)
    expect((await app.api("/v1/config", { method: "DELETE" })).status).toBe(409)
  })
})

describe("rights", () => {
  test.each([
    ["reading needs a key", "GET", "/v1/contexts", {}, 401],
    ["writing needs a key", "PUT", "/v1/contexts/a", {}, 401],
    ["a key of one user may read", "GET", "/v1/contexts", ANNA, 200],
    ["a key of one user may not store", "PUT", "/v1/contexts/a", ANNA, 403],
    ["a key of one user may not delete", "DELETE", "/v1/manifests/a", ANNA, 403],
    ["a key of one user may not change the configuration", "PATCH", "/v1/config", ANNA, 403],
    ["a key of all may store", "PUT", "/v1/contexts/a", ADMIN, 200],
  ])("%s", async (_, method, path, headers, status) => {
    await using app = await AppUnderTest.start(KEYS)
    const body = method === "GET" || method === "DELETE" ? null : JSON.stringify({ text: "x" })
    const answer = await app.api(path, {
      method,
      body,
      headers: { "Content-Type": "application/json", ...headers },
    })
    expect(answer.status).toBe(status)
  })
})

describe("with Twilio Sync", () => {
  async function inSync(work: (app: AppUnderTest, fake: FakeTwilioSync) => Promise<void>) {
    const dir = mkdtempSync(join(tmpdir(), "parley-"))
    try {
      writeFileSync(
        join(dir, "serverConfig.json"),
        JSON.stringify({ AssetLoader: { assetLoaderType: "sync" } }),
      )
      await using fake = new FakeTwilioSync()
      await using app = await AppUnderTest.start({
        ASSETS_DIR: dir,
        TWILIO_ACCOUNT_SID: fake.accountSid,
        TWILIO_API_BASE_URL: fake.baseUrl,
      })
      // Waits until the account is filled.
      await app.json("/v1/contexts")
      await work(app, fake)
    } finally {
      rmSync(dir, { recursive: true })
    }
  }

  test("what is put goes there, and what is edited there is heard by the next caller", () =>
    inSync(async (app, fake) => {
      await put(app, "/v1/contexts/sales", "Sell.")
      expect(fake.content("Context")["sales"]).toEqual({ content: "Sell." })
      fake.edit("serverConfig", "serverConfig", {
        AssetLoader: { assetLoaderType: "sync", context: "sales" },
        ConversationRelay: { Configuration: { welcomeGreeting: "From Sync" } },
      })
      app.clock.advance(2000)
      const { relay } = await app.incoming()
      expect(relay.attributes["welcomeGreeting"]).toBe("From Sync")
      expect(await app.json("/v1/contexts/sales")).toMatchObject({ source: "sync", text: "Sell." })
    }))

  test("a failure of Sync is reported", () =>
    inSync(async (app, fake) => {
      fake.faultAt(/POST/, { kind: "answer", status: 503 })
      const answer = await put(app, "/v1/contexts/sales", "Sell.")
      expect({ status: answer.status, code: (await jsonOf(answer)).error.code }).toEqual({
        status: 502,
        code: "UPSTREAM_FAILED",
      })
    }))
})
