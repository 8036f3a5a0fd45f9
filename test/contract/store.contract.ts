/** What every `Store` promises, whatever is behind it. */

import { describe, expect, test } from "bun:test"
import { CallSid, newCallId, type CallId } from "../../src/call/ids.ts"
import type { MenuState } from "../../src/call/menu-state.ts"
import type { SessionEnd } from "../../src/call/session-end.ts"
import type { TransferState } from "../../src/call/transfer-state.ts"
import type { CallFilter, FollowUps, NewPlacedCall } from "../../src/store/calls.ts"
import type { StoredConversation } from "../../src/store/conversations.ts"
import type { Store } from "../../src/store/store.ts"
import { sampleCall, sampleEvent, sampleSid, sampleTurn } from "../store/fixture.ts"
import { rejection } from "../llm/fixture.ts"

/** `open` gives an empty store. */
export function storeContract(name: string, open: () => Promise<Store>) {
  describe(`store: ${name}`, () => {
    describe("calls", () => callsContract(open))
    describe("the end of a call", () => endContract(open))
    describe("placing", () => placingContract(open))
    describe("socket tokens", () => tokensContract(open))
    describe("sessions and transfers", () => sessionsContract(open))
    describe("menus and voice messages", () => menusContract(open))
    describe("lists of calls", () => listsContract(open))
    describe("turns and events", () => historyContract(open))
    describe("receipts", () => receiptsContract(open))
    describe("quotas", () => quotasContract(open))
    describe("jobs", () => jobsContract(open))
    describe("outcomes", () => outcomesContract(open))
    describe("usage", () => usageContract(open))
    describe("conversations", () => conversationsContract(open))
    describe("callers", () => callersContract(open))
    describe("documents", () => documentsContract(open))
    describe("assets", () => assetsContract(open))
    describe("the store as a whole", () => wholeContract(open))
  })
}

type Open = () => Promise<Store>

const RACERS = 20

/** The results of the same question asked by many at once. */
function race<T>(ask: (racer: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: RACERS }, (_, racer) => ask(racer)))
}

function menusContract(open: Open) {
  test("the phone menu of a called party is kept with the call, and how far the call has come in it", async () => {
    await using store = await open()
    const ivrMenu = [{ intent: "claims", triggers: ["claims"], response: "1" }]
    const { id } = await store.calls.create(sampleCall({ ivrMenu, ivrState: "navigating" }))
    await store.calls.setIvrState(id, "human-reached")
    expect(await store.calls.byId(id)).toMatchObject({ ivrMenu, ivrState: "human-reached" })
    const none = await store.calls.create(sampleCall())
    expect(none).toMatchObject({ ivrMenu: null, ivrState: null })
  })

  const state = (step: string): MenuState => ({
    menu: "reception",
    version: "1",
    paths: "menus",
    language: "en-US",
    step,
    phase: "collect",
    entered: null,
    failures: 0,
    unclear: 0,
    values: {},
    verifiedNumber: null,
    answers: 0,
    prompts: [],
    action: { kind: "hang-up", reason: "done" },
  })

  test("of many who move a call on from one step, one does", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    expect(await store.calls.menuOf(id)).toBeUndefined()
    const begun = await race((racer) => store.calls.advanceMenu(id, { from: 0, state: state(`${racer}`) }))
    expect(begun.filter(Boolean)).toHaveLength(1)
    const winner = begun.indexOf(true)
    expect(await store.calls.menuOf(id)).toEqual({ revision: 1, state: state(`${winner}`) })
    expect(await store.calls.advanceMenu(id, { from: 1, state: state("next") })).toBe(true)
    expect(await store.calls.advanceMenu(id, { from: 1, state: state("late") })).toBe(false)
    expect(await store.calls.menuOf(id)).toEqual({ revision: 2, state: state("next") })
  })

  test("a call that has ended stays at its step", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.advanceMenu(id, { from: 0, state: state("first") })
    await store.calls.advanceStatus(id, "completed", { at: 1 })
    expect(await store.calls.advanceMenu(id, { from: 1, state: state("late") })).toBe(false)
    expect(await store.calls.advanceMenu(newCallId(), { from: 0, state: state("none") })).toBe(false)
  })

  test("a menu chooses the agent, adds parameters and stores the verified number", async () => {
    await using store = await open()
    const call = await store.calls.create(sampleCall({ parameters: { a: "1", b: "2" } }))
    const choice = { agent: "sales", engine: "realtime", parameters: { b: "3", c: "'; DROP" } } as const
    const parameters = { a: "1", b: "3", c: "'; DROP" }
    expect(await store.calls.setAgent(call.id, choice)).toEqual({ ...call, ...choice, parameters })
    await store.calls.setVerifiedNumber(call.id, "+15550100001")
    expect((await store.calls.byId(call.id))?.verifiedNumber).toBe("+15550100001")
  })

  test("reports of a message come in any order, and are deleted with the call", async () => {
    await using store = await open()
    const { id: callId } = await store.calls.create(sampleCall())
    const message = { recordingSid: "RE1", callId, menu: "reception", step: "message" }
    const { voiceMessages } = store
    const url = "https://api.twilio.com/RE1"
    expect(
      await voiceMessages.report({ ...message, status: "completed", url, durationSeconds: 9, at: 1 }),
    ).toBe(true)
    expect(await voiceMessages.report({ ...message, status: "in-progress", url, at: 2 })).toBe(false)
    expect(await voiceMessages.report({ ...message, transcription: "Call me", at: 3 })).toBe(false)
    expect(await voiceMessages.of(callId)).toEqual([
      { ...message, status: "completed", url, durationSeconds: 9, transcription: "Call me", createdAt: 1 },
    ])
    await store.calls.advanceStatus(callId, "completed", { at: 4 })
    await store.purgeEndedBefore(5)
    expect(await voiceMessages.of(callId)).toEqual([])
  })
}

function callsContract(open: Open) {
  test("a call comes back as it was put in", async () => {
    await using store = await open()
    const call = sampleCall({
      parameters: { name: "Zoë", ключ: "\u0000\n'; DROP TABLE calls" },
      userId: "anna",
    })
    const created = await store.calls.create(call)
    expect(created).toEqual({
      ...call,
      resumes: 0,
      sessionEnd: null,
      transfer: null,
      answeredAt: null,
      endedAt: null,
      durationSeconds: null,
      endedBy: null,
      endReason: null,
      contextKey: null,
      contextVersion: null,
      manifestKey: null,
      manifestVersion: null,
      verifiedNumber: null,
      speechErrors: null,
    })
    expect(await store.calls.byId(call.id)).toEqual(created)
    expect(await store.calls.bySid(call.sid ?? sampleSid())).toEqual(created)
    expect({
      byId: await store.calls.byId(newCallId()),
      bySid: await store.calls.bySid(sampleSid()),
    }).toEqual({ byId: undefined, bySid: undefined })
  })

  test.each([
    ["the same id", () => ({})],
    ["the same SID", () => ({ id: newCallId() })],
  ])("%s is a conflict", async (_, change) => {
    await using store = await open()
    const first = sampleCall()
    await store.calls.create(first)
    expect(await rejection(store.calls.create({ ...first, ...change() }))).toMatchObject({
      code: "CONFLICT",
      message: "This call exists already",
    })
  })

  test("of many who find a call at once one creates it, and all get the same", async () => {
    await using store = await open()
    const sid = sampleSid()
    const found = await race(() => store.calls.createOrFind({ ...sampleCall(), sid }))
    expect(found.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(found.map(({ call }) => call.id)).size).toBe(1)
    expect((await store.calls.bySid(sid))?.id).toBe(found[0]?.call.id ?? newCallId())
  })

  test("a placed call gets its SID later, once, and no other call's", async () => {
    await using store = await open()
    const placed = () => store.calls.create(sampleCall({ sid: null, direction: "outbound" }))
    const [first, second] = [await placed(), await placed()]
    const [sid, other] = [sampleSid(), sampleSid()]
    expect(await store.calls.attachSid(first.id, sid)).toEqual({ ...first, sid })
    expect(await store.calls.attachSid(first.id, sid)).toEqual({ ...first, sid })
    expect(await store.calls.attachSid(first.id, other)).toBeUndefined()
    expect((await store.calls.attachSid(second.id, sid))?.id).toBe(first.id)
    expect(await store.calls.attachSid(newCallId(), other)).toBeUndefined()
    expect([(await store.calls.byId(first.id))?.sid, (await store.calls.byId(second.id))?.sid]).toEqual([
      sid,
      null,
    ])
  })

  test("of many resumptions at once no more are counted than allowed", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.openSession(id, "VX1")
    const counts = await race(() => store.calls.resume(id, 3))
    expect(new Set(counts)).toEqual(new Set([1, 2, 3, undefined]))
    expect(counts.filter((count) => count !== undefined)).toHaveLength(3)
    expect(await store.calls.resume(newCallId(), 3)).toBeUndefined()
    expect((await store.calls.byId(id))?.resumes).toBe(3)
  })

  test("a call that has ended is not resumed", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.advanceStatus(id, "completed", { at: 1 })
    expect(await store.calls.resume(id, 3)).toBeUndefined()
  })

  test("engine and versions of a call change", async () => {
    await using store = await open()
    const call = await store.calls.create(sampleCall())
    const versions = {
      contextKey: "c",
      contextVersion: "1",
      manifestKey: "m",
      manifestVersion: "2",
    }
    await store.calls.setEngine(call.id, "realtime")
    await store.calls.setVersions(call.id, versions)
    expect(await store.calls.byId(call.id)).toEqual({ ...call, ...versions, engine: "realtime" })
  })

  test("open calls are those without an end, oldest first", async () => {
    await using store = await open()
    const made = [2, 1, 3].map((createdAt) => sampleCall({ createdAt }))
    for (const call of made) await store.calls.create(call)
    const [newer, older, ended] = made
    if (ended) await store.calls.advanceStatus(ended.id, "busy", { at: 9 })
    expect((await store.calls.open()).map(({ id }) => id)).toEqual([older, newer].flatMap((c) => c?.id ?? []))
  })
}

const FOLLOW_UPS: FollowUps = {
  createdAt: 8,
  outcome: true,
  jobs: [
    { kind: "outcome", dueAt: 50 },
    { kind: "webhook", dueAt: 60 },
  ],
}

function endContract(open: Open) {
  test("reports advance the call, by id and by SID, and leave their times", async () => {
    await using store = await open()
    const { id, sid } = await store.calls.create(sampleCall({ status: "queued" }))
    if (!sid) throw new Error("no SID")
    expect(await store.calls.advanceStatus(sid, "ringing", { sequence: 1, at: 10 })).toMatchObject({
      previous: "queued",
      changed: true,
    })
    expect(await store.calls.advanceStatus(id, "in-progress", { sequence: 2, at: 20 })).toMatchObject({
      call: { answeredAt: 20, endedAt: null },
    })
    expect(
      await store.calls.advanceStatus(sid, "completed", { sequence: 3, at: 30, durationSeconds: 9 }),
    ).toMatchObject({
      call: { status: "completed", answeredAt: 20, endedAt: 30, durationSeconds: 9 },
      previous: "in-progress",
      changed: true,
    })
  })

  test.each([
    ["repeated", "completed", { status: "completed", endedAt: 30, durationSeconds: 9 }],
    ["late", "ringing", { status: "completed", endedAt: 30, durationSeconds: 9 }],
    ["different final", "failed", { status: "completed", endedAt: 30, durationSeconds: 9 }],
  ] as const)("a %s report changes nothing", async (_, incoming, expected) => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.advanceStatus(id, "completed", { at: 30, durationSeconds: 9 })
    const result = await store.calls.advanceStatus(id, incoming, {
      at: 99,
      durationSeconds: 77,
      sequence: 0,
    })
    expect(result).toMatchObject({ call: expected, previous: "completed", changed: false })
  })

  test("a repeated end may bring the duration that was missing", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.advanceStatus(id, "completed", { at: 30 })
    expect(await store.calls.advanceStatus(id, "completed", { at: 40, durationSeconds: 12 })).toMatchObject({
      call: { endedAt: 30, durationSeconds: 12 },
      changed: false,
    })
  })

  test("a call that was never answered has no time of answer", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    expect((await store.calls.advanceStatus(id, "no-answer", { at: 5 }))?.call).toMatchObject({
      answeredAt: null,
      endedAt: 5,
    })
  })

  test("a report about an unknown call is undefined", async () => {
    await using store = await open()
    expect(await store.calls.advanceStatus(sampleSid(), "completed", { at: 1 })).toBeUndefined()
  })

  test("a SID in capitals counts as a SID", async () => {
    await using store = await open()
    const sid = CallSid.parse(`CA${"A".repeat(32)}`)
    await store.calls.create(sampleCall({ sid }))
    expect((await store.calls.advanceStatus(sid, "completed", { at: 1 }))?.changed).toBe(true)
  })

  test("the first note of who ended a call stays, also against that of the last status", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    expect(await store.calls.noteEnd(id, { by: "agent", reason: "end-call" })).toBe(true)
    expect(await store.calls.noteEnd(id, { by: "caller", reason: "hung up" })).toBe(false)
    expect(await store.calls.byId(id)).toMatchObject({
      endedBy: "agent",
      endReason: "end-call",
      endedAt: null,
    })
    const end = {
      by: "caller",
      reason: "hung up",
      followUps: { createdAt: 8, outcome: false, jobs: [] },
    } as const
    expect(await store.calls.advanceStatus(id, "completed", { at: 9, end })).toMatchObject({
      endNoted: false,
      call: { endedBy: "agent", endReason: "end-call", endedAt: 9 },
    })
  })

  test("of many notes at once one stays", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const noted = await race((racer) => store.calls.noteEnd(id, { by: "api", reason: `${racer}` }))
    expect(noted.filter(Boolean)).toHaveLength(1)
    expect((await store.calls.byId(id))?.endReason).toBe(String(noted.indexOf(true)))
  })

  test("the last status brings who ended the call, a pending outcome and its jobs, once", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const end = { by: "caller", reason: "hung up", followUps: FOLLOW_UPS } as const
    const results = await race(() => store.calls.advanceStatus(id, "completed", { at: 9, end }))
    expect(results.filter((result) => result?.changed)).toHaveLength(1)
    expect(results.filter((result) => result?.endNoted)).toHaveLength(1)
    expect(await store.calls.byId(id)).toMatchObject({ endedBy: "caller", endReason: "hung up" })
    expect(await store.outcomes.of(id)).toMatchObject({ status: "pending", createdAt: 8 })
    const due = await store.jobs.due(100, 10)
    // Of one call only the oldest is due.
    expect(due.map(({ kind, dueAt, callId }) => ({ kind, dueAt, callId }))).toEqual([
      { kind: "outcome", dueAt: 50, callId: id },
    ])
    expect(await store.jobs.find(id, "webhook")).toMatchObject({ state: "waiting", dueAt: 60, createdAt: 8 })
  })

  test("nothing follows a status that is not the last, or that comes after it", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const end = { by: "caller", reason: "hung up", followUps: FOLLOW_UPS } as const
    await store.calls.advanceStatus(id, "in-progress", { at: 5, end })
    await store.calls.advanceStatus(id, "completed", { at: 6 })
    await store.calls.advanceStatus(id, "failed", { at: 7, end })
    expect(await store.jobs.due(1000, 10)).toEqual([])
    expect({ of: await store.outcomes.of(id), endedBy: (await store.calls.byId(id))?.endedBy }).toEqual({
      of: undefined,
      endedBy: null,
    })
  })
}

/** A call to be placed under a key, at a time. */
function toPlace(given: Partial<NewPlacedCall> = {}): NewPlacedCall {
  return {
    ...sampleCall({ sid: null, direction: "outbound", status: "queued" }),
    idempotencyKey: null,
    requestHash: "h",
    dialLeaseUntil: 2000,
    countsAt: given.createdAt ?? 0,
    ...given,
  }
}

const ANY = { since: 0, limits: [] }

function placingContract(open: Open) {
  test("of many requests with one key at once one creates the call, and the others get it", async () => {
    await using store = await open()
    const placed = await race(() => store.calls.place(toPlace({ idempotencyKey: "k" }), ANY))
    const outcomes = placed.map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === "repeated")).toHaveLength(RACERS - 1)
    expect((await store.calls.list({ limit: 50 })).calls).toHaveLength(1)
  })

  test("requests without a key are different calls", async () => {
    await using store = await open()
    const placed = await race(() => store.calls.place(toPlace(), ANY))
    expect(placed.every(({ outcome }) => outcome === "created")).toBe(true)
  })

  test("a key belongs to its user, or to those without one, and shows what was asked under it", async () => {
    await using store = await open()
    const [unbound, anna] = [
      toPlace({ idempotencyKey: "k", requestHash: "h1" }),
      toPlace({ idempotencyKey: "k", userId: "anna", requestHash: "h2" }),
    ]
    await store.calls.place(unbound, ANY)
    await store.calls.place(anna, ANY)
    expect(await store.calls.findByIdempotencyKey(null, "k")).toEqual({
      call: expect.objectContaining({ id: unbound.id }),
      requestHash: "h1",
    })
    expect(await store.calls.place(toPlace({ idempotencyKey: "k", userId: "anna" }), ANY)).toMatchObject({
      outcome: "repeated",
      call: { id: anna.id },
      requestHash: "h2",
    })
    expect(await store.calls.findByIdempotencyKey("bert", "k")).toBeUndefined()
  })

  test("of many requests at once no more create calls than a limit allows", async () => {
    await using store = await open()
    const limit = { of: "server", most: 3 } as const
    const placed = await race(() =>
      store.calls.place(toPlace({ createdAt: 500 }), { since: 100, limits: [limit] }),
    )
    expect(placed.filter(({ outcome }) => outcome === "created")).toHaveLength(3)
    expect(placed.at(-1)).toEqual({ outcome: "limited", limit, oldestAt: 500 })
    expect((await store.calls.list({ limit: 50 })).calls).toHaveLength(3)
  })

  test("a transfer counts as a call of its user, and is refused at the same limits", async () => {
    await using store = await open()
    const limits = [{ of: "user", most: 2 }] as const
    await store.calls.place(toPlace({ createdAt: 10, userId: "anna" }), ANY)
    const transfer = (at: number, userId: string | null) =>
      store.calls.countTransfer({ userId, at }, { since: 0, limits })
    expect(await transfer(20, "anna")).toEqual({ outcome: "counted" })
    expect(await transfer(30, "anna")).toEqual({ outcome: "limited", limit: limits[0], oldestAt: 10 })
    expect(await transfer(30, "bert")).toEqual({ outcome: "counted" })
    const placed = await store.calls.place(toPlace({ createdAt: 40, userId: "anna" }), { since: 15, limits })
    expect(placed.outcome).toBe("created")
    const again = await store.calls.place(toPlace({ createdAt: 50, userId: "anna" }), { since: 15, limits })
    expect(again).toMatchObject({ outcome: "limited", oldestAt: 20 })
  })

  test("limits count placed calls of a user, of no user, or of all, since a time", async () => {
    await using store = await open()
    for (const [createdAt, userId] of [
      [10, "anna"],
      [20, "anna"],
      [30, "bert"],
      [40, null],
    ] as const) {
      await store.calls.place(toPlace({ createdAt, userId }), ANY)
    }
    await store.calls.create(sampleCall({ createdAt: 25 }))
    const ask = async (userId: string | null, since: number, of: "user" | "server", most: number) => {
      const limits = [{ of, most }]
      const placed = await store.calls.place(toPlace({ id: newCallId(), createdAt: 1, userId }), {
        since,
        limits,
      })
      return placed.outcome === "limited" ? placed.oldestAt : placed.outcome
    }
    expect(await ask("anna", 5, "user", 2)).toBe(10)
    expect(await ask("anna", 15, "user", 1)).toBe(20)
    expect(await ask(null, 5, "user", 1)).toBe(40)
    expect(await ask("eve", 15, "server", 3)).toBe(20)
    expect(await ask("eve", 15, "server", 4)).toBe("created")
    expect(await ask("eve", 5, "user", 1)).toBe("created")
  })

  test("a key that was used is answered although a limit is reached", async () => {
    await using store = await open()
    const rule = { since: 0, limits: [{ of: "server", most: 1 }] } as const
    await store.calls.place(toPlace({ idempotencyKey: "k" }), rule)
    expect((await store.calls.place(toPlace({ idempotencyKey: "k" }), rule)).outcome).toBe("repeated")
  })

  test("one at a time may ask Twilio for a call, until it has a SID or has ended", async () => {
    await using store = await open()
    const call = toPlace({ dialLeaseUntil: 2000 })
    await store.calls.place(call, ANY)
    const lease = (now: number) => store.calls.leaseDial(call.id, { now, until: now + 1000 })
    expect(await lease(1999)).toBeUndefined()
    const leased = await race(() => lease(2000))
    expect(leased.filter((found) => found !== undefined)).toEqual([expect.objectContaining({ id: call.id })])
    await store.calls.releaseDial(call.id)
    expect((await lease(2001))?.id).toBe(call.id)
    await store.calls.attachSid(call.id, sampleSid())
    expect(await lease(9000)).toBeUndefined()
    const ended = toPlace()
    await store.calls.place(ended, ANY)
    await store.calls.advanceStatus(ended.id, "failed", { at: 1 })
    expect(await store.calls.leaseDial(ended.id, { now: 9000, until: 9999 })).toBeUndefined()
  })
}

function tokensContract(open: Open) {
  test("a token opens one socket, once", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    expect(await store.calls.issueToken(id, "t1", 100)).toBe(true)
    expect((await store.calls.claimToken("t1", 50))?.id).toBe(id)
    expect(await store.calls.claimToken("t1", 51)).toBeUndefined()
    await store.calls.issueToken(id, "t2", 100)
    expect((await store.calls.claimToken("t2", 52))?.id).toBe(id)
  })

  test("of many claims of one token at once one gets the call", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.issueToken(id, "t", 100)
    const claims = await race(() => store.calls.claimToken("t", 50))
    expect(claims.filter((call) => call !== undefined)).toEqual([expect.objectContaining({ id })])
  })

  test.each([
    ["unknown", "other", 50, "in-progress"],
    ["expired", "t", 100, "in-progress"],
    ["of a call that has ended", "t", 50, "completed"],
    ["an empty one", "", 50, "in-progress"],
  ] as const)("refused: %s", async (_, token, now, status) => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.issueToken(id, "t", 100)
    await store.calls.advanceStatus(id, status, { at: 1 })
    expect(await store.calls.claimToken(token, now)).toBeUndefined()
  })

  test("a newer token takes the place of an older one", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.issueToken(id, "old", 100)
    await store.calls.issueToken(id, "new", 100)
    expect(await store.calls.claimToken("old", 1)).toBeUndefined()
    expect((await store.calls.claimToken("new", 1))?.id).toBe(id)
  })

  test("a call that has ended, or is not known, gets no token", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.calls.advanceStatus(id, "completed", { at: 1 })
    expect([
      await store.calls.issueToken(id, "t", 100),
      await store.calls.issueToken(newCallId(), "u", 100),
    ]).toEqual([false, false])
  })
}

function sessionsContract(open: Open) {
  const end: SessionEnd = { reason: "silence", detail: "The caller was not speaking" }
  const target = { kind: "number", to: "+15550100003" } as const
  const started: TransferState = { state: "started", target, summary: "A refund" }
  const failed: TransferState = { state: "failed", summary: "A refund", reason: "busy" }

  const finished: TransferState = { state: "finished", summary: "A refund", result: "completed" }

  async function withCall(store: Store) {
    return (await store.calls.create(sampleCall())).id
  }

  test("the end of the session that is open is recorded", async () => {
    await using store = await open()
    const id = await withCall(store)
    await store.calls.openSession(id, "MZ1")
    expect(await store.calls.endSession(id, { end, sessionId: "MZ1" })).toBe(true)
    expect(await store.calls.byId(id)).toMatchObject({ sessionEnd: end, transfer: null })
  })

  test("the end of a session that was replaced is not recorded", async () => {
    await using store = await open()
    const id = await withCall(store)
    await store.calls.openSession(id, "MZ1")
    await store.calls.openSession(id, "MZ2")
    expect(await store.calls.endSession(id, { end, sessionId: "MZ1" })).toBe(false)
    expect((await store.calls.byId(id))?.sessionEnd).toBeNull()
  })

  test("with a token for the next session, the end of the last one is forgotten and comes too late", async () => {
    await using store = await open()
    const id = await withCall(store)
    await store.calls.openSession(id, "MZ1")
    await store.calls.endSession(id, { end, sessionId: "MZ1" })
    await store.calls.issueToken(id, "t", 100)
    expect((await store.calls.byId(id))?.sessionEnd).toBeNull()
    expect(await store.calls.endSession(id, { end, sessionId: "MZ1" })).toBe(false)
    expect((await store.calls.byId(id))?.sessionEnd).toBeNull()
  })

  test("an end that belongs to no session id is recorded", async () => {
    await using store = await open()
    const id = await withCall(store)
    expect(await store.calls.endSession(id, { end })).toBe(true)
    expect(await store.calls.endSession(newCallId(), { end })).toBe(false)
    expect((await store.calls.byId(id))?.sessionEnd).toEqual(end)
  })

  test.each<[string, TransferState, TransferState]>([
    [
      "a transfer that failed is one from which the caller has returned",
      failed,
      { ...failed, state: "returned" },
    ],
    ["a transfer that runs stays as it is", started, started],
  ])("after the opening of a session, %s", async (_, transfer, after) => {
    await using store = await open()
    const id = await withCall(store)
    await store.calls.endSession(id, { end })
    await store.calls.setTransfer(id, transfer)
    expect(await store.calls.byId(id)).toMatchObject({ sessionEnd: end, transfer })
    await store.calls.openSession(id, "MZ2")
    expect(await store.calls.byId(id)).toMatchObject({ sessionEnd: null, transfer: after })
    await store.calls.openSession(id, "MZ3")
    expect((await store.calls.byId(id))?.transfer).toEqual(after)
  })

  test("of many who start a transfer at once one does, and of many who end it one does", async () => {
    await using store = await open()
    const id = await withCall(store)
    const starts = await race(() => store.calls.setTransfer(id, started))
    expect(starts.filter(Boolean)).toHaveLength(1)
    expect((await store.calls.byId(id))?.transfer).toEqual(started)
    const ends = await race((racer) => store.calls.setTransfer(id, racer % 2 === 0 ? failed : finished))
    expect(ends.filter(Boolean)).toHaveLength(1)
    expect(await store.calls.setTransfer(id, started)).toBe(true)
    await store.calls.setTransfer(id, failed)
    await store.calls.openSession(id, "MZ1")
    // Back from one transfer, the next one may fail before it starts.
    expect(await store.calls.setTransfer(id, failed)).toBe(true)
  })
}

function listsContract(open: Open) {
  test("pages go from the newest to the oldest without gaps, also among calls of one moment", async () => {
    await using store = await open()
    const made = Array.from({ length: 7 }, (_, i) => sampleCall({ createdAt: 100 + Math.floor(i / 3) }))
    for (const call of made) await store.calls.create(call)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await store.calls.list({ limit: 2, cursor })
      seen.push(...page.calls.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    const expected = made
      .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id)
    expect(seen).toEqual(expected)
  })

  test("filters combine", async () => {
    await using store = await open()
    const one = { direction: "outbound", agent: "sales", to: "+1", from: "+2" } as const
    const wanted = await store.calls.create(sampleCall({ ...one, userId: "anna" }))
    await store.calls.create(sampleCall({ ...one, userId: "bert" }))
    await store.calls.create(sampleCall())
    const filter: CallFilter = { ...one, userId: "anna", status: "ringing", limit: 10 }
    expect(await store.calls.list(filter)).toEqual({ calls: [wanted], nextCursor: null })
    expect((await store.calls.list({ ...filter, userId: "" })).calls).toEqual([])
  })

  test.each([["nonsense"], [""], [Buffer.from("1:2").toString("base64url")], ["A".repeat(100_000)]])(
    "a foreign cursor is refused: %#",
    async (cursor) => {
      await using store = await open()
      expect(await rejection(store.calls.list({ limit: 1, cursor }))).toMatchObject({
        code: "INVALID_REQUEST",
      })
    },
  )

  test("a page has one to two hundred calls", async () => {
    await using store = await open()
    for (let i = 0; i < 203; i++) await store.calls.create(sampleCall())
    expect((await store.calls.list({ limit: 1_000_000 })).calls).toHaveLength(200)
    expect((await store.calls.list({ limit: -5 })).calls).toHaveLength(1)
  })
}

function historyContract(open: Open) {
  test("turns come in their order, and a turn written again takes the place of its earlier state", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const turns = (["speech", "note", "tool", "keypad"] as const).map((kind, seq) =>
      sampleTurn(id, { kind, seq }),
    )
    await store.writer.write({ turns: turns.toReversed(), events: [] }, 0)
    const changed = turns.map((turn, index) =>
      index === 0 ? { ...turn, text: "more", interrupted: true } : turn,
    )
    await store.writer.write({ turns: changed.slice(0, 1), events: [] }, 0)
    expect(await store.turns.of(id)).toEqual(changed)
    expect((await store.transcripts.of(id)).map(({ kind }) => kind)).toEqual(["speech", "keypad"])
    expect(await store.turns.of(newCallId())).toEqual([])
  })

  test("rows of a call that is not there are refused, and the others are kept", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const [lost, kept] = [sampleTurn(newCallId()), sampleTurn(id)]
    const refused = await store.writer.write({ turns: [lost, kept], events: [sampleEvent(newCallId())] }, 0)
    expect(refused.map(({ row, id: name }) => [row, name])).toEqual([
      ["turn", lost.id],
      ["event", "reply.started"],
    ])
    expect(await store.turns.of(id)).toEqual([kept])
  })

  test("events are numbered in the order of their writing and read after a number, up to a limit", async () => {
    await using store = await open()
    const anna = await store.calls.create(sampleCall({ userId: "anna" }))
    const other = await store.calls.create(sampleCall())
    const before = await store.events.lastId()
    const events = [1, 2, 3].flatMap((at) => [sampleEvent(anna.id, at), sampleEvent(other.id, at)])
    await store.writer.write({ turns: [], events }, 0)
    const all = await store.events.since({ afterId: before, limit: 100, userId: null })
    expect(all.map(({ callId, at }) => [callId, at])).toEqual(events.map(({ callId, at }) => [callId, at]))
    expect(await store.events.lastId()).toBe(all.at(-1)?.id ?? 0)
    const ofAnna = all.filter(({ callId }) => callId === anna.id)
    expect(await store.events.since({ afterId: before, limit: 2, userId: "anna" })).toEqual(
      ofAnna.slice(0, 2),
    )
    expect(await store.events.of(anna.id)).toEqual(ofAnna)
    expect(await store.events.of(anna.id, { afterId: ofAnna[0]?.id ?? 0, limit: 1 })).toEqual(
      ofAnna.slice(1, 2),
    )
  })

  test("events are found by type", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const failed = {
      callId: id,
      callSid: null,
      at: 2,
      event: { type: "transfer.failed", reason: "busy" },
    } as const
    await store.writer.write({ turns: [], events: [sampleEvent(id, 1), failed, sampleEvent(id, 3)] }, 0)
    expect((await store.events.ofType(id, "reply.started")).map(({ at }) => at)).toEqual([1, 3])
    expect(await store.events.ofType(id, "call.ended")).toEqual([])
  })

  test("each reading waits for what was recorded before", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const flushes: unknown[] = []
    const cancel = store.onRead(async (reading) => {
      flushes.push(reading)
      await Promise.resolve()
      await store.writer.write({ turns: [sampleTurn(id, { seq: flushes.length })], events: [] }, 0)
    })
    expect((await store.turns.of(id)).map(({ seq }) => seq)).toEqual([1])
    expect(await store.events.of(id)).toEqual([])
    cancel()
    expect(await store.transcripts.of(id)).toHaveLength(2)
    expect(flushes).toEqual([
      { rows: "turns", callId: id },
      { rows: "events", callId: id },
    ])
  })
}

function receiptsContract(open: Open) {
  const receipt = { fingerprint: "f", kind: "status", idempotencyToken: "t", at: 10 }

  test("of many deliveries at once one is new, and the others get its answer", async () => {
    await using store = await open()
    const seen = { seen: true, answer: null, idempotencyToken: "t", at: 10 } as const
    const accepted = await race(() => store.receipts.accept(receipt))
    expect(accepted.filter((result) => result === "new")).toHaveLength(1)
    expect(accepted.filter((result) => result !== "new")).toEqual(
      Array.from({ length: RACERS - 1 }, () => seen),
    )
    await store.receipts.setAnswer("f", "<Response/>")
    expect(await store.receipts.accept({ ...receipt, at: 20 })).toEqual({ ...seen, answer: "<Response/>" })
  })

  test("old receipts are pruned", async () => {
    await using store = await open()
    await store.receipts.accept(receipt)
    await store.receipts.accept({ ...receipt, fingerprint: "g", at: 20 })
    expect(await store.receipts.prune({ before: 20, voiceBefore: 0 })).toBe(1)
    expect(await store.receipts.accept(receipt)).toBe("new")
  })

  test("receipts of first requests are kept longer, without their answers", async () => {
    await using store = await open()
    const voice = { ...receipt, kind: "voice" }
    await store.receipts.accept(voice)
    await store.receipts.setAnswer("f", "<Response/>")
    expect(await store.receipts.prune({ before: 20, voiceBefore: 10 })).toBe(0)
    expect(await store.receipts.accept(voice)).toMatchObject({ seen: true, answer: null })
    expect(await store.receipts.prune({ before: 20, voiceBefore: 11 })).toBe(1)
    expect(await store.receipts.accept(voice)).toBe("new")
  })
}

function jobsContract(open: Open) {
  async function withCall(store: Store): Promise<CallId> {
    return (await store.calls.create(sampleCall())).id
  }

  test("a job comes back as it was added", async () => {
    await using store = await open()
    const callId = await withCall(store)
    const id = await store.jobs.add({ kind: "k", callId, payload: { a: ["ü"] }, dueAt: 5, createdAt: 4 })
    expect(await store.jobs.find(callId, "k")).toEqual({
      id: id ?? "",
      kind: "k",
      callId,
      payload: { a: ["ü"] },
      dueAt: 5,
      attempts: 0,
      state: "waiting",
      lastError: null,
      createdAt: 4,
      doneAt: null,
    })
  })

  test("of one call and kind there is one job, however many add it at once", async () => {
    await using store = await open()
    const callId = await withCall(store)
    const ids = await race(() => store.jobs.add({ kind: "k", callId, dueAt: 1, createdAt: 1 }))
    expect(ids.filter((id) => id !== undefined)).toHaveLength(1)
    expect(await store.jobs.add({ kind: "l", callId, dueAt: 1, createdAt: 1 })).toBeString()
    expect(
      await store.jobs.add({ kind: "k", callId: await withCall(store), dueAt: 1, createdAt: 1 }),
    ).toBeString()
  })

  test("due are those whose time has come, the longest due first, and of a call the oldest", async () => {
    await using store = await open()
    const [one, two, three] = [await withCall(store), await withCall(store), await withCall(store)]
    await store.jobs.add({ kind: "first", callId: one, dueAt: 20, createdAt: 1 })
    await store.jobs.add({ kind: "second", callId: one, dueAt: 5, createdAt: 1 })
    await store.jobs.add({ kind: "other", callId: two, dueAt: 10, createdAt: 1 })
    await store.jobs.add({ kind: "later", callId: three, dueAt: 31, createdAt: 1 })
    const due = async (now: number, limit = 10) => (await store.jobs.due(now, limit)).map(({ kind }) => kind)
    expect([await due(9), await due(30), await due(30, 1)]).toEqual([[], ["other", "first"], ["other"]])
    const [, first] = await store.jobs.due(30, 10)
    const leased = first && (await store.jobs.lease(first.id, 30, 40))
    expect(await due(31)).toEqual(["other", "later"])
    if (leased) await store.jobs.finish(leased, 31)
    expect(await due(31)).toEqual(["second", "other", "later"])
  })

  test("due are jobs of the kinds that are asked for", async () => {
    await using store = await open()
    for (const kind of ["one", "two", "three"])
      await store.jobs.add({ kind, callId: await withCall(store), dueAt: 1, createdAt: 1 })
    const kindsOf = async (kinds: Parameters<typeof store.jobs.due>[2]) =>
      (await store.jobs.due(1, 10, kinds)).map(({ kind }) => kind).toSorted()
    expect(await kindsOf({ only: ["one", "two"] })).toEqual(["one", "two"])
    expect(await kindsOf({ except: ["one"] })).toEqual(["three", "two"])
    expect(await kindsOf({ only: [] })).toEqual([])
  })

  test("a job that is restarted keeps its id and gets all its attempts, whatever its state", async () => {
    await using store = await open()
    const callId = await withCall(store)
    const job = { kind: "k", callId, dueAt: 1, createdAt: 1 }
    await store.jobs.restart(job)
    const first = await store.jobs.find(callId, "k")
    const leased = await store.jobs.lease(first?.id ?? "", 1, 10)
    if (leased) await store.jobs.fail(leased, "down", 5)
    await store.jobs.restart({ ...job, dueAt: 7, createdAt: 7 })
    const again = { state: "waiting", attempts: 0, lastError: null, dueAt: 7, createdAt: 1, doneAt: null }
    expect(await store.jobs.find(callId, "k")).toMatchObject({ id: first?.id ?? "", ...again })
  })

  test("a job of which another one is older is not leased", async () => {
    await using store = await open()
    const callId = await withCall(store)
    await store.jobs.add({ kind: "first", callId, dueAt: 1, createdAt: 1 })
    const second = await store.jobs.add({ kind: "second", callId, dueAt: 1, createdAt: 1 })
    expect(await store.jobs.lease(second ?? "", 10, 20)).toBeUndefined()
  })

  test("of many who lease a job at once one gets it, until its time is over", async () => {
    await using store = await open()
    const id =
      (await store.jobs.add({ kind: "k", callId: await withCall(store), dueAt: 1, createdAt: 1 })) ?? ""
    const leases = await race(() => store.jobs.lease(id, 10, 20))
    expect(leases.filter((job) => job !== undefined)).toMatchObject([{ id, attempts: 1, dueAt: 20 }])
    expect(await store.jobs.lease(id, 19, 30)).toBeUndefined()
    expect(await store.jobs.lease(id, 20, 30)).toMatchObject({ attempts: 2, dueAt: 30 })
  })

  test("who has lost the lease changes nothing any more", async () => {
    await using store = await open()
    const callId = await withCall(store)
    const id = (await store.jobs.add({ kind: "k", callId, dueAt: 1, createdAt: 1 })) ?? ""
    const lost = await store.jobs.lease(id, 10, 20)
    const held = await store.jobs.lease(id, 20, 30)
    if (!lost || !held) throw new Error("no lease")
    expect({
      finish: await store.jobs.finish(lost, 21),
      fail: await store.jobs.fail(lost, "x", 21),
      again: await store.jobs.again(lost, { dueAt: 22, error: null, used: true }),
    }).toEqual({ finish: false, fail: false, again: false })
    expect(await store.jobs.find(callId, "k")).toEqual(held)
    expect(await store.jobs.finish(held, 25)).toBe(true)
    expect(await store.jobs.finish(held, 26)).toBe(false)
    expect(await store.jobs.find(callId, "k")).toMatchObject({ state: "done", doneAt: 25, lastError: null })
  })

  test("a job that failed is given up or tried again, with its attempt or without", async () => {
    await using store = await open()
    const callId = await withCall(store)
    const id = (await store.jobs.add({ kind: "k", callId, dueAt: 1, createdAt: 1 })) ?? ""
    const lease = async (now: number) => {
      const job = await store.jobs.lease(id, now, now + 10)
      if (!job) throw new Error("no lease")
      return job
    }
    await store.jobs.again(await lease(1), { dueAt: 2, error: "down", used: true })
    expect(await store.jobs.find(callId, "k")).toMatchObject({ attempts: 1, dueAt: 2, lastError: "down" })
    await store.jobs.again(await lease(2), { dueAt: 3, error: null, used: false })
    expect(await store.jobs.find(callId, "k")).toMatchObject({ attempts: 1, dueAt: 3, lastError: null })
    await store.jobs.fail(await lease(3), "gone", 4)
    expect(await store.jobs.find(callId, "k")).toMatchObject({
      state: "failed",
      attempts: 2,
      lastError: "gone",
      doneAt: 4,
    })
    expect(await store.jobs.due(1000, 10)).toEqual([])
  })

  test("the jobs of one kind are found for several calls", async () => {
    await using store = await open()
    const [one, two, three] = [await withCall(store), await withCall(store), await withCall(store)]
    for (const callId of [one, two, three])
      await store.jobs.add({ kind: "k", callId, dueAt: 1, createdAt: 1 })
    await store.jobs.add({ kind: "l", callId: one, dueAt: 1, createdAt: 1 })
    const found = await store.jobs.findAll([one, three], "k")
    expect(new Set(found.map(({ callId }) => callId))).toEqual(new Set([one, three]))
    expect(found).toHaveLength(2)
    expect(await store.jobs.findAll([], "k")).toEqual([])
  })
}

function outcomesContract(open: Open) {
  test("an outcome is replaced, and what was known before stays until something new is", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    await store.outcomes.set(id, { status: "ready", data: { day: "Mon" } }, 1)
    await store.outcomes.set(id, { status: "pending" }, 2)
    expect(await store.outcomes.of(id)).toEqual({
      callId: id,
      status: "pending",
      data: { day: "Mon" },
      error: null,
      createdAt: 1,
      updatedAt: 2,
    })
    await store.outcomes.set(id, { status: "failed", error: "no model" }, 3)
    expect(await store.outcomes.of(id)).toMatchObject({ status: "failed", error: "no model" })
    await store.outcomes.forget(id)
    expect(await store.outcomes.of(id)).toBeUndefined()
  })

  test("of many who want an outcome at once one starts its job", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const asked = await race((racer) =>
      store.outcomes.request(id, { kind: "outcome", at: 10 + racer, dueAt: 10 }),
    )
    expect(new Set(asked.map((outcome) => outcome?.status))).toEqual(new Set(["pending"]))
    expect(await store.jobs.find(id, "outcome")).toMatchObject({ state: "waiting", dueAt: 10 })
  })

  test("a job that has ended is started over; one that runs continues, and so does what it has found", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const job = { kind: "outcome", at: 10, dueAt: 10 }
    await store.outcomes.request(id, job)
    const { id: jobId } = (await store.jobs.find(id, "outcome")) ?? { id: "" }
    const lease = await store.jobs.lease(jobId, 10, 20)
    await store.outcomes.set(id, { status: "ready", data: 1 }, 11)
    expect(await store.outcomes.request(id, { ...job, at: 12, dueAt: 12 })).toMatchObject({ status: "ready" })
    expect(await store.jobs.find(id, "outcome")).toMatchObject({ attempts: 1, dueAt: 20 })
    if (lease) await store.jobs.finish(lease, 13)
    expect(await store.outcomes.request(id, { ...job, at: 14, dueAt: 14 })).toMatchObject({
      status: "pending",
      data: 1,
    })
    expect(await store.jobs.find(id, "outcome")).toMatchObject({
      id: jobId,
      state: "waiting",
      attempts: 0,
      dueAt: 14,
      doneAt: null,
    })
  })
}

function usageContract(open: Open) {
  test("what a call has used is replaced as it grows, kind by kind", async () => {
    await using store = await open()
    const { id } = await store.calls.create(sampleCall())
    const realtime = { kind: "realtime", model: "m" } as const
    const transcription = { kind: "transcription", model: "t", amounts: { seconds: 4 }, cost: null } as const
    await store.usage.put(id, { ...realtime, amounts: { responses: 1 }, cost: null }, 1)
    await store.usage.put(id, { ...realtime, amounts: { responses: 2 }, cost: 0.5 }, 2)
    await store.usage.put(id, transcription, 2)
    expect(await store.usage.of(id)).toEqual([
      { ...realtime, amounts: { responses: 2 }, cost: 0.5 },
      transcription,
    ])
  })
}

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
    revision: 0,
    ...given,
  }
}

function quotasContract(open: Open) {
  const ofSubject = { of: "subject", most: 2, withinMs: 1000 } as const
  const ofAll = { of: "all", most: 3, withinMs: 1000 } as const

  test("of many uses at once no more are counted than the limits allow", async () => {
    await using store = await open()
    const use = { kind: "message", subject: "anna", at: 5, limits: [ofSubject] } as const
    const accepted = await race(() => store.quotas.take(use))
    expect(accepted.filter(({ outcome }) => outcome === "counted")).toHaveLength(2)
    expect(accepted.at(-1)).toEqual({ outcome: "limited", limit: ofSubject, freeAt: 1005 })
  })

  test("uses count for their subject, for all of their kind, and within their time", async () => {
    await using store = await open()
    const take = async (kind: "message" | "sms", subject: string, at: number) =>
      (await store.quotas.take({ kind, subject, at, limits: [ofSubject, ofAll] })).outcome
    expect([await take("sms", "a", 0), await take("sms", "a", 1), await take("sms", "a", 2)]).toEqual([
      "counted",
      "counted",
      "limited",
    ])
    expect([await take("sms", "b", 3), await take("sms", "c", 4)]).toEqual(["counted", "limited"])
    expect(await take("message", "a", 5)).toBe("counted")
    expect(await take("sms", "a", 1000)).toBe("counted")
  })

  test("what was pruned no longer counts", async () => {
    await using store = await open()
    const use = { kind: "sms", subject: "a", limits: [{ ...ofSubject, most: 1 }] } as const
    await store.quotas.take({ ...use, at: 10 })
    expect([await store.quotas.prune(10), await store.quotas.prune(11)]).toEqual([0, 1])
    expect((await store.quotas.take({ ...use, at: 12 })).outcome).toBe("counted")
  })
}

function conversationsContract(open: Open) {
  test("a user's conversations beyond the cap make room at the user's own expense", async () => {
    await using store = await open()
    const room = { most: 100, mostOfUser: 2 }
    const of = (userId: string | null, expiresAt: number) => conversation({ userId, expiresAt })
    const bert = of("bert", HOUR)
    const all = [bert, of("anna", 2 * HOUR), of("anna", 3 * HOUR), of("anna", 4 * HOUR), of(null, HOUR)]
    for (const one of all) await store.conversations.create(one, room)
    const found = await Promise.all(all.map(({ id }) => store.conversations.byId(id, 2000)))
    expect(found.map((one) => one !== undefined)).toEqual([true, false, true, true, true])
  })

  test("at the cap of all, the user who has the most makes room", async () => {
    await using store = await open()
    const of = (userId: string | null, expiresAt: number) => conversation({ userId, expiresAt })
    const all = [of("bert", HOUR), of("anna", 2 * HOUR), of("anna", 3 * HOUR), of("carl", 4 * HOUR)]
    for (const one of all) await store.conversations.create(one, { most: 3 })
    const found = await Promise.all(all.map(({ id }) => store.conversations.byId(id, 2000)))
    expect(found.map((one) => one !== undefined)).toEqual([true, false, true, true])
  })

  test("one is read as it was written", async () => {
    await using store = await open()
    const kept = conversation({ userId: "ann" })
    await store.conversations.create(kept, { most: 10 })
    expect(await store.conversations.byId(kept.id, 2000)).toEqual(kept)
  })

  test("an update changes what continues, and not who owns it", async () => {
    await using store = await open()
    const first = conversation()
    await store.conversations.create(first, { most: 10 })
    const later = {
      ...first,
      agent: "sales",
      parameters: {},
      turns: [],
      updatedAt: 5000,
      expiresAt: 5000 + HOUR,
    }
    expect(await store.conversations.update({ ...later, userId: "eve", createdAt: 0 })).toBe("updated")
    expect(await store.conversations.byId(first.id, 2000)).toEqual({ ...later, revision: 1 })
  })

  test("of many updates of one revision at once one is stored", async () => {
    await using store = await open()
    const one = conversation()
    await store.conversations.create(one, { most: 10 })
    const updates = await race((racer) => store.conversations.update({ ...one, agent: `a${racer}` }))
    expect(updates.filter((result) => result === "updated")).toHaveLength(1)
    expect(updates.filter((result) => result === "conflict")).toHaveLength(RACERS - 1)
    expect((await store.conversations.byId(one.id, 2000))?.agent).toBe(`a${updates.indexOf("updated")}`)
  })

  test("one that was deleted does not come back", async () => {
    await using store = await open()
    const gone = conversation()
    await store.conversations.create(gone, { most: 10 })
    expect(await store.conversations.remove(gone.id)).toBe(true)
    expect(await store.conversations.remove(gone.id)).toBe(false)
    expect(await store.conversations.update(gone)).toBe("deleted")
    expect(await store.conversations.byId(gone.id, 2000)).toBeUndefined()
  })

  test("one ends with its time, to the millisecond", async () => {
    await using store = await open()
    const one = conversation({ expiresAt: 5000 })
    await store.conversations.create(one, { most: 10 })
    expect((await store.conversations.byId(one.id, 4999))?.id).toBe(one.id)
    expect(await store.conversations.byId(one.id, 5000)).toBeUndefined()
    expect([await store.conversations.prune(4999), await store.conversations.prune(5000)]).toEqual([0, 1])
  })

  test("past the cap those go that expire first, however old they are", async () => {
    await using store = await open()
    const ids: string[] = []
    for (const [index, hours] of [30, 10, 20].entries()) {
      const one = conversation({ createdAt: 1000 + index, expiresAt: 1000 + hours * HOUR })
      await store.conversations.create(one, { most: 3 })
      ids.push(one.id)
    }
    const newest = conversation({ expiresAt: 1000 + 5 * HOUR })
    await store.conversations.create(newest, { most: 2 })
    const found = await Promise.all([...ids, newest.id].map((id) => store.conversations.byId(id, 2000)))
    expect(found.map((one) => one !== undefined)).toEqual([true, false, false, true])
  })

  test("what has expired makes room before anything else", async () => {
    await using store = await open()
    const old = conversation({ expiresAt: 2000 })
    const young = conversation({ expiresAt: 9000 })
    for (const one of [old, young]) await store.conversations.create(one, { most: 2 })
    await store.conversations.create(conversation({ createdAt: 3000 }), { most: 2 })
    expect((await store.conversations.byId(young.id, 3000))?.id).toBe(young.id)
    expect(await store.conversations.byId(old.id, 0)).toBeUndefined()
  })

  test("many created at once past a cap leave as many as it allows", async () => {
    await using store = await open()
    const all = Array.from({ length: 300 }, (_, n) => conversation({ expiresAt: HOUR + n }))
    await Promise.all(all.map((one) => store.conversations.create(one, { most: 100 })))
    expect(await store.conversations.prune(Number.MAX_SAFE_INTEGER)).toBe(100)
  })
}

type StoredAsset = Parameters<Store["assets"]["put"]>[0]

function asset(given: Partial<StoredAsset> = {}): StoredAsset {
  return { kind: "context", key: "a", version: "v1", text: "one", source: "api", at: 1, ...given }
}

function assetsContract(open: Open) {
  test("the newest of each key is in force, of one kind and one source", async () => {
    await using store = await open()
    const { assets } = store
    await assets.put(asset())
    await assets.put(asset({ version: "v2", text: "two" }))
    await assets.put(asset({ key: "b", version: "v3", text: "three" }))
    await assets.put(asset({ kind: "manifest", version: "v4" }))
    await assets.put(asset({ source: "sync", version: "v5", text: "five" }))
    expect(await assets.latest("context", "api")).toEqual([
      { key: "a", version: "v2", text: "two" },
      { key: "b", version: "v3", text: "three" },
    ])
    expect(await assets.latest("context", "sync")).toEqual([{ key: "a", version: "v5", text: "five" }])
  })

  test("the same again is no new version; an older one again is", async () => {
    await using store = await open()
    const { assets } = store
    for (const version of ["v1", "v1", "v2", "v1"]) await assets.put(asset({ version, text: version }))
    expect((await assets.versions("context", "a")).map(({ version }) => version)).toEqual(["v1", "v2", "v1"])
  })

  test("of many who store the same version at once one does", async () => {
    await using store = await open()
    const changes = await race(() => store.assets.put(asset()))
    expect(changes.filter(({ before, after }) => before !== after)).toHaveLength(1)
    expect(await store.assets.versions("context", "a")).toHaveLength(1)
  })

  test("a removed key is not in force, stays readable, and may come back", async () => {
    await using store = await open()
    const { assets } = store
    const place = { kind: "context", key: "a", source: "api", at: 2 } as const
    await assets.put(asset())
    await assets.remove(place)
    await assets.remove(place)
    await assets.remove({ ...place, key: "never" })
    expect(await assets.latest("context", "api")).toEqual([])
    expect(await assets.read("context", "a", "v1")).toBe("one")
    expect(await assets.versions("context", "a")).toEqual([{ version: "v1", source: "api", createdAt: 1 }])
    await assets.put(asset())
    expect(await assets.latest("context", "api")).toHaveLength(1)
  })

  test("the newest 200 are kept, and every text that a call ran with", async () => {
    await using store = await open()
    const { assets } = store
    await assets.saveVersion({ kind: "context", key: "a", version: "seen", text: "seen", at: 0 })
    for (let index = 0; index < 210; index++)
      await assets.put(asset({ version: `v${index}`, text: `${index}` }))
    expect(await assets.versions("context", "a")).toHaveLength(200)
    expect([await assets.read("context", "a", "v9"), await assets.read("context", "a", "v10")]).toEqual([
      undefined,
      "10",
    ])
    expect(await assets.read("context", "a", "seen")).toBe("seen")
  })

  test("a text that a call ran with is kept once, and not where it is stored already", async () => {
    await using store = await open()
    const { assets } = store
    const seen = { kind: "context", key: "a", version: "v1", text: "one", at: 5 } as const
    await race(() => assets.saveVersion(seen))
    await assets.put(asset({ version: "v2" }))
    await assets.saveVersion({ ...seen, version: "v2" })
    expect((await assets.versions("context", "a")).map(({ version, source }) => [version, source])).toEqual([
      ["v2", "api"],
      ["v1", "seen"],
    ])
    expect((await assets.latest("context", "api")).map(({ version }) => version)).toEqual(["v2"])
  })

  test("all of a source are replaced at once; what is named and has no new text stays", async () => {
    await using store = await open()
    const { assets } = store
    for (const key of ["a", "b", "c"]) await assets.put(asset({ key, source: "sync" }))
    await assets.put(asset({ key: "c" }))
    await assets.setSyncedVersions(new Map([["context/a", "v1"]]), 1)
    const text = { kind: "context", key: "a", version: "v2", text: "two" } as const
    const ids = [text, { kind: "context", key: "b" }] as const
    await assets.replaceAll({ source: "sync", texts: [text], ids, at: 2 })
    expect(await assets.latest("context", "sync")).toEqual([
      { key: "a", version: "v2", text: "two" },
      { key: "b", version: "v1", text: "one" },
    ])
    expect((await assets.latest("context", "api")).map(({ key }) => key)).toEqual(["c"])
    expect(await assets.syncedVersions()).toEqual(new Map([["context/a", "v1"]]))
  })

  test("what is asked for and missing is nothing", async () => {
    await using store = await open()
    const { assets } = store
    expect({
      latest: await assets.latest("config", "api"),
      versions: await assets.versions("context", "' OR 1=1"),
      read: await assets.read("context", "a", "v"),
    }).toEqual({ latest: [], versions: [], read: undefined })
  })

  test("the revision grows with each change of its source, and with nothing else", async () => {
    await using store = await open()
    const { assets } = store
    const revisions = [await assets.revision("api")]
    const look = async () => revisions.push(await assets.revision("api"))
    expect(await assets.put(asset())).toEqual({ before: 0, after: await assets.revision("api") })
    await look()
    await assets.put(asset())
    await assets.put(asset({ source: "sync" }))
    await assets.saveVersion({ kind: "context", key: "x", version: "v", text: "t", at: 1 })
    await look()
    const change = await assets.remove({ kind: "context", key: "a", source: "api", at: 2 })
    await look()
    const [none, put, others, removed] = revisions
    expect([none, put === others, (removed ?? 0) > (put ?? 0)]).toEqual([0, true, true])
    expect(change).toEqual({ before: put ?? 0, after: removed ?? 0 })
  })

  test("what went from files to Sync is noted in one place and is no asset", async () => {
    await using store = await open()
    const { assets } = store
    expect(await assets.syncedVersions()).toEqual(new Map())
    await assets.setSyncedVersions(new Map([["context/a", "v1"]]), 1)
    const versions = new Map([
      ["context/a", "v2"],
      ["config/serverConfig", "v3"],
    ])
    await assets.setSyncedVersions(versions, 2)
    expect(await assets.syncedVersions()).toEqual(versions)
    expect(await assets.latest("config", "sync")).toEqual([])
  })
}

function wholeContract(open: Open) {
  test("retention deletes ended calls with everything of theirs, and no other", async () => {
    await using store = await open()
    const [old, recent, running] = [sampleCall(), sampleCall(), sampleCall()]
    for (const call of [old, recent, running]) await store.calls.create(call)
    const end = { by: "caller", reason: "hung up", followUps: FOLLOW_UPS } as const
    await store.calls.advanceStatus(old.id, "completed", { at: 10, end })
    await store.calls.advanceStatus(recent.id, "completed", { at: 20 })
    await store.writer.write({ turns: [sampleTurn(old.id)], events: [sampleEvent(old.id)] }, 0)
    expect(await store.purgeEndedBefore(20)).toBe(1)
    const { calls } = await store.calls.list({ limit: 10 })
    expect(calls.map(({ id }) => id).toSorted()).toEqual([recent.id, running.id].toSorted())
    expect({
      eventsOf: await store.events.of(old.id),
      turnsOf: await store.turns.of(old.id),
      outcomesOf: await store.outcomes.of(old.id),
      jobsDue: await store.jobs.due(1000, 10),
    }).toEqual({ eventsOf: [], turnsOf: [], outcomesOf: undefined, jobsDue: [] })
  })

  test("closing writes what waits, and closing again is harmless", async () => {
    const store = await open()
    let flushed = 0
    store.onRead(async () => {
      await Promise.resolve()
      flushed += 1
    })
    await Promise.all([store.close(), store.close()])
    await store.close()
    expect(flushed).toBe(1)
  })
}

const ANN = { userId: "ann", number: "+15550100001" } as const
const NOBODY = { userId: null, number: "+15550100001" } as const
const ROOM = { most: 1000 }

function callersContract(open: Open) {
  const consent = (store: Store, id: { userId: string | null; number: string }, at = 1000) =>
    store.callers.change({
      ...id,
      change: { state: { event: "consent" } },
      source: "api-key",
      at,
      create: ROOM,
    })

  test("a caller comes back as changed, and another user's of the same number is another caller", async () => {
    await using store = await open()
    await consent(store, ANN)
    const changed = await store.callers.change({
      ...ANN,
      change: { name: "Zoë", addNote: "Prefers mornings.", knowledge: null },
      source: "tool",
      at: 2000,
    })
    expect(changed).toEqual({
      ...ANN,
      state: "consented",
      stateSource: "api-key",
      stateAt: 1000,
      name: "Zoë",
      language: null,
      knowledge: null,
      notes: [{ text: "Prefers mornings.", source: "tool", at: 2000 }],
      outcomes: [],
      history: [{ event: "consent", state: "consented", source: "api-key", at: 1000 }],
      createdAt: 1000,
      updatedAt: 2000,
    })
    expect(await store.callers.find(ANN)).toEqual(changed)
    expect(await store.callers.find(NOBODY)).toBeUndefined()
    expect(await store.callers.erase(NOBODY)).toBe(false)
    expect(await store.callers.count()).toBe(1)
  })

  test("a caller who is not known is created only where that is wanted", async () => {
    await using store = await open()
    const change = { ...ANN, change: { name: "Ann" }, source: "tool", at: 1 } as const
    expect(await store.callers.change(change)).toBeUndefined()
    expect(await store.callers.change({ ...change, create: ROOM })).toMatchObject({ name: "Ann" })
  })

  test("no change of many at once is lost", async () => {
    await using store = await open()
    await consent(store, ANN)
    await race((racer) =>
      store.callers.change({ ...ANN, change: { addNote: `note ${racer}` }, source: "tool", at: racer }),
    )
    const notes = (await store.callers.find(ANN))?.notes.map(({ text }) => text)
    expect(notes?.toSorted()).toEqual(Array.from({ length: RACERS }, (_, n) => `note ${n}`).toSorted())
  })

  test("a list has the callers of one user, by number, page by page", async () => {
    await using store = await open()
    for (const number of ["+15550100003", "+15550100001", "+15550100002"])
      await consent(store, { userId: "ann", number })
    await consent(store, NOBODY)
    const page = await store.callers.list({ userId: "ann", limit: 2 })
    expect(page.map(({ number }) => number)).toEqual(["+15550100001", "+15550100002"])
    const rest = await store.callers.list({ userId: "ann", after: "+15550100002", limit: 2 })
    expect(rest.map(({ number }) => number)).toEqual(["+15550100003"])
    expect(await store.callers.list({ userId: null, limit: 9 })).toMatchObject([NOBODY])
  })

  test("beyond the limit, the oldest of the user who has the most make room", async () => {
    await using store = await open()
    const create = { most: 3 }
    const add = (userId: string | null, number: string, at: number) =>
      store.callers.change({ userId, number, change: {}, source: "api-key", at, create })
    await add(null, "+15550100009", 1)
    await add("ann", "+15550100001", 3)
    await add("ann", "+15550100002", 2)
    await add("ben", "+15550100003", 4)
    expect(await store.callers.count()).toBe(3)
    expect(await store.callers.find({ userId: "ann", number: "+15550100002" })).toBeUndefined()
    expect(await store.callers.find(NOBODY)).toBeUndefined()
    expect(await store.callers.find({ userId: null, number: "+15550100009" })).toBeDefined()
  })

  test("a call gets one token, which serves each kind of event once, until it expires", async () => {
    await using store = await open()
    const { id: callId } = await store.calls.create(sampleCall())
    const token = { ...ANN, hash: "h1", callId, expiresAt: 5000 }
    const issued = await race((racer) => store.callers.issueToken({ ...token, hash: `h${racer}` }))
    expect(issued.filter(Boolean)).toHaveLength(1)
    const hash = `h${issued.indexOf(true)}`
    expect(await store.callers.token(hash, 4999)).toEqual({ ...token, hash })
    expect(await store.callers.token(hash, 5000)).toBeUndefined()
    expect(await store.callers.token("other", 0)).toBeUndefined()
    const used = await race(() => store.callers.useToken(hash, "consent", 4999))
    expect(used.filter(Boolean)).toHaveLength(1)
    expect(await store.callers.useToken(hash, "login", 4999)).toBe(true)
    expect(await store.callers.useToken(hash, "info-sent", 5000)).toBe(false)
  })

  test("erasing a caller deletes the tokens of the number, of the same user only", async () => {
    await using store = await open()
    const { id: ofAnn } = await store.calls.create(sampleCall())
    const { id: ofNobody } = await store.calls.create(sampleCall())
    await store.callers.issueToken({ ...ANN, hash: "a", callId: ofAnn, expiresAt: 5000 })
    await store.callers.issueToken({ ...NOBODY, hash: "n", callId: ofNobody, expiresAt: 5000 })
    await consent(store, ANN)
    expect(await store.callers.erase(ANN)).toBe(true)
    expect(await store.callers.find(ANN)).toBeUndefined()
    expect(await store.callers.token("a", 0)).toBeUndefined()
    expect(await store.callers.token("n", 0)).toBeDefined()
  })

  test("pruning deletes expired tokens, and callers that have not changed for long where that is wanted", async () => {
    await using store = await open()
    const { id: callId } = await store.calls.create(sampleCall())
    await store.callers.issueToken({ ...ANN, hash: "a", callId, expiresAt: 5000 })
    await consent(store, ANN, 1000)
    await consent(store, NOBODY, 2000)
    await store.callers.prune({ now: 5000, unchangedSince: undefined })
    expect(await store.callers.count()).toBe(2)
    expect(await store.callers.issueToken({ ...ANN, hash: "b", callId, expiresAt: 9000 })).toBe(true)
    await store.callers.prune({ now: 5000, unchangedSince: 2000 })
    expect(await store.callers.list({ userId: "ann", limit: 9 })).toEqual([])
    expect(await store.callers.count()).toBe(1)
  })
}

function documentsContract(open: Open) {
  test("the last good copy stays when a document cannot be fetched, and goes when nothing names it", async () => {
    await using store = await open()
    await store.documents.put({ source: "a", text: "first", at: 1 })
    await store.documents.put({ source: "a", text: "second", at: 2 })
    await store.documents.fail({ source: "a", error: "answered 500", at: 3 })
    await store.documents.fail({ source: "b", error: "answered 404", at: 3 })
    const copies = await store.documents.all()
    expect(copies.toSorted((a, b) => (a.source < b.source ? -1 : 1))).toEqual([
      { source: "a", text: "second", fetchedAt: 2, checkedAt: 3, error: "answered 500" },
      { source: "b", text: null, fetchedAt: null, checkedAt: 3, error: "answered 404" },
    ])
    await store.documents.keepOnly(["b"])
    expect((await store.documents.all()).map(({ source }) => source)).toEqual(["b"])
    await store.documents.keepOnly([])
    expect(await store.documents.all()).toEqual([])
  })
}
