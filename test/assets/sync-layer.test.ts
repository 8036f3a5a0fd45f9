/** Assets kept in Twilio Sync: filled once, edited there, read before calls, and what happens when Sync fails. */

import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createAssets, type LiveAssets } from "../../src/assets/assets.ts"
import type { Log } from "../../src/lib/log.ts"
import { openStore } from "../../src/store/open-store.ts"
import type { Store } from "../../src/store/store.ts"
import { createTwilioSync } from "../../src/twilio/sync.ts"
import { FakeTwilioSync } from "../fakes/fake-twilio-sync.ts"
import { TestClock } from "../lib/test-clock.ts"

const LOCAL = { "serverConfig.json": { AssetLoader: { assetLoaderType: "sync" } }, "sales.md": "Sell." }

type Files = Record<string, unknown>

/** A machine: its folder and database outlive the servers that are started on it. */
class Machine implements AsyncDisposable {
  readonly fake = new FakeTwilioSync()
  readonly clock = new TestClock()
  readonly lines: string[] = []
  readonly store: Store
  readonly dir = mkdtempSync(join(tmpdir(), "parley-"))
  busy = false
  readonly #awaited: { part: string; done: () => void }[] = []
  #assets: LiveAssets | undefined

  static async start(files: Files = LOCAL): Promise<Machine> {
    return new Machine(await openStore({ url: ":memory:" }), files)
  }

  private constructor(store: Store, files: Files) {
    this.store = store
    this.write(files)
  }

  write(files: Files): void {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(this.dir, name), typeof content === "string" ? content : JSON.stringify(content))
    }
  }

  /** Starts, or starts again. */
  async open(): Promise<LiveAssets> {
    this.#assets?.close()
    const note = (message: string, fields?: Files) => {
      this.lines.push([message, ...Object.values(fields ?? {})].join(" "))
      for (const { part, done } of this.#awaited) if (message.includes(part)) done()
    }
    const log: Log = {
      debug: note,
      info: note,
      warn: note,
      error: note,
      with: () => log,
      background: (_, promise) => void promise.catch(note),
    }
    const { accountSid, authToken, baseUrl } = this.fake
    this.#assets = await createAssets({
      dir: this.dir,
      sweep: this.clock.sweep,
      log,
      knownTools: ["end-call"],
      repository: this.store.assets,
      remote: createTwilioSync({ accountSid, authToken, baseUrl, sleep: async () => {}, log }),
      busy: () => this.busy,
    })
    return this.#assets
  }

  /** Starts and waits until Sync was read. */
  async ready(): Promise<LiveAssets> {
    const assets = await this.open()
    await assets.refresh()
    return assets
  }

  /** The next call after a while. */
  async nextCall(assets: LiveAssets): Promise<void> {
    this.clock.advance(2000)
    await assets.refresh()
  }

  /** Resolves with the next line of the log that has these words. */
  line(part: string): Promise<void> {
    return new Promise((done) => this.#awaited.push({ part, done }))
  }

  reported(part: string): string[] {
    return this.lines.filter((line) => line.includes(part))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#assets?.close()
    await this.store.close()
    this.clock[Symbol.dispose]()
    rmSync(this.dir, { recursive: true })
    await this.fake[Symbol.asyncDispose]()
  }
}

// The embedded manifest names tools that these tests do not have.
const TOOLS = { "defaultToolManifest.json": { tools: [{ name: "end-call" }] } }
const FILES: Files = { ...LOCAL, ...TOOLS }

function textOf(assets: LiveAssets, contextKey: string): string {
  return assets.agentFor({ contextKey }).context.text
}

describe("filling", () => {
  test("an empty account gets the local assets, and everything is created once", async () => {
    await using machine = await Machine.start(FILES)
    await machine.ready()
    const { fake } = machine
    expect(fake.content("Context")).toMatchObject({ sales: { content: "Sell." }, defaultContext: {} })
    expect(fake.content("ToolManifest")).toEqual({ defaultToolManifest: { tools: [{ name: "end-call" }] } })
    expect(fake.config).toEqual({ AssetLoader: { assetLoaderType: "sync" } })
    expect(machine.reported("created in Twilio Sync")).toHaveLength(4)
    await machine.ready()
    expect(machine.reported("created in Twilio Sync")).toHaveLength(4)
  })

  test("a restart writes nothing", async () => {
    await using machine = await Machine.start(FILES)
    await machine.ready()
    const before = machine.fake.requests.length
    await machine.ready()
    expect(machine.fake.requests.slice(before).map(({ method }) => method)).toEqual([
      "GET",
      "GET",
      "GET",
      "GET",
      "GET",
    ])
  })

  test("what was edited in Sync wins over the file, and what stands only there stays", async () => {
    await using machine = await Machine.start(FILES)
    machine.fake.edit("Context", "sales", { content: "Edited." })
    machine.fake.edit("Context", "onlyThere", { content: "There." })
    const assets = await machine.ready()
    expect({ sales: textOf(assets, "sales"), onlyThere: textOf(assets, "onlyThere") }).toEqual({
      sales: "Edited.",
      onlyThere: "There.",
    })
    expect(machine.fake.content("Context")["sales"]).toEqual({ content: "Edited." })
    expect(machine.reported("was edited there")).toEqual([
      "an entry of Twilio Sync was edited there; it is used instead of the file context sales",
    ])
  })

  test("a file that changed goes to Sync, unless the entry was edited there since", async () => {
    await using machine = await Machine.start({ ...FILES, "a.md": "a1", "b.md": "b1" })
    await machine.ready()
    machine.fake.edit("Context", "b", { content: "b edited" })
    machine.write({ "a.md": "a2", "b.md": "b2" })
    const assets = await machine.ready()
    expect(machine.fake.content("Context")).toMatchObject({
      a: { content: "a2" },
      b: { content: "b edited" },
    })
    expect([textOf(assets, "a"), textOf(assets, "b")]).toEqual(["a2", "b edited"])
  })

  test("an order of keys that Sync made of a manifest is no edit", async () => {
    await using machine = await Machine.start(FILES)
    await machine.ready()
    machine.fake.edit("ToolManifest", "defaultToolManifest", {
      tools: [{ description: "", name: "end-call" }],
    })
    machine.write({ "defaultToolManifest.json": { tools: [{ name: "end-call", description: "new" }] } })
    await machine.ready()
    expect(machine.fake.content("ToolManifest")["defaultToolManifest"]).toEqual({
      tools: [{ name: "end-call", description: "new" }],
    })
  })

  test("one that Sync refuses is reported, and the others continue", async () => {
    await using machine = await Machine.start(FILES)
    const { fake } = machine
    fake.addService().maps.set("Context", new Map()).set("ToolManifest", new Map())
    fake.faultAt(/POST .*Context\/Items$/, {
      kind: "answer",
      status: 400,
      body: { code: 20001, message: "No", status: 400 },
    })
    const assets = await machine.ready()
    expect(machine.reported("could not be written")).toHaveLength(1)
    expect(Object.keys(fake.content("Context"))).toHaveLength(1)
    expect(fake.config).toBeDefined()
    expect(textOf(assets, "sales")).toBe("Sell.")
  })

  test("while Sync fails altogether it is left for later", async () => {
    await using machine = await Machine.start({ ...FILES, "a.md": "a", "b.md": "b" })
    const down = { kind: "answer", status: 503 } as const
    machine.fake.addService().maps.set("Context", new Map()).set("ToolManifest", new Map())
    machine.fake.faultAt(/POST/, down, down, down)
    const assets = await machine.ready()
    expect(machine.reported("could not be written")).toHaveLength(3)
    await machine.nextCall(assets)
    expect(Object.keys(machine.fake.content("Context")).toSorted()).toEqual([
      "a",
      "b",
      "defaultContext",
      "sales",
    ])
  })

  test("a context over 16 KiB stays a file, with a clear line in the log", async () => {
    await using machine = await Machine.start({ ...FILES, "sales.md": "small" })
    await machine.ready()
    machine.write({ "sales.md": "large ".repeat(4000) })
    const assets = await machine.ready()
    expect(machine.reported("too large for Twilio Sync; the file is used context sales 16384")).toHaveLength(
      1,
    )
    expect(textOf(assets, "sales")).toStartWith("large")
    await machine.nextCall(assets)
    expect(textOf(assets, "sales")).toStartWith("large")
  })
})

describe("reading", () => {
  test("a change in Sync is there for the next call, and calls that run keep what they have", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    const held = assets.agentFor({ contextKey: "sales" })
    machine.fake.edit("Context", "sales", { content: "New." })
    machine.fake.edit("serverConfig", "serverConfig", { AssetLoader: { context: "sales" } })
    await machine.nextCall(assets)
    expect({ held: held.context.text, now: assets.agentFor({}).context.text }).toEqual({
      held: "Sell.",
      now: "New.",
    })
  })

  test("Sync is asked once in two seconds, by calls at once together", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    const before = machine.fake.requests.length
    machine.clock.advance(1999)
    await assets.refresh()
    expect(machine.fake.requests).toHaveLength(before)
    machine.clock.advance(1)
    await Promise.all([assets.refresh(), assets.refresh(), assets.refresh()])
    expect(machine.fake.requests).toHaveLength(before + 4)
  })

  test("without calls Sync is read every 30 seconds; while calls run it is not", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    const before = machine.fake.requests.length
    machine.busy = true
    machine.clock.advance(29_000)
    machine.clock.advance(1000)
    expect(machine.fake.requests).toHaveLength(before)
    machine.busy = false
    machine.fake.edit("Context", "sales", { content: "New." })
    machine.clock.advance(30_000)
    await assets.refresh()
    expect(machine.fake.requests).toHaveLength(before + 4)
    expect(textOf(assets, "sales")).toBe("New.")
  })

  test.each([
    [
      "a manifest with an unknown tool",
      "ToolManifest",
      { tools: [{ name: "fly" }] },
      "there is no tool fly; there are end-call",
    ],
    ["a manifest of another form", "ToolManifest", { tools: 1 }, "expected array"],
    ["a context without content", "Context", { text: "x" }, "is not { content }"],
    ["an empty context", "Context", { content: " " }, "is empty"],
    ["a context that is no text", "Context", { content: 5 }, "is not { content }"],
  ] as const)(
    "%s replaces nothing, is reported once, and the rest is used",
    async (_, map, data, message) => {
      await using machine = await Machine.start({
        ...FILES,
        "xTools.json": { tools: [{ name: "end-call" }] },
      })
      const assets = await machine.ready()
      machine.fake.edit(map, map === "Context" ? "sales" : "xTools", data)
      machine.fake.edit("Context", "other", { content: "Other." })
      await machine.nextCall(assets)
      await machine.nextCall(assets)
      const { context, manifest } = assets.agentFor({ contextKey: "sales", manifestKey: "xTools" })
      expect({
        text: context.text,
        toolCount: manifest.tools.length,
        other: textOf(assets, "other"),
      }).toEqual({
        text: "Sell.",
        toolCount: 1,
        other: "Other.",
      })
      expect(machine.reported("is faulty; its previous version stays in use")).toEqual([
        expect.stringContaining(message),
      ])
    },
  )

  test("a key that no path should hold is left out", async () => {
    await using machine = await Machine.start(FILES)
    machine.fake.edit("Context", "../x", { content: "x" })
    const assets = await machine.ready()
    expect(assets.keys().contexts).toEqual(["defaultContext", "sales"])
    expect(machine.reported("its key must be")).toHaveLength(1)
  })

  test("a configuration that names what is not there replaces nothing, until it is there", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    machine.fake.edit("serverConfig", "serverConfig", {
      AssetLoader: { context: "later" },
      Server: { ListenMode: true },
    })
    machine.fake.edit("Context", "other", { content: "Other." })
    await machine.nextCall(assets)
    expect({ listenMode: assets.agentFor({}).listenMode, other: textOf(assets, "other") }).toEqual({
      listenMode: false,
      other: "Other.",
    })
    expect(machine.reported("there is no context later")).toHaveLength(1)
    machine.fake.edit("Context", "later", { content: "Later." })
    await machine.nextCall(assets)
    expect({ listenMode: assets.agentFor({}).listenMode, text: assets.agentFor({}).context.text }).toEqual({
      listenMode: true,
      text: "Later.",
    })
  })

  test("what is deleted in Sync comes from the file again, and what is needed stays", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    machine.fake.edit("Context", "sales", { content: "Edited." })
    machine.fake.edit("Context", "needed", { content: "Needed." })
    machine.fake.edit("serverConfig", "serverConfig", { AssetLoader: { context: "needed" } })
    await machine.nextCall(assets)
    machine.fake.edit("Context", "sales", undefined)
    machine.fake.edit("Context", "needed", undefined)
    machine.fake.edit("Context", "other", { content: "Other." })
    await machine.nextCall(assets)
    expect({ text: assets.agentFor({}).context.text, other: textOf(assets, "other") }).toEqual({
      text: "Needed.",
      other: "Other.",
    })
    machine.fake.edit("serverConfig", "serverConfig", {})
    await machine.nextCall(assets)
    expect(textOf(assets, "sales")).toBe("Sell.")
    expect(assets.keys().contexts).toEqual(["defaultContext", "other", "sales"])
  })

  test("a context that stands only in Sync may be the default one", async () => {
    await using machine = await Machine.start({
      ...FILES,
      "serverConfig.json": { AssetLoader: { assetLoaderType: "sync", context: "onlyThere" } },
    })
    machine.fake.edit("Context", "onlyThere", { content: "There." })
    const assets = await machine.open()
    expect(assets.agentFor({}).context.key).toBe("defaultContext")
    expect(machine.reported("there is no context onlyThere")).toHaveLength(1)
    await assets.refresh()
    expect(assets.agentFor({}).context.text).toBe("There.")
  })
})

describe("failures", () => {
  test("with Sync down at the start the last good copy is used", async () => {
    await using machine = await Machine.start(FILES)
    machine.fake.edit("Context", "onlyThere", { content: "There." })
    machine.fake.edit("serverConfig", "serverConfig", { AssetLoader: { context: "onlyThere" } })
    await machine.ready()
    const down = { kind: "answer", status: 503 } as const
    machine.fake.faultAt(/GET/, down)
    const assets = await machine.ready()
    expect(assets.agentFor({}).context.text).toBe("There.")
    expect(machine.reported("Twilio Sync cannot be read; the last copy is used")).toHaveLength(1)
    machine.clock.advance(10_000)
    await assets.refresh()
    expect(machine.reported("Twilio Sync can be read again")).toHaveLength(1)
  })

  test("a call waits a second and a half for Sync, and the next ones not at all", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    machine.fake.edit("Context", "sales", { content: "New." })
    const gate = Promise.withResolvers<void>()
    machine.fake.faultAt(/Context\/Items/, { kind: "wait", until: gate.promise })
    machine.clock.advance(2000)
    const call = assets.refresh()
    machine.clock.advance(1500)
    await call
    await assets.refresh()
    expect(textOf(assets, "sales")).toBe("Sell.")
    expect(machine.reported("Twilio Sync is slow")).toHaveLength(1)
    const read = machine.line("Twilio Sync was read")
    gate.resolve()
    await read
    expect(textOf(assets, "sales")).toBe("New.")
  })

  test("an outage is reported once", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    const down = { kind: "answer", status: 500 } as const
    machine.fake.faultAt(/GET/, down, down, down, down, down, down, down, down, down)
    for (let attempt = 0; attempt < 3; attempt++) {
      machine.clock.advance(10_000)
      await assets.refresh()
    }
    expect(machine.reported("cannot be read")).toHaveLength(1)
    expect(textOf(assets, "sales")).toBe("Sell.")
  })

  test("without credentials the last copy is used, and changes are refused", async () => {
    await using machine = await Machine.start(FILES)
    machine.fake.edit("Context", "onlyThere", { content: "There." })
    const closed = await machine.ready()
    closed.close()
    const lines: string[] = []
    const note = (message: string) => void lines.push(message)
    const log: Log = {
      debug: note,
      info: note,
      warn: note,
      error: note,
      with: () => log,
      background: () => {},
    }
    using assets = await createAssets({
      dir: machine.dir,
      sweep: machine.clock.sweep,
      log,
      knownTools: ["end-call"],
      repository: machine.store.assets,
    })
    expect(assets.agentFor({ contextKey: "onlyThere" }).context.text).toBe("There.")
    expect(lines.join()).toContain("needs Twilio credentials")
    const refused = assets.library.put([{ kind: "context", key: "a", text: "a" }])
    expect(await refused.catch((error: unknown) => error)).toMatchObject({ code: "NOT_CONFIGURED" })
  })

  test("closed assets ask nothing more", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    assets.close()
    const before = machine.fake.requests.length
    machine.clock.advance(60_000)
    await assets.refresh()
    expect(machine.fake.requests).toHaveLength(before)
    expect(machine.clock.sweep.size).toBe(0)
  })
})

describe("changes through the API", () => {
  test("go to Sync and hold at once", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    const [entry] = await assets.library.put([{ kind: "context", key: "sales", text: "By API." }])
    expect(entry).toMatchObject({
      key: "sales",
      source: "sync",
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    expect(textOf(assets, "sales")).toBe("By API.")
    expect(machine.fake.content("Context")["sales"]).toEqual({ content: "By API." })
    await machine.ready()
    expect(machine.fake.content("Context")["sales"]).toEqual({ content: "By API." })
  })

  test("a reading that began before a change does not take it back", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    const gate = Promise.withResolvers<void>()
    machine.fake.faultAt(/GET .*serverConfig/, { kind: "wait", until: gate.promise })
    const before = machine.fake.requests.length
    machine.clock.advance(2000)
    const reading = assets.refresh()
    await machine.fake.received(before + 3)
    await assets.library.put([{ kind: "context", key: "sales", text: "By API." }])
    gate.resolve()
    await reading
    expect(textOf(assets, "sales")).toBe("By API.")
    await assets.refresh()
    expect(textOf(assets, "sales")).toBe("By API.")
  })

  test("a change that Sync does not take changes nothing", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    machine.fake.faultAt(/POST/, { kind: "answer", status: 500 })
    const failed = assets.library.put([{ kind: "context", key: "sales", text: "By API." }])
    expect(await failed.catch((error: unknown) => error)).toMatchObject({ code: "UPSTREAM_FAILED" })
    expect(textOf(assets, "sales")).toBe("Sell.")
  })

  test("one over 16 KiB is refused with the limit", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    const refused = assets.library.put([{ kind: "context", key: "sales", text: "x".repeat(17_000) }])
    expect(await refused.catch((error: unknown) => error)).toMatchObject({
      code: "INVALID_REQUEST",
      message: "The context sales is too large: Twilio Sync keeps at most 16384 bytes of JSON in one entry.",
    })
  })

  test("a deleted entry leaves Sync, and the file shows", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    await assets.library.put([{ kind: "context", key: "sales", text: "By API." }])
    await assets.library.remove({ kind: "context", key: "sales" })
    expect(textOf(assets, "sales")).toBe("Sell.")
    expect(machine.fake.content("Context")).not.toHaveProperty("sales")
  })

  test("the configuration is merged and stored as the document", async () => {
    await using machine = await Machine.start(FILES)
    const assets = await machine.ready()
    await assets.library.patchConfig({ AssetLoader: { context: "sales" } })
    expect(machine.fake.config).toMatchObject({ AssetLoader: { assetLoaderType: "sync", context: "sales" } })
    expect(assets.agentFor({}).context.text).toBe("Sell.")
  })
})
