import { expect, test } from "bun:test"
import { documentChecks } from "../../src/cli/document-checks.ts"
import { openStore } from "../../src/store/open-store.ts"

const HOUR_MS = 3_600_000

test("each document is shown with the age of its copy and the last failure", async () => {
  await using store = await openStore({ url: ":memory:" })
  await store.documents.put({ source: "googleDoc:a", text: "Be kind.", at: 10 * HOUR_MS })
  await store.documents.put({ source: "googleDoc:b", text: "Be short.", at: 0 })
  await store.documents.fail({ source: "googleDoc:b", error: "the server answered 500", at: 10 * HOUR_MS })
  await store.documents.fail({ source: "https://example.com/c.txt", error: "it is empty", at: 1 })
  const checks = await documentChecks(store, 10 * HOUR_MS + 90_000)
  expect(checks.map(({ state, text }) => `${state}: ${text}`).toSorted()).toEqual([
    "ok: googleDoc:a, 8 characters, fetched 1 minute ago",
    "warning: googleDoc:b, 9 characters, fetched 10 hours ago; the attempt 1 minute ago failed: the server answered 500",
    "warning: https://example.com/c.txt was never fetched: it is empty",
  ])
})

test("without a database there is nothing to show", async () => {
  expect(await documentChecks(undefined, 0)).toEqual([])
})
