/** Calls in the database: statuses, tokens, limits, pages. */

import { describe, expect, test } from "bun:test"
import { CallSid, newCallId } from "../../src/call/ids.ts"
import type { SessionEnd } from "../../src/call/session-end.ts"
import type { TransferState } from "../../src/call/transfer-state.ts"
import { openStore } from "../../src/store/store.ts"
import { sampleCall, sampleSid } from "./samples.ts"

function open() {
  return openStore({ url: ":memory:" })
}

test("a call comes back as it was put in", () => {
  using store = open()
  const call = sampleCall({
    parameters: { name: "Zoë", ключ: "\u0000\n'; DROP TABLE calls" },
    userId: "anna",
  })
  const created = store.calls.create(call)
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
  })
  expect(store.calls.byId(call.id)).toEqual(created)
  expect(store.calls.bySid(call.sid ?? sampleSid())).toEqual(created)
  expect([store.calls.byId(newCallId()), store.calls.bySid(sampleSid())]).toEqual([undefined, undefined])
})

test.each([
  ["the same id", () => ({})],
  ["the same SID", () => ({ id: newCallId() })],
  ["the same idempotency key of the same user", () => ({ id: newCallId(), sid: null })],
])("%s is a conflict", (_, change) => {
  using store = open()
  const first = sampleCall({ idempotencyKey: "k" })
  store.calls.create(first)
  expect(() => store.calls.create({ ...first, ...change() })).toThrow(
    expect.objectContaining({ code: "CONFLICT", message: "This call exists already" }),
  )
})

test("an idempotency key belongs to its user, or to those without one", () => {
  using store = open()
  const [unbound, anna] = [
    sampleCall({ idempotencyKey: "k", requestHash: "h1" }),
    sampleCall({ idempotencyKey: "k", userId: "anna", requestHash: "h2" }),
  ]
  store.calls.create(unbound)
  store.calls.create(anna)
  expect(store.calls.findByIdempotencyKey(null, "k")).toEqual({
    call: expect.objectContaining({ id: unbound.id }),
    requestHash: "h1",
  })
  expect(store.calls.findByIdempotencyKey("anna", "k")).toMatchObject({
    call: { id: anna.id },
    requestHash: "h2",
  })
  expect(store.calls.findByIdempotencyKey("bert", "k")).toBeUndefined()
})

test("a placed call gets its SID later", () => {
  using store = open()
  const call = store.calls.create(sampleCall({ sid: null, direction: "outbound", status: "queued" }))
  const sid = sampleSid()
  store.calls.attachSid(call.id, sid)
  expect(store.calls.bySid(sid)?.id).toBe(call.id)
})

describe("statuses", () => {
  test("reports advance the call, by id and by SID, and leave their times", () => {
    using store = open()
    const { id, sid } = store.calls.create(sampleCall({ status: "queued" }))
    if (!sid) throw new Error("no SID")
    expect(store.calls.advanceStatus(sid, "ringing", { sequence: 1, at: 10 })).toMatchObject({
      previous: "queued",
      changed: true,
    })
    expect(store.calls.advanceStatus(id, "in-progress", { sequence: 2, at: 20 })).toMatchObject({
      call: { answeredAt: 20, endedAt: null },
    })
    expect(
      store.calls.advanceStatus(sid, "completed", { sequence: 3, at: 30, durationSeconds: 9 }),
    ).toMatchObject({
      call: { status: "completed", answeredAt: 20, endedAt: 30, durationSeconds: 9 },
      previous: "in-progress",
      changed: true,
    })
  })

  test.each([
    ["repeated", "completed", { status: "completed", endedAt: 30, durationSeconds: 9 }],
    ["late", "ringing", { status: "completed", endedAt: 30, durationSeconds: 9 }],
    ["another end", "failed", { status: "completed", endedAt: 30, durationSeconds: 9 }],
  ] as const)("a %s report changes nothing", (_, incoming, expected) => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.advanceStatus(id, "completed", { at: 30, durationSeconds: 9 })
    const result = store.calls.advanceStatus(id, incoming, { at: 99, durationSeconds: 77, sequence: 0 })
    expect(result).toMatchObject({ call: expected, previous: "completed", changed: false })
  })

  test("a repeated end may bring the duration that was missing", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.advanceStatus(id, "completed", { at: 30 })
    expect(store.calls.advanceStatus(id, "completed", { at: 40, durationSeconds: 12 })).toMatchObject({
      call: { endedAt: 30, durationSeconds: 12 },
      changed: false,
    })
  })

  test("a call that was never answered has no time of answer", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    expect(store.calls.advanceStatus(id, "no-answer", { at: 5 })?.call).toMatchObject({
      answeredAt: null,
      endedAt: 5,
    })
  })

  test("a report about an unknown call is told apart", () => {
    using store = open()
    expect(store.calls.advanceStatus(sampleSid(), "completed", { at: 1 })).toBeUndefined()
  })

  test("the first to end a call is right", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    expect(store.calls.end(id, { by: "agent", reason: "end-call" })).toBe(true)
    expect(store.calls.end(id, { by: "caller", reason: "hung up" })).toBe(false)
    expect(store.calls.byId(id)).toMatchObject({ endedBy: "agent", endReason: "end-call", endedAt: null })
  })
})

describe("socket tokens", () => {
  test("a token opens one socket, once", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.issueToken(id, "t1", 100)
    expect(store.calls.claimToken("t1", 50)?.id).toBe(id)
    expect(store.calls.claimToken("t1", 51)).toBeUndefined()
    store.calls.issueToken(id, "t2", 100)
    expect(store.calls.claimToken("t2", 52)?.id).toBe(id)
  })

  test.each([
    ["unknown", "other", 50, "in-progress"],
    ["expired", "t", 100, "in-progress"],
    ["of a call that has ended", "t", 50, "completed"],
    ["an empty one", "", 50, "in-progress"],
  ] as const)("refused: %s", (_, token, now, status) => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.issueToken(id, "t", 100)
    store.calls.advanceStatus(id, status, { at: 1 })
    expect(store.calls.claimToken(token, now)).toBeUndefined()
  })

  test("a newer token takes the place of an older one", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.issueToken(id, "old", 100)
    store.calls.issueToken(id, "new", 100)
    expect([store.calls.claimToken("old", 1), store.calls.claimToken("new", 1)?.id]).toEqual([undefined, id])
  })
})

test("resumptions are counted", () => {
  using store = open()
  const { id } = store.calls.create(sampleCall())
  store.calls.openSession(id, "VX1")
  expect([
    store.calls.countResume(id),
    store.calls.countResume(id),
    store.calls.countResume(newCallId()),
  ]).toEqual([1, 2, 0])
  expect(store.calls.byId(id)?.resumes).toBe(2)
})

test("open calls are those without an end, oldest first", () => {
  using store = open()
  const [newer, older, ended] = [2, 1, 3].map((createdAt) => store.calls.create(sampleCall({ createdAt })))
  if (ended) store.calls.advanceStatus(ended.id, "busy", { at: 9 })
  expect(store.calls.open()).toEqual([older, newer].flatMap((call) => call ?? []))
})

test("call starts are counted for a user and for all, without inbound calls", () => {
  using store = open()
  for (const [createdAt, userId] of [
    [10, "anna"],
    [20, "anna"],
    [30, "bert"],
    [40, null],
  ] as const) {
    store.calls.create(sampleCall({ direction: "outbound", createdAt, userId, sid: null }))
  }
  store.calls.create(sampleCall({ createdAt: 25 }))
  expect(store.calls.startsSince(20)).toEqual({ count: 3, oldestAt: 20 })
  expect(store.calls.startsSince(0, "anna")).toEqual({ count: 2, oldestAt: 10 })
  expect(store.calls.startsSince(99)).toEqual({ count: 0, oldestAt: null })
})

describe("list", () => {
  test("pages go from the newest to the oldest without gaps, also among calls of one moment", () => {
    using store = open()
    const made = Array.from({ length: 7 }, (_, i) =>
      store.calls.create(sampleCall({ createdAt: 100 + Math.floor(i / 3) })),
    )
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = store.calls.list({ limit: 2, cursor })
      seen.push(...page.calls.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    const expected = made
      .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id)
    expect(seen).toEqual(expected)
  })

  test("filters combine", () => {
    using store = open()
    const wanted = store.calls.create(
      sampleCall({ direction: "outbound", agent: "sales", to: "+1", from: "+2", userId: "anna" }),
    )
    store.calls.create(
      sampleCall({ direction: "outbound", agent: "sales", to: "+1", from: "+2", userId: "bert" }),
    )
    store.calls.create(sampleCall())
    const filter = {
      direction: "outbound",
      agent: "sales",
      to: "+1",
      from: "+2",
      userId: "anna",
      status: "ringing",
    } as const
    expect(store.calls.list({ ...filter, limit: 10 })).toEqual({ calls: [wanted], nextCursor: null })
    expect(store.calls.list({ ...filter, userId: "", limit: 10 }).calls).toEqual([])
  })

  test.each([["nonsense"], [""], [Buffer.from("1:2").toString("base64url")], ["A".repeat(100_000)]])(
    "a foreign cursor is refused: %#",
    (cursor) => {
      using store = open()
      expect(() => store.calls.list({ limit: 1, cursor })).toThrow(
        expect.objectContaining({ code: "INVALID_REQUEST" }),
      )
    },
  )

  test("a page has one to two hundred calls", () => {
    using store = open()
    for (let i = 0; i < 203; i++) store.calls.create(sampleCall())
    expect(store.calls.list({ limit: 1_000_000 }).calls).toHaveLength(200)
    expect(store.calls.list({ limit: -5 }).calls).toHaveLength(1)
  })
})

test("a SID in capitals is taken for a SID", () => {
  using store = open()
  const sid = CallSid.parse(`CA${"A".repeat(32)}`)
  store.calls.create(sampleCall({ sid }))
  expect(store.calls.advanceStatus(sid, "completed", { at: 1 })?.changed).toBe(true)
})

describe("sessions", () => {
  const end: SessionEnd = { reason: "silence", detail: "The caller was not speaking" }
  const failed: TransferState = { state: "failed", summary: "A bill.", reason: "busy" }
  const started: TransferState = {
    state: "started",
    summary: "A bill.",
    target: { kind: "queue", to: "support" },
  }

  test("the end of the session that is open is recorded", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.openSession(id, "MZ1")
    expect(store.calls.endSession(id, { end, sessionId: "MZ1" })).toBe(true)
    expect(store.calls.byId(id)).toMatchObject({ sessionEnd: end, transfer: null })
  })

  test("the end of a session that was replaced is not recorded", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.openSession(id, "MZ1")
    store.calls.openSession(id, "MZ2")
    expect(store.calls.endSession(id, { end, sessionId: "MZ1" })).toBe(false)
    expect(store.calls.byId(id)?.sessionEnd).toBeNull()
  })

  test("an end that belongs to no session id is recorded", () => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    expect(store.calls.endSession(id, { end })).toBe(true)
    expect(store.calls.endSession(newCallId(), { end })).toBe(false)
    expect(store.calls.byId(id)?.sessionEnd).toEqual(end)
  })

  test.each<[string, TransferState, TransferState]>([
    [
      "a transfer that failed is one from which the caller has returned",
      failed,
      { ...failed, state: "returned" },
    ],
    ["a transfer that runs stays as it is", started, started],
  ])("after the opening of a session, %s", (_, transfer, after) => {
    using store = open()
    const { id } = store.calls.create(sampleCall())
    store.calls.endSession(id, { end })
    store.calls.setTransfer(id, transfer)
    expect(store.calls.byId(id)).toMatchObject({ sessionEnd: end, transfer })
    store.calls.openSession(id, "MZ2")
    expect(store.calls.byId(id)).toMatchObject({ sessionEnd: null, transfer: after })
    store.calls.openSession(id, "MZ3")
    expect(store.calls.byId(id)?.transfer).toEqual(after)
  })
})
