/** Files of transcripts: when they are written, what they are called, and what happens when they cannot be. */

import { afterAll, expect, test } from "bun:test"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Call } from "../../src/call/call.ts"
import type { CallEvent } from "../../src/call/events.ts"
import { LiveCalls, type LiveCall } from "../../src/call/live-calls.ts"
import { createTranscriptLog, transcriptFileName } from "../../src/jobs/transcript-files.ts"
import { getLog } from "../../src/lib/log.ts"
import { openStore } from "../../src/store/open-store.ts"
import { sampleCall, sampleTurn } from "../store/fixture.ts"

const ENDED_AT = Date.UTC(2026, 10, 20, 12, 0, 5)
const OVER: CallEvent = { type: "call.status-changed", status: "completed", previous: "in-progress" }
const CLOSED: CallEvent = { type: "session.closed", code: 1000, reason: "" }

const folders: string[] = []
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

async function fixture({ dir = "logs", now = ENDED_AT }: { dir?: string; now?: number } = {}) {
  const root = mkdtempSync(join(tmpdir(), "parley-transcripts-"))
  folders.push(root)
  const store = await openStore({ url: ":memory:" })
  const liveCalls = new LiveCalls()
  const path = join(root, dir)
  const open = () =>
    createTranscriptLog({ dir: path, store, liveCalls, now: () => now, log: getLog("transcripts") })
  const call = await store.calls.create(sampleCall())
  await store.writer.write({ turns: [sampleTurn(call.id, { text: "Hello" })], events: [] }, 0)
  const end = async (): Promise<Call> => {
    await store.calls.advanceStatus(call.id, "in-progress", { at: ENDED_AT - 5000 })
    await store.calls.advanceStatus(call.id, "completed", { at: ENDED_AT })
    return (await store.calls.byId(call.id)) ?? call
  }
  const reported = (event: CallEvent) => ({ callId: call.id, callSid: call.sid, at: ENDED_AT, event })
  return {
    root,
    path,
    store,
    liveCalls,
    open,
    log: open(),
    call,
    end,
    reported,
    [Symbol.asyncDispose]: () => store.close(),
  }
}

test("a call that ended has one file, however often its end is reported", async () => {
  await using it = await fixture()
  it.log.onEvent(it.reported(CLOSED))
  await it.log.idle()
  const call = await it.end()
  it.log.onEvent(it.reported(OVER))
  it.log.onEvent(it.reported(CLOSED))
  await it.log.idle()
  const name = transcriptFileName(call)
  expect(readdirSync(it.path)).toEqual([name])
  const file = join(it.path, name)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    callSid: call.sid,
    phoneNumber: call.direction === "inbound" ? call.from : call.to,
    timestamp: "2026-11-20T12:00:05.000Z",
    transcript: [{ content: "Call started" }, { content: "Hello" }, { content: "Call ended" }],
  })
})

test("while the session is open the last words are waited for", async () => {
  await using it = await fixture()
  const leave = it.liveCalls.add({ callId: it.call.id } as LiveCall)
  await it.end()
  it.log.onEvent(it.reported(OVER))
  await it.log.idle()
  expect(readdirSync(it.root)).toEqual([])
  leave()
  it.log.onEvent(it.reported(CLOSED))
  await it.log.idle()
  expect(readdirSync(it.path)).toHaveLength(1)
})

test("words that are recognised after the end are in the file, and during the call none is written", async () => {
  await using it = await fixture()
  const spoken: CallEvent = { type: "caller.spoke", turnId: "t", text: "Bye", lang: null }
  it.log.onEvent(it.reported(spoken))
  await it.log.idle()
  expect(existsSync(it.path)).toBe(false)
  const call = await it.end()
  it.log.onEvent(it.reported(OVER))
  await it.log.idle()
  await it.store.writer.write({ turns: [sampleTurn(it.call.id, { text: "Bye", seq: 1 })], events: [] }, 0)
  it.log.onEvent(it.reported(spoken))
  await it.log.idle()
  expect(readFileSync(join(it.path, transcriptFileName(call)), "utf8")).toContain("Bye")
})

test("what a process did not come to, the next one writes, and touches no file that is there", async () => {
  await using it = await fixture()
  const name = transcriptFileName(await it.end())
  const next = it.open()
  next.catchUp()
  await next.idle()
  expect(readdirSync(it.path)).toEqual([name])
  writeFileSync(join(it.path, name), "mine")
  next.catchUp()
  await next.idle()
  expect(readFileSync(join(it.path, name), "utf8")).toBe("mine")
})

test("calls of long ago are left alone", async () => {
  await using it = await fixture({ now: ENDED_AT + 25 * 3_600_000 })
  await it.end()
  it.log.catchUp()
  await it.log.idle()
  expect(readdirSync(it.root)).toEqual([])
})

test("a folder that cannot be written fails nothing, and the next call has its file again", async () => {
  await using it = await fixture({ dir: "occupied" })
  writeFileSync(it.path, "a file")
  await it.end()
  it.log.onEvent(it.reported(OVER))
  await it.log.idle()
  rmSync(it.path)
  it.log.onEvent(it.reported(OVER))
  await it.log.idle()
  expect(readdirSync(it.path)).toHaveLength(1)
})

test("an event of a call that is gone changes nothing", async () => {
  await using it = await fixture()
  await it.end()
  it.log.onEvent({ ...it.reported(OVER), callId: sampleCall().id })
  await it.log.idle()
  expect(readdirSync(it.root)).toEqual([])
})

test.each([
  ["an inbound call", { direction: "inbound", from: "+1555", to: "+1999" }, "_+1555_"],
  ["an outbound call", { direction: "outbound", from: "+1555", to: "+1999" }, "_+1999_"],
  ["a SIP address", { direction: "inbound", from: "sip:a/../b@c.d" }, "_sip-a-..-b-c.d_"],
  ["a number without end", { direction: "inbound", from: "9".repeat(500) }, `_${"9".repeat(64)}_`],
] as const)("the file of %s has a name that every system takes", async (_, fields, part) => {
  await using it = await fixture()
  const name = transcriptFileName({ ...(await it.end()), ...fields })
  expect(name).toContain(part)
  expect(name).toMatch(/^[\w+.-]+_2026-11-20T12-00-05\.000Z\.json$/)
})

test("files of calls that ended before the time of retention are deleted, and nothing else", async () => {
  await using it = await fixture()
  const call = await it.end()
  it.log.onEvent(it.reported(OVER))
  await it.log.idle()
  writeFileSync(join(it.path, "notes.json"), "{}")
  it.log.deleteBefore(ENDED_AT)
  await it.log.idle()
  expect(readdirSync(it.path).toSorted()).toEqual([transcriptFileName(call), "notes.json"].toSorted())
  it.log.deleteBefore(ENDED_AT + 1)
  await it.log.idle()
  expect(readdirSync(it.path)).toEqual(["notes.json"])
})

test("files that others could read are private after the start", async () => {
  await using it = await fixture()
  const file = join(it.path, transcriptFileName(await it.end()))
  mkdirSync(it.path)
  writeFileSync(file, "{}")
  chmodSync(file, 0o644)
  chmodSync(it.path, 0o755)
  it.log.catchUp()
  await it.log.idle()
  expect([it.path, file].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o600])
})
