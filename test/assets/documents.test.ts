import { expect, test } from "bun:test"
import { DocumentRefresh } from "../../src/assets/documents.ts"
import type { AssetState } from "../../src/assets/state.ts"
import { getLog } from "../../src/lib/log.ts"
import { TestClock } from "../lib/test-clock.ts"

test("copies of documents that no context names any more are dropped", async () => {
  using clock = new TestClock()
  const layers = { documents: new Map<string, string>() }
  const snapshot = { documents: new Set<string>() }
  const use = (change: Partial<typeof layers>) => void Object.assign(layers, change)
  const refresh = new DocumentRefresh({
    settings: {
      googleDocs: {},
      googleBaseUrl: undefined,
      refreshMs: 60_000,
      timeoutMs: 1000,
      fetch: async (url) => new Response(`The text of ${url}`),
    },
    state: { layers, snapshot, use } as unknown as AssetState,
    repository: { all: async () => [], put: async () => {}, fail: async () => {}, keepOnly: async () => {} },
    sweep: clock.sweep,
    log: getLog("test"),
  })
  for (const name of ["a", "b", "c"]) {
    snapshot.documents = new Set([`https://example.com/${name}`])
    await refresh.start()
  }
  expect([...layers.documents]).toEqual([["https://example.com/c", "The text of https://example.com/c"]])
})
