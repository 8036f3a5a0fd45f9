import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { newCallId } from "../../src/call/ids.ts"
import type { StoredConversation } from "../../src/store/conversations.ts"
import { openStore } from "../../src/store/store.ts"
import { sampleTurn } from "./samples.ts"

const HOUR = 3_600_000

function conversation(given: Partial<StoredConversation> = {}): StoredConversation {
  return {
    id: crypto.randomUUID(),
    userId: null,
    agent: "default",
    parameters: { firstname: "Ann" },
    turns: [sampleTurn(newCallId(), { text: "Grüße 🙂" })],
    createdAt: 1000,
    updatedAt: 1000,
    expiresAt: 1000 + HOUR,
    ...given,
  }
}

describe("a conversation", () => {
  test("is read as it was written, also after the store was closed", () => {
    const dir = mkdtempSync(join(tmpdir(), "parley-"))
    const url = join(dir, "parley.db")
    const kept = conversation({ userId: "ann" })
    {
      using store = openStore({ url })
      store.conversations.create(kept, { most: 10 })
    }
    using store = openStore({ url })
    expect(store.conversations.byId(kept.id, 2000)).toEqual(kept)
    rmSync(dir, { recursive: true })
  })

  test("changes what goes on, and not who owns it", () => {
    using store = openStore({ url: ":memory:" })
    const first = conversation()
    store.conversations.create(first, { most: 10 })
    const later = {
      ...first,
      agent: "sales",
      parameters: {},
      turns: [],
      updatedAt: 5000,
      expiresAt: 5000 + HOUR,
    }
    expect(store.conversations.update({ ...later, userId: "eve", createdAt: 0 })).toBe(true)
    expect(store.conversations.byId(first.id, 2000)).toEqual(later)
  })

  test("that was deleted does not come back", () => {
    using store = openStore({ url: ":memory:" })
    const gone = conversation()
    store.conversations.create(gone, { most: 10 })
    expect(store.conversations.remove(gone.id)).toBe(true)
    expect(store.conversations.remove(gone.id)).toBe(false)
    expect(store.conversations.update(gone)).toBe(false)
    expect(store.conversations.byId(gone.id, 2000)).toBeUndefined()
  })

  test("ends with its time, to the millisecond", () => {
    using store = openStore({ url: ":memory:" })
    const one = conversation({ expiresAt: 5000 })
    store.conversations.create(one, { most: 10 })
    expect(store.conversations.byId(one.id, 4999)?.id).toBe(one.id)
    expect(store.conversations.byId(one.id, 5000)).toBeUndefined()
    expect([store.conversations.prune(4999), store.conversations.prune(5000)]).toEqual([0, 1])
  })
})

test("past the cap those go that expire first, however old they are", () => {
  using store = openStore({ url: ":memory:" })
  const ids = [30, 10, 20].map((hours, index) => {
    const one = conversation({ createdAt: 1000 + index, expiresAt: 1000 + hours * HOUR })
    store.conversations.create(one, { most: 3 })
    return one.id
  })
  const newest = conversation({ expiresAt: 1000 + 5 * HOUR })
  store.conversations.create(newest, { most: 2 })
  expect([...ids, newest.id].map((id) => store.conversations.byId(id, 2000) !== undefined)).toEqual([
    true,
    false,
    false,
    true,
  ])
})

test("what has expired makes room before anything else", () => {
  using store = openStore({ url: ":memory:" })
  const old = conversation({ expiresAt: 2000 })
  const young = conversation({ expiresAt: 9000 })
  for (const one of [old, young]) store.conversations.create(one, { most: 2 })
  store.conversations.create(conversation({ createdAt: 3000 }), { most: 2 })
  expect(store.conversations.byId(young.id, 3000)?.id).toBe(young.id)
  expect(store.conversations.byId(old.id, 0)).toBeUndefined()
})

test("a thousand conversations past a cap of a hundred leave a hundred", () => {
  using store = openStore({ url: ":memory:" })
  for (let n = 0; n < 1000; n++)
    store.conversations.create(conversation({ expiresAt: HOUR + n }), { most: 100 })
  expect(store.conversations.prune(Number.MAX_SAFE_INTEGER)).toBe(100)
})
