/** `/api/sync/…` as the documents of Simple Conversation Relay show it. */

import { describe, expect, test } from "bun:test"
import { AppUnderTest } from "../app-under-test.ts"
import { jsonOf } from "../client.ts"

/** As `curl --data-raw` sends it where no content type is given. */
function curl(app: AppUnderTest, path: string, body: unknown, headers: Record<string, string> = {}) {
  return app.api(path, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
  })
}

describe("the documented requests", () => {
  test("store a context and a manifest, and make them the ones in use", async () => {
    await using app = await AppUnderTest.start()
    const context = await curl(app, "/api/sync/context", { customerServiceContext: "You are helpful." })
    expect({ status: context.status, body: await jsonOf(context) }).toEqual({
      status: 200,
      body: { success: true, keys: ["customerServiceContext"] },
    })
    const tools = [{ type: "function", function: { name: "end-call" } }]
    const manifest = await curl(app, "/api/sync/toolmanifest", { customerServiceTools: { tools } })
    expect(await jsonOf(manifest)).toEqual({ success: true, keys: ["customerServiceTools"] })
    const names = { context: "customerServiceContext", manifest: "customerServiceTools" }
    expect(await jsonOf(await curl(app, "/api/sync/usedconfig", names))).toEqual({ success: true, ...names })
    expect((await app.json("/v1/config")).config.AssetLoader).toMatchObject(names)
    expect((await app.json("/v1/contexts/customerServiceContext")).text).toBe("You are helpful.")
  })

  test("merge into the server configuration, which can be read and holds without a restart", async () => {
    await using app = await AppUnderTest.start()
    await curl(app, "/api/sync/context", { myBusinessContext: "Business." })
    const merged = await curl(app, "/api/sync/serverconfig", {
      AssetLoader: { context: "myBusinessContext" },
      ConversationRelay: { Configuration: { welcomeGreeting: "Welcome to business" } },
    })
    const expected = {
      success: true,
      AssetLoader: { context: "myBusinessContext", manifest: "defaultToolManifest" },
      ConversationRelay: { Configuration: { language: "en-AU" } },
    }
    expect(await jsonOf(merged)).toMatchObject(expected)
    const shown = await app.json("/api/sync/serverconfig")
    expect(shown).toMatchObject(expected)
    const { relay } = await app.incoming()
    expect(relay.attributes["welcomeGreeting"]).toBe("Welcome to business")
    expect(await jsonOf(await curl(app, "/api/sync/serverconfig", shown))).toEqual(shown)
    expect((await app.json("/v1/config")).config).not.toHaveProperty("success")
  })

  test("name their successors", async () => {
    await using app = await AppUnderTest.start()
    const { headers } = await curl(app, "/api/sync/context", { a: "x" })
    expect({ deprecation: headers.get("deprecation"), link: headers.get("link") }).toEqual({
      deprecation: "true",
      link: '</v1/contexts>; rel="successor-version"',
    })
  })
})

describe("refusals have the old form", () => {
  test.each([
    ["a key with a path", "context", { "../x": "X." }, "its key must be"],
    ["a context that is no text", "context", { a: { content: "x" } }, "The context a must be a text."],
    ["a context of 200 KB", "context", { a: "x".repeat(200_000) }, "may have 100000 at most"],
    ["nothing", "context", {}, "The body must hold 1 to 50 assets"],
    ["a list", "toolmanifest", [], "must be a JSON object"],
    ["no JSON", "toolmanifest", "{\n oops", "line 2"],
    ["an unknown tool", "toolmanifest", { t: { tools: [{ name: "fly" }] } }, "there is no tool fly"],
    ["a key twice", "context", '{"a": "x", "a": "y"}', "twice"],
    ["a context that is not there", "usedconfig", { context: "nope" }, "there is no context nope"],
    ["no key at all", "usedconfig", {}, "must name context or manifest"],
    [
      "the loader that never was",
      "serverconfig",
      { AssetLoader: { assetLoaderType: "j2" } },
      "J2 asset loader",
    ],
  ])("%s", async (_, path, body, message) => {
    await using app = await AppUnderTest.start()
    const answer = await curl(app, `/api/sync/${path}`, body)
    expect({ status: answer.status, body: await jsonOf(answer) }).toEqual({
      status: 400,
      body: { success: false, error: expect.stringContaining(message) },
    })
  })

  test("of several assets all or none are stored", async () => {
    await using app = await AppUnderTest.start()
    await curl(app, "/api/sync/context", { good: "Good.", bad: "" })
    expect((await app.api("/v1/contexts/good")).status).toBe(404)
  })

  test.each([
    ["without a key", {}, 401],
    ["with the key of one user", { Authorization: "Bearer user-key-0123456789" }, 403],
    ["with a key of all", { "X-API-Key": "admin-key-0123456789" }, 200],
  ])("%s", async (_, headers, status) => {
    await using app = await AppUnderTest.start({ API_KEYS: "admin-key-0123456789,user-key-0123456789:anna" })
    const answer = await curl(app, "/api/sync/context", { a: "x" }, headers)
    expect({ status: answer.status, success: (await jsonOf(answer)).success }).toEqual({
      status,
      success: status === 200,
    })
  })

  test("the paths are gone where the earlier system is switched off", async () => {
    await using app = await AppUnderTest.start({ COMPAT: "off" })
    expect((await app.api("/api/sync/serverconfig")).status).toBe(404)
  })
})
