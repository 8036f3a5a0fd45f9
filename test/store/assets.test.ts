/** Stored assets: versions, what is in force, what calls ran with. */

import { describe, expect, test } from "bun:test"
import { openStore } from "../../src/store/store.ts"

function sample(given: Partial<Parameters<ReturnType<typeof openStore>["assets"]["put"]>[0]> = {}) {
  return { kind: "context", key: "a", version: "v1", text: "one", source: "api", at: 1, ...given } as const
}

describe("versions", () => {
  test("the newest of each key is in force, of one kind and one source", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    assets.put(sample())
    assets.put(sample({ version: "v2", text: "two" }))
    assets.put(sample({ key: "b", version: "v3", text: "three" }))
    assets.put(sample({ kind: "manifest", version: "v4" }))
    assets.put(sample({ source: "sync", version: "v5", text: "five" }))
    expect(assets.latest("context", "api")).toEqual([
      { key: "a", version: "v2", text: "two" },
      { key: "b", version: "v3", text: "three" },
    ])
    expect(assets.latest("context", "sync")).toEqual([{ key: "a", version: "v5", text: "five" }])
  })

  test("the same again is no new version; an older one again is", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    for (const version of ["v1", "v1", "v2", "v1"]) assets.put(sample({ version, text: version }))
    expect(assets.versions("context", "a").map(({ version }) => version)).toEqual(["v1", "v2", "v1"])
  })

  test("a removed key is not in force, stays readable, and may come back", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    const place = { kind: "context", key: "a", source: "api", at: 2 } as const
    assets.put(sample())
    assets.remove(place)
    assets.remove(place)
    assets.remove({ ...place, key: "never" })
    expect(assets.latest("context", "api")).toEqual([])
    expect(assets.read("context", "a", "v1")).toBe("one")
    expect(assets.versions("context", "a")).toEqual([{ version: "v1", source: "api", createdAt: 1 }])
    assets.put(sample())
    expect(assets.latest("context", "api")).toHaveLength(1)
  })

  test("the newest 200 are kept, and every text that a call ran with", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    assets.saveVersion({ kind: "context", key: "a", version: "seen", text: "seen", at: 0 })
    for (let index = 0; index < 210; index++) assets.put(sample({ version: `v${index}`, text: `${index}` }))
    expect(assets.versions("context", "a")).toHaveLength(200)
    expect([assets.read("context", "a", "v9"), assets.read("context", "a", "v10")]).toEqual([undefined, "10"])
    expect(assets.read("context", "a", "seen")).toBe("seen")
  })

  test("a text that a call ran with is kept once, and not where it is stored already", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    const seen = { kind: "context", key: "a", version: "v1", text: "one", at: 5 } as const
    assets.saveVersion(seen)
    assets.saveVersion(seen)
    assets.put(sample({ version: "v2" }))
    assets.saveVersion({ ...seen, version: "v2" })
    expect(assets.versions("context", "a").map(({ version, source }) => [version, source])).toEqual([
      ["v2", "api"],
      ["v1", "seen"],
    ])
    expect(assets.latest("context", "api").map(({ version }) => version)).toEqual(["v2"])
  })

  test("what is asked for and missing is nothing", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    expect([
      assets.latest("config", "api"),
      assets.versions("context", "' OR 1=1"),
      assets.read("context", "a", "v"),
    ]).toEqual([[], [], undefined])
  })
})

describe("the revision", () => {
  test("grows with each change of its source, and with nothing else", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    const revisions = [assets.revision("api")]
    const look = () => revisions.push(assets.revision("api"))
    assets.put(sample())
    look()
    assets.put(sample())
    assets.put(sample({ source: "sync" }))
    assets.saveVersion({ kind: "context", key: "x", version: "v", text: "t", at: 1 })
    look()
    assets.remove({ kind: "context", key: "a", source: "api", at: 2 })
    look()
    const [none, put, others, removed] = revisions
    expect([none, put === others, (removed ?? 0) > (put ?? 0)]).toEqual([0, true, true])
  })
})

describe("what went from files to Sync", () => {
  test("is noted in one place and is no asset", () => {
    using store = openStore({ url: ":memory:" })
    const { assets } = store
    expect(assets.syncedVersions()).toEqual(new Map())
    assets.setSyncedVersions(new Map([["context/a", "v1"]]), 1)
    assets.setSyncedVersions(
      new Map([
        ["context/a", "v2"],
        ["config/serverConfig", "v3"],
      ]),
      2,
    )
    expect(assets.syncedVersions()).toEqual(
      new Map([
        ["context/a", "v2"],
        ["config/serverConfig", "v3"],
      ]),
    )
    expect(assets.latest("config", "sync")).toEqual([])
  })
})
