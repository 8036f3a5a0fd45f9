/** Twilio Sync on the wire: set-up that happens once, paging, conditions, and failures. */

import { describe, expect, test } from "bun:test"
import type { Log } from "../../src/lib/log.ts"
import { createTwilioSync, type TwilioSyncOptions } from "../../src/twilio/sync.ts"
import { FakeTwilioSync } from "../fakes/fake-twilio-sync.ts"

function clientOf(fake: FakeTwilioSync, options: Partial<TwilioSyncOptions> = {}) {
  const lines: string[] = []
  const note = (message: string, fields?: Record<string, unknown>) =>
    void lines.push([message, fields?.["what"], fields?.["name"]].filter(Boolean).join(" "))
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log, background: () => {} }
  const sync = createTwilioSync({
    accountSid: fake.accountSid,
    authToken: fake.authToken,
    baseUrl: fake.baseUrl,
    sleep: async () => {},
    random: () => 0.5,
    log,
    ...options,
  })
  return { sync, lines }
}

const sales = { kind: "context", key: "sales", data: { content: "Sell." } } as const
const tools = { kind: "manifest", key: "salesTools", data: { tools: [] } } as const
const config = { kind: "config", key: "serverConfig", data: { AssetLoader: { context: "sales" } } } as const

describe("set-up", () => {
  test("service, maps and document are created once, each with a log line", async () => {
    await using fake = new FakeTwilioSync()
    const { sync, lines } = clientOf(fake)
    expect(await sync.readAll()).toEqual([])
    await sync.write(config)
    await sync.readAll()
    expect(lines.toSorted()).toEqual([
      "created in Twilio Sync document serverConfig",
      "created in Twilio Sync map Context",
      "created in Twilio Sync map ToolManifest",
      "created in Twilio Sync service ConversationRelay",
    ])
    expect(fake.services).toHaveLength(1)
  })

  test("a restart creates nothing", async () => {
    await using fake = new FakeTwilioSync()
    const first = clientOf(fake)
    await first.sync.readAll()
    await first.sync.write(config)
    fake.requests.length = 0
    const { sync, lines } = clientOf(fake)
    expect(await sync.readAll()).toEqual([{ ...config, revision: "0" }])
    expect(lines).toEqual([])
    expect(fake.requests.map(({ method }) => method)).toEqual(["GET", "GET", "GET", "GET", "GET"])
  })

  test("the service is found by its name on any page", async () => {
    await using fake = new FakeTwilioSync()
    for (let index = 0; index < 150; index++) fake.addService(`other ${index}`)
    fake.addService()
    const { sync } = clientOf(fake)
    await sync.readAll()
    expect(fake.services).toHaveLength(151)
    expect(fake.services[150]?.maps.size).toBe(2)
  })

  test("a map that another server creates at the same moment is no failure", async () => {
    await using fake = new FakeTwilioSync()
    const [a, b] = [clientOf(fake), clientOf(fake)]
    fake.addService()
    await Promise.all([a.sync.readAll(), b.sync.readAll()])
    expect([...(fake.services[0]?.maps.keys() ?? [])].toSorted()).toEqual(["Context", "ToolManifest"])
  })

  test("a service that was deleted is made again by the reading after next", async () => {
    await using fake = new FakeTwilioSync()
    const { sync } = clientOf(fake)
    await sync.readAll()
    fake.services.length = 0
    expect(await sync.readAll().catch((error: Error) => error.name)).toBe("TwilioRestError")
    expect(await sync.readAll()).toEqual([])
    expect(fake.services).toHaveLength(1)
  })
})

describe("entries", () => {
  test("are written, read, changed and deleted", async () => {
    await using fake = new FakeTwilioSync()
    const { sync } = clientOf(fake)
    expect(await Promise.all([sync.write(sales), sync.write(tools), sync.write(config)])).toEqual([
      "0",
      "0",
      "0",
    ])
    expect(await sync.write({ ...sales, data: { content: "Sell more." } })).toBe("1")
    expect((await sync.readAll()).toSorted((a, b) => a.key.localeCompare(b.key))).toEqual([
      { ...sales, data: { content: "Sell more." }, revision: "1" },
      { ...tools, revision: "0" },
      { ...config, revision: "0" },
    ])
    await sync.remove(sales)
    await sync.remove(sales)
    await sync.remove(config)
    expect(await sync.readAll()).toEqual([{ ...tools, revision: "0" }])
  })

  test("more than a page are read, up to 500, and the rest is reported once", async () => {
    await using fake = new FakeTwilioSync()
    for (let index = 0; index < 501; index++) fake.edit("Context", `c${index}`, { content: "x" })
    const { sync, lines } = clientOf(fake)
    expect(await sync.readAll()).toHaveLength(500)
    await sync.readAll()
    expect(lines.filter((line) => line.includes("too many"))).toHaveLength(1)
  })

  test("are written under a condition only if it holds", async () => {
    await using fake = new FakeTwilioSync()
    const { sync } = clientOf(fake)
    expect([
      await sync.writeIf(sales, null),
      await sync.writeIf(sales, null),
      await sync.writeIf({ ...sales, data: { content: "b" } }, "0"),
      await sync.writeIf({ ...sales, data: { content: "c" } }, "0"),
      await sync.writeIf(tools, "0"),
      await sync.writeIf(config, null),
      await sync.writeIf(config, "7"),
    ]).toEqual(["0", undefined, "1", undefined, undefined, "0", undefined])
    expect(fake.content("Context")).toEqual({ sales: { content: "b" } })
  })

  test("one that somebody creates in between is changed", async () => {
    await using fake = new FakeTwilioSync()
    const { sync } = clientOf(fake)
    await sync.readAll()
    const gate = Promise.withResolvers<void>()
    fake.faultAt(/POST .*Items$/, { kind: "wait", until: gate.promise })
    const before = fake.requests.length
    const written = sync.write(sales)
    await fake.received(before + 2)
    fake.edit("Context", "sales", { content: "theirs" })
    gate.resolve()
    expect(await written).toBe("1")
    expect(fake.content("Context")).toEqual({ sales: { content: "Sell." } })
  })
})

describe("failures", () => {
  test("too many requests are repeated", async () => {
    await using fake = new FakeTwilioSync()
    const { sync } = clientOf(fake)
    const busy = {
      kind: "answer",
      status: 429,
      body: { code: 54009, message: "Rate limit", status: 429 },
    } as const
    fake.faultAt(/POST .*Items\/sales/, busy, busy)
    fake.edit("Context", "sales", { content: "old" })
    expect(await sync.write(sales)).toBe("1")
  })

  test.each([
    ["a server error", { kind: "answer", status: 503, body: {} }, "whether it was carried out is unknown"],
    ["no answer", { kind: "hang" }, "did not answer within"],
    ["an answer that is no JSON", { kind: "answer", status: 200, body: "<html>" }, "cannot be read"],
  ] as const)("%s is reported in words", async (_, fault, words) => {
    await using fake = new FakeTwilioSync()
    fake.edit("Context", "a", { content: "x" })
    const { sync } = clientOf(fake, { timeoutMs: 200 })
    fake.faultAt(/Maps\/Context\/Items/, fault)
    expect(await sync.readAll().catch((error: Error) => error.message)).toContain(words)
    expect(await sync.readAll()).toHaveLength(1)
  })

  test("a write whose answer is lost is not repeated", async () => {
    await using fake = new FakeTwilioSync()
    fake.edit("Context", "sales", { content: "old" })
    const { sync } = clientOf(fake)
    fake.faultAt(/POST .*Items\/sales/, { kind: "drop", carriedOut: true })
    expect(await sync.write(sales).catch((error: Error) => error.message)).toContain("closed the connection")
    expect(fake.log.filter((line) => line.startsWith("POST"))).toHaveLength(1)
  })

  test("wrong credentials are reported, and looked at again each time", async () => {
    await using fake = new FakeTwilioSync()
    const { sync } = clientOf(fake, { authToken: "wrong" })
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await sync.readAll().catch((error: Error) => error.message)).toContain("error 20003")
    }
    expect(fake.requests).toHaveLength(2)
  })

  test("an entry that is too large is refused", async () => {
    await using fake = new FakeTwilioSync()
    const { sync } = clientOf(fake)
    const large = sync.write({ ...sales, data: { content: "x".repeat(17_000) } })
    expect(await large.catch((error: Error) => error.message)).toContain("error 54006")
  })
})
