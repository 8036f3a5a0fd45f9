/** The recorder: what is on disk when, and what a failing database costs. */

import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RecordedEvent } from "../../src/call/events.ts"
import { newCallId } from "../../src/call/ids.ts"
import type { ToolRecord } from "../../src/call/turn.ts"
import type { Log } from "../../src/lib/log.ts"
import { createRecorder } from "../../src/store/recorder.ts"
import { openStore } from "../../src/store/open-store.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleCall, sampleEvent, sampleTurn } from "./fixture.ts"

function silentLog(lines: string[] = []): Log {
  const note = (message: string) => void lines.push(message)
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log, background: () => {} }
  return log
}

/** A store in a file, a second connection to it, and a recorder whose time stands still. */
async function setUp(options: { onEvent?: (event: RecordedEvent) => void; maxEvents?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "parley-"))
  const path = join(folder, "test.db")
  const store = await openStore({ url: path })
  const clock = new TestClock()
  const lines: string[] = []
  const recorder = createRecorder({ store, sweep: clock.sweep, log: silentLog(lines), ...options })
  const other = new Database(path)
  const call = await store.calls.create(sampleCall())
  return {
    store,
    clock,
    recorder,
    lines,
    other,
    call,
    rows: (table: "turns" | "events") =>
      other.query<{ n: number }, []>(`SELECT count(*) n FROM ${table}`).get()?.n,
    async [Symbol.asyncDispose]() {
      other.close()
      await recorder.close()
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

test("rows are on disk within 100 ms, seen by another connection", async () => {
  await using t = await setUp()
  t.recorder.turn(sampleTurn(t.call.id))
  t.recorder.event(sampleEvent(t.call.id))
  expect({ turns: t.rows("turns"), events: t.rows("events") }).toEqual({ turns: 0, events: 0 })
  t.clock.advance(80)
  expect({ turns: t.rows("turns"), events: t.rows("events") }).toEqual({ turns: 1, events: 1 })
  expect(t.clock.sweep.size).toBe(0)
})

test("a reading finds the rows of its call, and does not write those of other calls", async () => {
  await using t = await setUp()
  const other = await t.store.calls.create(sampleCall())
  t.recorder.turn(sampleTurn(other.id))
  t.recorder.event(sampleEvent(other.id))
  t.recorder.event(sampleEvent(t.call.id))
  expect({ turns: await t.store.turns.of(t.call.id), written: t.rows("events") }).toEqual({
    turns: [],
    written: 0,
  })
  expect({ events: (await t.store.events.of(t.call.id)).length, written: t.rows("turns") }).toEqual({
    events: 1,
    written: 1,
  })
  t.recorder.event(sampleEvent(other.id))
  expect((await t.store.events.since({ afterId: 0, limit: 10, userId: null })).length).toBe(3)
})

test("a turn that changes is one row in its last state", async () => {
  await using t = await setUp()
  const turn = sampleTurn(t.call.id, {
    kind: "tool",
    speaker: "agent",
    text: "",
    endedAt: null,
    latency: { firstTokenMs: 5 },
  })
  const tool: ToolRecord = {
    replyTurnId: "turn_1",
    offset: 0,
    callId: "c1",
    name: "end-call",
    arguments: "{}",
    output: null,
    ok: null,
    tookMs: null,
  }
  t.recorder.turn({ ...turn, tool })
  t.recorder.flush()
  const done = {
    ...turn,
    text: "done",
    interrupted: true,
    endedAt: 9,
    lang: "en",
    tool: { ...tool, output: "x", ok: true, tookMs: 4 },
  }
  t.recorder.turn({ ...turn, text: "half" })
  t.recorder.turn(done)
  expect(await t.store.turns.of(t.call.id)).toEqual([done])
})

test("reading flushes first, and a transcript is what was said and which keys were pressed", async () => {
  await using t = await setUp()
  const turns = (["speech", "note", "tool", "keypad"] as const).map((kind, seq) =>
    sampleTurn(t.call.id, { kind, seq }),
  )
  for (const turn of turns.toReversed()) t.recorder.turn(turn)
  expect((await t.store.transcripts.of(t.call.id)).map(({ kind }) => kind)).toEqual(["speech", "keypad"])
  expect(await t.store.turns.of(t.call.id)).toEqual(turns)
  expect(await t.store.turns.of(newCallId())).toEqual([])
})

test("events are read in their order, after a number and up to a limit", async () => {
  await using t = await setUp()
  for (const at of [1, 2, 3]) t.recorder.event(sampleEvent(t.call.id, at))
  const all = await t.store.events.of(t.call.id)
  expect(all.map(({ at }) => at)).toEqual([1, 2, 3])
  expect(await t.store.events.of(t.call.id, { afterId: all[0]?.id ?? 0, limit: 1 })).toEqual(all.slice(1, 2))
})

test("observers see an event at once, and one that throws harms nothing", async () => {
  const seen: number[] = []
  await using t = await setUp({
    onEvent: ({ at }) => {
      seen.push(at)
      if (at === 1) throw new Error("broken observer")
    },
  })
  t.recorder.event(sampleEvent(t.call.id, 1))
  t.recorder.event(sampleEvent(t.call.id, 2))
  expect(seen).toEqual([1, 2])
  expect(await t.store.events.of(t.call.id)).toHaveLength(2)
  expect(t.lines).toEqual(["an observer of events failed"])
})

test("a large batch does not wait for its time", async () => {
  await using t = await setUp()
  for (let i = 0; i < 500; i++) t.recorder.event(sampleEvent(t.call.id, i))
  expect(t.rows("events")).toBe(500)
})

test("a row for a call that does not exist is lost alone", async () => {
  await using t = await setUp()
  const lost = sampleTurn(newCallId())
  const kept = sampleTurn(t.call.id)
  t.recorder.turn(lost)
  t.recorder.turn(kept)
  t.recorder.flush()
  expect(await t.store.turns.of(t.call.id)).toEqual([kept])
  expect(t.lines).toEqual(["a row cannot be stored and is lost"])
})

test("while another process holds the lock rows wait, one line is logged, and nothing is lost", async () => {
  await using t = await setUp()
  t.other.run("BEGIN IMMEDIATE")
  t.recorder.turn(sampleTurn(t.call.id, { text: "first" }))
  t.clock.advance(500)
  t.recorder.turn(sampleTurn(t.call.id, { text: "second", seq: 1 }))
  expect(await t.store.turns.of(t.call.id)).toEqual([])
  expect(t.lines).toEqual(["the database cannot be written; rows wait in memory"])
  t.other.run("COMMIT")
  await t.clock.pass(5000)
  expect(t.rows("turns")).toBe(2)
  expect(t.lines).toEqual([
    "the database cannot be written; rows wait in memory",
    "the database can be written again",
  ])
})

test("a failing database costs the oldest events past a bound, never a turn", async () => {
  await using t = await setUp({ maxEvents: 10 })
  t.other.run("BEGIN IMMEDIATE")
  for (let i = 0; i < 12; i++) t.recorder.turn(sampleTurn(t.call.id, { seq: i }))
  for (let i = 0; i < 12; i++) t.recorder.event(sampleEvent(t.call.id, i))
  t.clock.advance(100)
  t.other.run("COMMIT")
  t.recorder.flush()
  expect(await t.store.turns.of(t.call.id)).toHaveLength(12)
  expect((await t.store.events.of(t.call.id)).map(({ at }) => at)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})

test("closing the store writes what waits, and closing again is harmless", async () => {
  await using t = await setUp()
  t.recorder.turn(sampleTurn(t.call.id))
  await Promise.all([t.store.close(), t.store.close()])
  expect(t.rows("turns")).toBe(1)
})

test("closing the recorder writes what waits and leaves no deadline", async () => {
  await using t = await setUp()
  t.recorder.turn(sampleTurn(t.call.id))
  await Promise.all([t.recorder.close(), t.recorder.close()])
  expect({ turns: t.rows("turns"), sweepCount: t.clock.sweep.size }).toEqual({ turns: 1, sweepCount: 0 })
})
