/** Assets stored by the API over those of files: what is checked, what is kept, what comes back. */

import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createAssets, type AssetsOptions, type LiveAssets } from "../../src/assets/assets.ts"
import type { Log } from "../../src/lib/log.ts"
import { openStore } from "../../src/store/open-store.ts"
import { builtinTools } from "../../src/tools/registry.ts"
import { TestClock } from "../lib/test-clock.ts"

async function setUp(files: Record<string, unknown> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "parley-"))
  const store = await openStore({ url: ":memory:" })
  const clock = new TestClock()
  const lines: string[] = []
  const note = (message: string, fields?: Record<string, unknown>) =>
    void lines.push([message, ...Object.values(fields ?? {})].join(" "))
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log, background: () => {} }
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(dir, name), typeof content === "string" ? content : JSON.stringify(content))
  }
  let opened: LiveAssets | undefined
  return {
    dir,
    store,
    clock,
    lines,
    async open(options: Partial<AssetsOptions> = {}) {
      opened?.close()
      const knownTools = [...builtinTools().keys()]
      opened = await createAssets({
        dir,
        log,
        knownTools,
        sweep: clock.sweep,
        repository: store.assets,
        ...options,
      })
      return opened
    },
    async [Symbol.asyncDispose]() {
      opened?.close()
      await store.close()
      clock[Symbol.dispose]()
      rmSync(dir, { recursive: true })
    },
  }
}

const context = (key: string, text: string) => ({ kind: "context", key, text }) as const
const manifest = (key: string, text: string) => ({ kind: "manifest", key, text }) as const
const config = (content: unknown) =>
  ({ kind: "config", key: "serverConfig", text: JSON.stringify(content, null, 2) }) as const

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe("what is stored", () => {
  test("lies over the files, outlives the process and leaves calls that run alone", async () => {
    await using t = await setUp({ "sales.md": "File." })
    const assets = await t.open()
    const held = assets.agentFor({ contextKey: "sales" })
    await assets.library.put([context("sales", "Stored."), context("more", "More.")])
    const again = await t.open()
    expect(held.context.text).toBe("File.")
    expect(again.agentFor({ contextKey: "sales" }).context.text).toBe("Stored.")
    expect(again.library.list("context").map(({ key, source }) => [key, source])).toEqual([
      ["defaultContext", "embedded"],
      ["more", "api"],
      ["sales", "api"],
    ])
  })

  test("has the version that calls record", async () => {
    await using t = await setUp()
    const assets = await t.open()
    const tools = '{"tools": [{"name": "end-call"}]}'
    const [stored] = await assets.library.put([manifest("few", tools)])
    expect(assets.agentFor({ manifestKey: "few" }).manifest.version).toBe(stored?.version ?? "")
    expect(await assets.library.read({ kind: "manifest", key: "few" }, stored?.version ?? "")).toBe(tools)
  })

  test("comes back by deleting: the file shows again", async () => {
    await using t = await setUp({ "sales.md": "File." })
    const assets = await t.open()
    await assets.library.put([context("sales", "Stored.")])
    await assets.library.remove({ kind: "context", key: "sales" })
    expect((await t.open()).agentFor({ contextKey: "sales" }).context.text).toBe("File.")
  })

  test("has its versions, newest first, and the file's among them", async () => {
    await using t = await setUp({ "sales.md": "File." })
    const { library } = await t.open()
    await library.put([context("sales", "one")])
    t.clock.advance(5)
    await library.put([context("sales", "two")])
    await library.put([context("sales", "two")])
    const place = { kind: "context", key: "sales" } as const
    const versions = await library.versions(place)
    const texts = await Promise.all(versions.map(({ version }) => library.read(place, version)))
    expect(
      versions.map(({ source, createdAt, inForce }, index) => [texts[index], { source, createdAt, inForce }]),
    ).toEqual([
      ["two", { source: "api", createdAt: t.clock.now(), inForce: true }],
      ["one", { source: "api", createdAt: t.clock.now() - 5, inForce: false }],
    ])
    await library.remove(place)
    expect((await library.versions(place))[0]).toMatchObject({
      source: "file",
      createdAt: null,
      inForce: true,
    })
  })

  test("by another process is there for the next call, and within half a second", async () => {
    await using t = await setUp()
    const assets = await t.open()
    const put = (key: string, text: string) =>
      t.store.assets.put({ kind: "context", key, version: key, text, source: "api", at: 1 })
    await put("uploaded", "Hello.")
    await assets.refresh()
    expect(assets.agentFor({ contextKey: "uploaded" }).context.text).toBe("Hello.")
    await put("later", "Later.")
    await t.clock.pass(500)
    expect(assets.keys().contexts).toContain("later")
  })

  test("and has become faulty is left out at the start and reported", async () => {
    await using t = await setUp()
    const at = { source: "api", at: 1, version: "v" } as const
    await t.store.assets.put({ kind: "manifest", key: "old", text: '{"tools": [{"name": "fly"}]}', ...at })
    await t.store.assets.put({ kind: "context", key: "good", text: "Good.", ...at })
    expect((await t.open()).keys()).toMatchObject({
      contexts: ["defaultContext", "good"],
      manifests: ["defaultToolManifest"],
    })
    expect(t.lines.join()).toContain("a stored asset is faulty and is left out manifest/old manifest old:1")
  })

  test("as a configuration that fits the files no more gives way to theirs", async () => {
    await using t = await setUp()
    const { text } = config({ AssetLoader: { context: "gone" } })
    await t.store.assets.put({
      kind: "config",
      key: "serverConfig",
      text,
      version: "v",
      source: "api",
      at: 1,
    })
    expect((await t.open()).agentFor({}).context.key).toBe("defaultContext")
    expect(t.lines.join()).toContain("the stored configuration cannot be used")
  })

  test("without a place to keep it lasts as long as the process", async () => {
    await using t = await setUp()
    const { library, ...assets } = await t.open({
      repository: undefined,
    } as unknown as Partial<AssetsOptions>)
    await library.put([context("a", "A.")])
    expect(assets.agentFor({ contextKey: "a" }).context.text).toBe("A.")
  })
})

describe("refused, and nothing is stored", () => {
  const tools = [...builtinTools().keys()].toSorted().join(", ")
  test.each([
    [
      "a context that is too long",
      context("a", "x".repeat(200_000)),
      "has 200000 characters; a context may have 100000 at most",
    ],
    ["an empty context", context("a", " \n"), "context a: is empty"],
    ["a key with a path", context("../x", "X."), "its key must be 1 to 128 letters, digits, _ or -"],
    ["a key that is too long", context("a".repeat(129), "X."), "its key must be 1 to 128"],
    ["an empty key", context("", "X."), "its key must be"],
    [
      "a manifest with a fault of syntax",
      manifest("a", '{\n  "tools": [\n    {,}\n]}'),
      "manifest a:3: expected a key",
    ],
    [
      "an unknown tool",
      manifest("a", '{"tools": [{"name": "fly"}]}'),
      `there is no tool fly; there are ${tools}`,
    ],
    ["a manifest that is a list", manifest("a", "[]"), "expected object"],
    [
      "a configuration with an unknown context",
      config({ AssetLoader: { context: "gone" } }),
      "there is no context gone",
    ],
    [
      "a configuration with a wrong field",
      config({ agents: { a: { engine: "fax" } } }),
      "serverConfig:4 agents.a.engine",
    ],
    [
      "another loader",
      config({ AssetLoader: { assetLoaderType: "sync" } }),
      "AssetLoader.assetLoaderType is file on this server",
    ],
    [
      "the loader that never was",
      config({ AssetLoader: { assetLoaderType: "j2" } }),
      "J2 asset loader not yet implemented",
    ],
  ])("%s", async (_, asset, message) => {
    await using t = await setUp()
    const { library } = await t.open()
    const before = [...library.list("context"), ...library.list("manifest"), library.config()]
    const error = await refusal(library.put([context("good", "Good."), asset]))
    expect(error).toMatchObject({ code: "INVALID_REQUEST", message: expect.stringContaining(message) })
    expect([...library.list("context"), ...library.list("manifest"), library.config()]).toEqual(before)
    expect(await t.store.assets.revision("api")).toBe(0)
  })

  test("many faults are summarised, and all in the details", async () => {
    await using t = await setUp()
    const many = Array.from({ length: 9 }, (_, index) => ({ name: `fly-${index}` }))
    const error = await refusal(
      (await t.open()).library.put([manifest("a", JSON.stringify({ tools: many }))]),
    )
    expect(error).toMatchObject({ message: expect.stringContaining("; and 4 more"), details: { length: 9 } })
  })

  test("more than 500 contexts", async () => {
    await using t = await setUp()
    const { library } = await t.open()
    await library.put(Array.from({ length: 500 }, (_, index) => context(`c${index}`, "x")))
    expect(await refusal(library.put([context("one-more", "x")]))).toMatchObject({ code: "CONFLICT" })
    expect(await library.put([context("c1", "y")])).toHaveLength(1)
  })

  test.each([
    ["what is not there", "nothing", "NOT_FOUND"],
    ["what comes from a file", "sales", "CONFLICT"],
    ["what an agent needs", "needed", "CONFLICT"],
  ])("deleting %s", async (_, key, code) => {
    await using t = await setUp({ "sales.md": "File." })
    const { library } = await t.open()
    await library.put([context("needed", "Needed.")])
    await library.put([config({ AssetLoader: { context: "needed" } })])
    expect(await refusal(library.remove({ kind: "context", key }))).toMatchObject({ code })
  })
})

describe("the configuration", () => {
  test("is patched in single fields, and takes the place of the file's", async () => {
    await using t = await setUp({
      "sales.md": "Sell.",
      "serverConfig.json": {
        ConversationRelay: { Configuration: { welcomeGreeting: "Hi", language: "en-US" } },
      },
    })
    const assets = await t.open()
    await assets.library.patchConfig({ AssetLoader: { context: "sales" } })
    const entry = await assets.library.patchConfig({
      ConversationRelay: { Configuration: { welcomeGreeting: "Hello" }, silenceDetection: { enabled: true } },
    })
    const agent = assets.agentFor({})
    expect({
      key: agent.context.key,
      greeting: agent.greeting,
      language: agent.relay.attributes["language"],
      enabled: agent.silence.enabled,
    }).toEqual({ key: "sales", greeting: "Hello", language: "en-US", enabled: true })
    expect(entry).toMatchObject({ kind: "config", source: "api" })
    expect((await t.open()).agentFor({}).greeting).toBe("Hello")
  })

  test("that is put replaces the file's; sections that it leaves out come from the shipped one", async () => {
    await using t = await setUp({ "serverConfig.json": { Server: { ListenMode: { enabled: true } } } })
    const assets = await t.open()
    await assets.library.put([config({ AssetLoader: {} })])
    const agent = assets.agentFor({})
    expect({ listenMode: agent.listenMode, voice: agent.relay.attributes["voice"] }).toEqual({
      listenMode: false,
      voice: "IKne3meq5aSn9XLyUdCD",
    })
    await assets.library.remove({ kind: "config", key: "serverConfig" })
    expect(assets.agentFor({}).listenMode).toBe(true)
  })

  test("changes take their turn", async () => {
    await using t = await setUp({ "a.md": "A.", "b.md": "B." })
    const { library } = await t.open()
    await Promise.all([
      library.patchConfig({ AssetLoader: { context: "a" } }),
      library.patchConfig({ Server: { ListenMode: { enabled: true } } }),
      refusal(library.patchConfig({ AssetLoader: { context: "nope" } })),
      library.patchConfig({ AssetLoader: { manifest: "defaultToolManifest" } }),
    ])
    expect(library.config()).toMatchObject({
      AssetLoader: { context: "a", manifest: "defaultToolManifest" },
      Server: { ListenMode: { enabled: true } },
    })
  })

  test("of a file is still read when it changes, under what is stored", async () => {
    await using t = await setUp({ "sales.md": "Sell." })
    const assets = await t.open()
    await assets.library.put([config({ Server: { ListenMode: true } })])
    writeFileSync(join(t.dir, "serverConfig.json"), JSON.stringify({ AssetLoader: { context: "sales" } }))
    expect(assets.reload()).toEqual({ changed: true, faults: [] })
    expect({ listenMode: assets.agentFor({}).listenMode, key: assets.agentFor({}).context.key }).toEqual({
      listenMode: true,
      key: "sales",
    })
  })

  test("stores only what was changed: other fields of the file still apply", async () => {
    const file = (greeting: string) =>
      JSON.stringify({ agents: { sales: { greeting, timeZone: "Europe/Berlin" } }, AssetLoader: {} })
    await using t = await setUp({ "serverConfig.json": file("Hi") })
    const assets = await t.open()
    await assets.library.patchConfig({ numbers: { "+15550100002": "sales" } })
    const { version } = await assets.library.patchConfig({ agents: { sales: { timeZone: "UTC" } } })
    const stored = (await assets.library.read({ kind: "config", key: "serverConfig" }, version)) ?? ""
    expect(JSON.parse(stored)).toEqual({
      numbers: { "+15550100002": "sales" },
      agents: { sales: { timeZone: "UTC" } },
    })
    writeFileSync(join(t.dir, "serverConfig.json"), file("Good morning"))
    assets.reload()
    const { key, greeting, timeZone } = assets.agentFor({ number: "+15550100002" })
    expect({ key, greeting, timeZone }).toEqual({ key: "sales", greeting: "Good morning", timeZone: "UTC" })
  })

  test("removes a field of the file with null, and follows the file again after a change back", async () => {
    await using t = await setUp({ "serverConfig.json": { agents: { sales: { greeting: "Hi" } } } })
    const assets = await t.open()
    await assets.library.patchConfig({ agents: { sales: { greeting: null } } })
    expect((await t.open()).agentFor({ agent: "sales" }).greeting).not.toBe("Hi")
    const again = await t.open()
    await again.library.patchConfig({ agents: { sales: { greeting: "Hi" } } })
    expect(again.library.find({ kind: "config", key: "serverConfig" })?.text).toBe("{}")
  })

  test("reports at every reload which parts of the files are hidden", async () => {
    const sales = { greeting: "Hi", timeZone: "Europe/Berlin" }
    await using t = await setUp({ "serverConfig.json": { agents: { sales } }, "sales.md": "File." })
    const assets = await t.open()
    await assets.library.patchConfig({ agents: { sales: { greeting: "Hello" }, support: {} } })
    await assets.library.put([context("sales", "Stored.")])
    const hidden = [
      "the stored context sales hides sales.md",
      "the stored agents.sales.greeting hides that of serverConfig.json",
    ]
    expect(assets.hidden()).toEqual(hidden)
    writeFileSync(join(t.dir, "serverConfig.json"), JSON.stringify({ agents: { sales, more: {} } }))
    t.lines.length = 0
    assets.reload()
    expect(t.lines.join("\n")).toContain(hidden.join(","))
  })

  test("that fits the file no more names the stored field", async () => {
    await using t = await setUp({ "serverConfig.json": { agents: { sales: {} } } })
    const assets = await t.open()
    await assets.library.patchConfig({ numbers: { "+15550100002": "sales" } })
    writeFileSync(join(t.dir, "serverConfig.json"), JSON.stringify({ agents: { support: {} } }))
    expect(assets.reload().faults).toEqual([
      {
        file: "serverConfig",
        line: undefined,
        path: "numbers.+15550100002",
        message: "there is no agent sales; there are default, support",
      },
    ])
  })
})
