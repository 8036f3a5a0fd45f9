/** `parley upload`: its documented messages, exit codes, and where the files go. */

import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { upload } from "../../src/cli/upload.ts"
import { readConfig } from "../../src/config/config.ts"
import { openStore } from "../../src/store/open-store.ts"
import { FakeTwilioSync } from "../fakes/fake-twilio-sync.ts"

const TOOLS = { tools: [{ name: "end-call" }, { name: "play-media" }] }

/** A folder with files, and runs of the command in it. */
function setUp(env: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "parley-"))
  const databaseUrl = join(dir, "test.db")
  const file = (name: string, content: unknown) => {
    writeFileSync(join(dir, name), typeof content === "string" ? content : JSON.stringify(content))
    return join(dir, name)
  }
  return {
    dir,
    databaseUrl,
    file,
    async run(files: string[], sync = false) {
      const printed: string[] = []
      const failed: string[] = []
      const config = () => readConfig({ DATABASE_URL: databaseUrl, ASSETS_DIR: dir, ...env })
      const code = await upload(config, {
        files,
        sync,
        print: (line) => void printed.push(line),
        fail: (line) => void failed.push(line),
      })
      return { code, printed, failed }
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true }),
  }
}

describe("into the database", () => {
  test("contexts and manifests go by their names, from any path", async () => {
    using t = setUp()
    const context = t.file("customerServiceContext.md", "Be kind.")
    const manifest = relative(process.cwd(), t.file("customTools.json", TOOLS))
    expect(await t.run([context, manifest])).toEqual({
      code: 0,
      printed: [
        `Uploaded customerServiceContext.md to ${t.databaseUrl}`,
        "  Key: customerServiceContext",
        "  Content length: 8 characters",
        `Uploaded customTools.json to ${t.databaseUrl}`,
        "  Key: customTools",
        "  Tools: 2",
        "Upload completed successfully!",
      ],
      failed: [],
    })
    await using store = await openStore({ url: t.databaseUrl })
    expect(await store.assets.latest("context", "api")).toMatchObject([
      { key: "customerServiceContext", text: "Be kind." },
    ])
    expect(await store.assets.latest("manifest", "api")).toMatchObject([{ key: "customTools" }])
  })

  test("JSON with steps is a menu", async () => {
    using t = setUp()
    const steps = { hello: { kind: "say", say: "Hello.", then: { agent: true } } }
    const menu = t.file("reception.json", { start: "hello", steps })
    expect(await t.run([menu])).toMatchObject({
      code: 0,
      printed: expect.arrayContaining(["  Key: reception", "  Steps: 1"]),
    })
    await using store = await openStore({ url: t.databaseUrl })
    expect(await store.assets.latest("menu", "api")).toMatchObject([{ key: "reception" }])
    const broken = t.file("broken.json", { start: "x", steps })
    expect((await t.run([broken])).failed).toEqual([
      "Upload failed: broken.json:1 start: there is no step x; there are hello",
    ])
  })

  test("again replaces", async () => {
    using t = setUp()
    await t.run([t.file("a.md", "one")])
    await t.run([t.file("a.md", "two")])
    await using store = await openStore({ url: t.databaseUrl })
    expect(await store.assets.latest("context", "api")).toMatchObject([{ text: "two" }])
  })
})

describe("failures", () => {
  test("without a file the usage is printed, and no configuration is needed", async () => {
    const failed: string[] = []
    const code = await upload(
      () => {
        throw new Error("not asked")
      },
      { files: [], sync: false, print: () => {}, fail: (line) => void failed.push(line) },
    )
    expect({ code, message: failed[0] }).toEqual({
      code: 1,
      message: expect.stringContaining("Usage: parley upload <file>"),
    })
  })

  test.each([
    [
      "another ending, before it is looked for",
      "missing.txt",
      undefined,
      "Error: Only .md and .json files are supported",
    ],
    ["no ending", "missing", undefined, "Error: Only .md and .json files are supported"],
    ["a file that is missing", "missing.md", undefined, "Error: File not found: DIR/missing.md"],
    [
      "broken JSON",
      "b.json",
      '{\n"tools": [}',
      'Error: Invalid JSON in b.json\nline 2: expected a value, not "}"',
    ],
    [
      "an unknown tool",
      "f.json",
      { tools: [{ name: "fly" }] },
      "Upload failed: f.json:1 tools.0.name: there is no tool fly",
    ],
    ["JSON that is no manifest", "m.json", { a: 1 }, "Upload failed: m.json:1"],
    ["a context that is too long", "l.md", "x".repeat(100_001), "Upload failed: l.md: has 100001 characters"],
    ["a name that is no key", "a b.md", "x", "Upload failed: a b.md: its name before the ending must be"],
  ])("%s", async (_, name, content, message) => {
    using t = setUp()
    const path = content === undefined ? join(t.dir, name) : t.file(name, content)
    const { code, printed, failed } = await t.run([path])
    expect({ code, printed }).toEqual({ code: 1, printed: [] })
    expect(failed.join("\n")).toStartWith(message.replace("DIR", t.dir))
  })

  test("a database that cannot be used", async () => {
    using t = setUp({ DATABASE_URL: tmpdir() })
    const { code, failed } = await t.run([t.file("a.md", "x")])
    expect({ code, message: failed[0] }).toEqual({
      code: 1,
      message: expect.stringMatching(/^Upload failed: The database/),
    })
  })
})

describe("to Twilio Sync", () => {
  const account = (fake: FakeTwilioSync) => ({
    TWILIO_ACCOUNT_SID: fake.accountSid,
    TWILIO_AUTH_TOKEN: fake.authToken,
    TWILIO_API_BASE_URL: fake.baseUrl,
  })

  test("asked for, or because the server keeps its assets there", async () => {
    await using fake = new FakeTwilioSync()
    using t = setUp(account(fake))
    const first = await t.run([t.file("a.md", "A.")], true)
    expect({ code: first.code, lastLine: first.printed.at(-1) }).toEqual({
      code: 0,
      lastLine: "Upload completed successfully!",
    })
    t.file("serverConfig.json", { AssetLoader: { assetLoaderType: "sync" } })
    await t.run([t.file("a.md", "A again."), t.file("t.json", TOOLS)])
    expect(fake.content("Context")).toEqual({ a: { content: "A again." } })
    expect(fake.content("ToolManifest")).toEqual({ t: TOOLS })
  })

  test("not without credentials, with a hint", async () => {
    using t = setUp()
    const { code, failed } = await t.run([t.file("a.md", "A.")], true)
    expect({ code, failed }).toEqual({
      code: 1,
      failed: [
        "Error: Missing Twilio credentials",
        expect.stringContaining("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
      ],
    })
  })

  test("not what Sync cannot hold, nor when it refuses", async () => {
    await using fake = new FakeTwilioSync()
    using t = setUp(account(fake))
    const large = await t.run([t.file("a.md", "x".repeat(17_000))], true)
    expect(large.failed.join()).toContain(
      "Upload failed: a.md is too large: Twilio Sync keeps at most 16384 bytes",
    )
    fake.faultAt(/./, {
      kind: "answer",
      status: 401,
      body: { code: 20003, message: "Authenticate", status: 401 },
    })
    const refused = await t.run([t.file("b.md", "B.")], true)
    expect({ code: refused.code, failed: refused.failed.join() }).toEqual({
      code: 1,
      failed: expect.stringContaining("Upload failed: Twilio refused"),
    })
  })
})
