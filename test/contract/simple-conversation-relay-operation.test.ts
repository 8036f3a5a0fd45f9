/** What Simple Conversation Relay promised of assets, models, settings and operation. */

import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { upload } from "../../src/cli/upload.ts"
import { serve } from "../../src/cli/serve.ts"
import { readConfig } from "../../src/config/config.ts"
import { FakeFlowise, FLOW_ID } from "../fakes/fake-flowise.ts"
import { says } from "../fakes/openai-script.ts"
import { FakeTwilioSync } from "../fakes/fake-twilio-sync.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { instructionsOf, manifestOf, simpleRelayHarness, toolNamesOf } from "./simple-relay-harness.ts"
import { rejection } from "../llm/fixture.ts"

const ROOT = join(import.meta.dir, "../..")

describe("assets", () => {
  test("an empty folder is enough: context, tools and configuration are inside the program", async () => {
    await using harness = await simpleRelayHarness()
    const call = await harness.call()
    const [request] = await call.ask("Hello", says("Hi."))
    expect(instructionsOf(request)).toContain("# Objective")
    for (const section of ["Style Guardrails", "Response Guidelines", "Instructions"]) {
      expect(instructionsOf(request)).toContain(`# ${section}`)
    }
    expect(toolNamesOf(request)).toEqual(
      expect.arrayContaining([
        "end-call",
        "live-agent-handoff",
        "send-dtmf",
        "switch-language",
        "play-media",
        "set-listen-mode",
      ]),
    )
    expect(toolNamesOf(request)).not.toContain("send-sms")
  })

  test("files are found by their names, and their keys are the names without an ending", async () => {
    await using harness = await simpleRelayHarness({
      assets: {
        "salesContext.md": "Sell.",
        "managerTools.json": manifestOf("end-call"),
        "myManifest.json": manifestOf("send-sms"),
        "notes.json": { no: "tools" },
      },
    })
    const { contexts } = await harness.app.json("/v1/contexts")
    const { manifests } = await harness.app.json("/v1/manifests")
    const keys = (list: { key: string }[]) => list.map(({ key }) => key)
    expect(keys(contexts)).toEqual(["defaultContext", "salesContext"])
    expect(keys(manifests)).toEqual(["defaultToolManifest", "managerTools", "myManifest"])
  })

  test("the active keys come from the configuration, and one that is none stops the start", async () => {
    const active = (context: string) => ({
      "serverConfig.json": { AssetLoader: { assetLoaderType: "file", context, manifest: "limitedTools" } },
      "salesContext.md": "Sell.",
      "limitedTools.json": manifestOf("end-call"),
    })
    await using harness = await simpleRelayHarness({ assets: active("salesContext") })
    const call = await harness.call()
    const [request] = await call.ask("Hello", says("Hi."))
    expect({ hasContext: instructionsOf(request).startsWith("Sell."), tools: toolNamesOf(request) }).toEqual({
      hasContext: true,
      tools: ["end-call"],
    })
    expect(await rejection(simpleRelayHarness({ assets: active("nothing") }))).toMatchObject({
      message: expect.stringContaining("nothing"),
    })
  })

  test("the loader j2 and one that is unknown are refused", async () => {
    const loader = (assetLoaderType: string) => ({
      "serverConfig.json": { AssetLoader: { assetLoaderType } },
    })
    expect(await rejection(simpleRelayHarness({ assets: loader("j2") }))).toMatchObject({
      message: expect.stringContaining("J2 asset loader not yet implemented"),
    })
    expect(await rejection(simpleRelayHarness({ assets: loader("other") }))).toMatchObject({
      message: expect.stringContaining("assetLoaderType"),
    })
  })

  test("contexts, manifests and the configuration are stored by their paths and used by the next call", async () => {
    await using harness = await simpleRelayHarness()
    const running = await harness.call()
    const [before] = await running.ask("Hello", says("Hi."))
    const post = (path: string, body: unknown) => harness.app.post(`/api/sync/${path}`, body)
    const tools = [{ type: "function", function: { name: "send-sms", description: "Sends." } }]
    expect((await post("context", { customerServiceContext: "Serve customers." })).status).toBe(200)
    expect((await post("toolmanifest", { customerServiceTools: { tools } })).status).toBe(200)
    const names = { context: "customerServiceContext", manifest: "customerServiceTools" }
    expect((await post("usedconfig", names)).status).toBe(200)
    expect((await harness.app.json("/api/sync/serverconfig")).AssetLoader).toMatchObject(names)
    const next = await harness.call()
    const [request] = await next.ask("Hello", says("Hi."))
    expect({
      hasContext: instructionsOf(request).startsWith("Serve customers."),
      tools: toolNamesOf(request),
    }).toEqual({ hasContext: true, tools: ["send-sms"] })
    // A call that runs keeps what it began with.
    const [after] = await running.ask("Still you?", says("Yes."))
    expect(instructionsOf(after)).toBe(instructionsOf(before))
    await post("serverconfig", { AssetLoader: { context: "defaultContext" } })
    const [last] = await (await harness.call()).ask("Hello", says("Hi."))
    expect(instructionsOf(last)).toStartWith("# Objective")
  })

  test("in sync mode the service, its maps and its document are made once and filled with the local files", async () => {
    await using sync = new FakeTwilioSync()
    await using files = await simpleRelayHarness({ assets: { "salesContext.md": "Sell." } })
    files.write("serverConfig.json", { AssetLoader: { assetLoaderType: "sync" } })
    const env = {
      ASSETS_DIR: files.dir,
      TWILIO_ACCOUNT_SID: sync.accountSid,
      TWILIO_AUTH_TOKEN: sync.authToken,
      TWILIO_API_BASE_URL: sync.baseUrl,
    }
    for (let start = 0; start < 2; start++) {
      await using app = await AppUnderTest.start(env)
      await app.incoming()
    }
    expect(sync.services.map(({ name }) => name)).toEqual(["ConversationRelay"])
    const [service] = sync.services
    expect([...(service?.maps.keys() ?? [])].toSorted()).toEqual(["Context", "ToolManifest"])
    expect(service?.maps.get("Context")?.get("salesContext")?.data).toEqual({ content: "Sell." })
    expect(service?.documents.has("serverConfig")).toBe(true)
  })

  test("the upload command takes files of any path and has the documented errors", async () => {
    await using harness = await simpleRelayHarness({
      assets: { "myContext.md": "Mine.", "broken.json": "{" },
    })
    const run = async (...files: string[]) => {
      const lines: string[] = []
      const note = (line: string) => void lines.push(line)
      const config = () => readConfig({ ASSETS_DIR: harness.dir, DATABASE_URL: ":memory:" })
      return [
        await upload(config, { files, sync: false, print: note, fail: note }),
        lines.join("\n"),
      ] as const
    }
    const file = (name: string) => join(harness.dir, name)
    const [code, printed] = await run(relative(process.cwd(), file("myContext.md")))
    expect({ code, printed }).toEqual({
      code: 0,
      printed: expect.stringContaining("Upload completed successfully!"),
    })
    expect(printed).toContain("Key: myContext")
    const errors = [[], ["x.txt"], [file("gone.md")], [file("broken.json")]]
    const reported = await Promise.all(errors.map((files) => run(...files)))
    expect(reported.map(([exit]) => exit)).toEqual([1, 1, 1, 1])
    expect(reported.map(([, text]) => text)).toEqual([
      expect.stringContaining("Usage"),
      expect.stringContaining("Error: Only .md and .json files are supported"),
      expect.stringContaining(`Error: File not found: ${file("gone.md")}`),
      expect.stringContaining("Error: Invalid JSON in broken.json"),
    ])
  })

  test("the upload to Twilio Sync without credentials says what is missing", async () => {
    await using harness = await simpleRelayHarness({ assets: { "myContext.md": "Mine." } })
    const lines: string[] = []
    const note = (line: string) => void lines.push(line)
    const config = () => readConfig({ ASSETS_DIR: harness.dir, DATABASE_URL: ":memory:" })
    const files = [join(harness.dir, "myContext.md")]
    expect(await upload(config, { files, sync: true, print: note, fail: note })).toBe(1)
    expect(lines.join("\n")).toContain("Error: Missing Twilio credentials")
  })
})

describe("models", () => {
  test("OpenAI's Responses API is asked to stream and to keep nothing", async () => {
    await using harness = await simpleRelayHarness({ env: { OPENAI_MODEL: "gpt-4o" } })
    const call = await harness.call()
    const [request] = await call.ask("Hello", says("Hi."))
    expect({
      api: request?.api,
      stream: request?.body["stream"],
      store: request?.body["store"],
      model: request?.body["model"],
    }).toEqual({ api: "responses", stream: true, store: false, model: "gpt-4o" })
  })

  test("any server that speaks OpenAI's protocol answers in its place", async () => {
    await using harness = await simpleRelayHarness({ env: { MODEL_PROVIDER: "openai-compatible" } })
    const call = await harness.call()
    const [request] = await call.ask("Hello", says("Hi."))
    expect({ api: request?.api, lines: await call.lines() }).toEqual({ api: "chat", lines: ["Hi."] })
  })

  test("a Flowise flow answers in its place", async () => {
    await using flowise = new FakeFlowise({ script: () => ({ tokens: ["From", " the flow."] }) })
    await using harness = await simpleRelayHarness({
      env: { MODEL_PROVIDER: "flowise", FLOWISE_BASE_URL: flowise.baseUrl, FLOWISE_FLOW_ID: FLOW_ID },
    })
    const call = await harness.call()
    await call.ask("Hello")
    expect((await call.lines()).join("")).toBe("From the flow.")
  })
})

describe("settings", () => {
  test("the documented names are enough", () => {
    const config = readConfig({
      PORT: "3001",
      SERVER_BASE_URL: "server-yourdomain.ngrok.dev",
      OPENAI_API_KEY: "sk-x",
      OPENAI_MODEL: "gpt-4o",
      ACCOUNT_SID: `AC${"0".repeat(32)}`,
      AUTH_TOKEN: "0".repeat(32),
      API_KEY: `SK${"0".repeat(32)}`,
      API_SECRET: "secret",
      FROM_NUMBER: "+15550100002",
      OUTBOUND_API_KEY: "a-key-of-sixteen",
      OUTBOUND_RATE_LIMIT_PER_MINUTE: "7",
    })
    expect({
      port: config.port,
      publicUrl: config.publicUrl,
      model: config.openai.model,
      fromNumber: config.twilio.fromNumber,
    }).toEqual({
      port: 3001,
      publicUrl: "https://server-yourdomain.ngrok.dev",
      model: "gpt-4o",
      fromNumber: "+15550100002",
    })
    expect(config.limits.serverCallStartsPerMinute).toBe(7)
  })

  test("the port is 3000 where none is given", () => expect(readConfig({}).port).toBe(3000))

  test("all missing variables are reported at once", () => {
    expect(() => readConfig({ TWILIO_API_KEY: "SKx", TWILIO_EDGE: "dublin", PORT: "x" })).toThrow(
      /PORT[\s\S]*TWILIO_API_SECRET[\s\S]*TWILIO_REGION/,
    )
  })

  test("the key pair does in place of the token", async () => {
    await using harness = await simpleRelayHarness({
      env: { TWILIO_API_KEY: `SK${"1".repeat(32)}`, TWILIO_API_SECRET: "secret-of-the-pair" },
    })
    await harness.app.post("/v1/calls", { to: "+15550100077" })
    const login = Buffer.from(`SK${"1".repeat(32)}:secret-of-the-pair`).toString("base64")
    expect(harness.rest.requests[0]?.headers["authorization"]).toBe(`Basic ${login}`)
  })

  test("without Twilio's account calls that come in are answered all the same", async () => {
    await using app = await AppUnderTest.start()
    expect((await app.incoming()).relay.attributes["welcomeGreeting"]).toStartWith("Hello there!")
  })

  test("with PORT_RETRY a port in use is followed by the next one, without it the start ends", async () => {
    const occupied = Bun.serve({ port: 0, fetch: () => new Response() })
    const env = { PORT: String(occupied.port), DATABASE_URL: ":memory:", MODEL_PROVIDER: "demo" }
    expect(await rejection(serve(readConfig(env)))).toMatchObject({
      message: expect.stringContaining(`Port ${occupied.port} is in use`),
    })
    const running = await serve(readConfig({ ...env, PORT_RETRY: "1" }))
    expect(running.port).toBeGreaterThan(occupied.port ?? 0)
    await running.kill()
    await occupied.stop(true)
  })

  test("a configuration that is broken stops the start and is named", async () => {
    expect(
      await rejection(simpleRelayHarness({ assets: { "serverConfig.json": '{"Server":' } })),
    ).toMatchObject({ message: expect.stringContaining("serverConfig.json") })
  })
})

test.each([
  [
    "the page on numbers names the webhook and its method",
    "docs/compatibility.md",
    /POST \/connectConversationRelay/,
  ],
  ["the page on operation describes tunnels", "README.md", /ngrok|cloudflared|tunnel/i],
  ["the page on testing names the commands of developers", "docs/testing.md", /npm (run )?test/],
])("%s", (_, page, pattern) => {
  expect(readFileSync(join(ROOT, page), "utf8")).toMatch(pattern)
})

test("the file for Fly.io keeps a machine running, so that no call is dropped", () => {
  const path = join(ROOT, "docs/deploy/fly.toml")
  expect(existsSync(path)).toBe(true)
  expect(readFileSync(path, "utf8")).toMatch(/min_machines_running\s*=\s*1/)
})
