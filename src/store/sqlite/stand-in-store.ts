/** The parts of the store that a running call needs, which work from memory while the database cannot be written. */

import { eq } from "drizzle-orm"
import type { Call } from "../../call/call.ts"
import type { CallId } from "../../call/ids.ts"
import type { Turn } from "../../call/turn.ts"
import type { Calls } from "../calls.ts"
import type { Reading, Transcripts, Turns, Writer } from "../history.ts"
import type { Receipts } from "../receipts.ts"
import type { UsageRecords } from "../usage.ts"
import { isSid } from "./call-statements.ts"
import { calls, turns } from "./schema.ts"
import { unwritableError, type CallTables, type StandIn } from "./stand-in.ts"

/** Placing and listing calls need the database itself, `main`. Throws UNAVAILABLE at once while that cannot be written. */
export function standInCalls(main: Calls, standIn: StandIn): Calls {
  const change = <T>(id: CallId, run: (calls: Calls) => Promise<T>) =>
    standIn.change([eq(calls.id, id)], (tables) => run(tables.calls))
  const find = (run: (calls: Calls) => Promise<Call | undefined>) =>
    standIn.find((tables) => run(tables.calls))

  return {
    ...main,
    byId: (id) => find((at) => at.byId(id)),
    bySid: (sid) => find((at) => at.bySid(sid)),
    create: (call) => change(call.id, (at) => at.create(call)),
    // A call that is to be placed can wait: its client repeats the request.
    async place(call, rule) {
      if (standIn.isActive) throw unwritableError()
      return main.place(call, rule)
    },
    createOrFind: (call) =>
      standIn.change([eq(calls.sid, call.sid)], (tables) => tables.calls.createOrFind(call)),
    // What is counted in memory is forgotten with it.
    countTransfer: (transfer, rule) =>
      standIn.change([], (tables) => tables.calls.countTransfer(transfer, rule)),
    attachSid: (id, sid) =>
      standIn.change([eq(calls.sid, sid), eq(calls.id, id)], (tables) => tables.calls.attachSid(id, sid)),
    advanceStatus: (call, incoming, report) =>
      standIn.change([isSid(call) ? eq(calls.sid, call) : eq(calls.id, call)], (tables) =>
        tables.calls.advanceStatus(call, incoming, report),
      ),
    noteEnd: (id, end) => change(id, (at) => at.noteEnd(id, end)),
    issueToken: (id, token, expiresAt) => change(id, (at) => at.issueToken(id, token, expiresAt)),
    claimToken: (token, now) =>
      standIn.change([eq(calls.socketToken, token)], (tables) => tables.calls.claimToken(token, now)),
    lastToken: (id) => standIn.find((tables) => tables.calls.lastToken(id)),
    resume: (id, most) => change(id, (at) => at.resume(id, most)),
    addSpeechError: (id, code) => change(id, (at) => at.addSpeechError(id, code)),
    openSession: (id, sessionId) => change(id, (at) => at.openSession(id, sessionId)),
    endSession: (id, session) => change(id, (at) => at.endSession(id, session)),
    setTransfer: (id, transfer) => change(id, (at) => at.setTransfer(id, transfer)),
    setEngine: (id, engine) => change(id, (at) => at.setEngine(id, engine)),
    setIvrState: (id, state) => change(id, (at) => at.setIvrState(id, state)),
    setVersions: (id, versions) => change(id, (at) => at.setVersions(id, versions)),
    setVerifiedNumber: (id, number) => change(id, (at) => at.setVerifiedNumber(id, number)),
    setAgent: (id, choice) => change(id, (at) => at.setAgent(id, choice)),
    menuOf: (id) => standIn.find((tables) => tables.calls.menuOf(id)),
    advanceMenu: (id, advance) => change(id, (at) => at.advanceMenu(id, advance)),

    async open() {
      const inMain = (await standIn.readMain((tables) => tables.calls.open())) ?? []
      const held =
        (await standIn.readHeld(async ({ db }) => db.select({ id: calls.id }).from(calls).all())) ?? []
      const heldOpen = (await standIn.readHeld((tables) => tables.calls.open())) ?? []
      const heldIds = new Set(held.map(({ id }) => id))
      const all = [...inMain.filter(({ id }) => !heldIds.has(id)), ...heldOpen]
      return all.toSorted((a, b) => a.createdAt - b.createdAt)
    },
  }
}

export function standInReceipts(main: Receipts, standIn: StandIn): Receipts {
  return {
    ...main,
    accept: (receipt) =>
      standIn.change([], (tables) => {
        standIn.holdReceipt(receipt.fingerprint)
        return tables.receipts.accept(receipt)
      }),
    setAnswer: (fingerprint, answer) =>
      standIn.change([], (tables) => tables.receipts.setAnswer(fingerprint, answer)),
  }
}

export function standInUsage(standIn: StandIn): UsageRecords {
  return {
    put: (id, used, updatedAt) => standIn.change([], ({ usage }) => usage.put(id, used, updatedAt)),
    async of(id) {
      const stored = (await standIn.readMain(({ usage }) => usage.of(id))) ?? []
      const held = (await standIn.readHeld(({ usage }) => usage.of(id))) ?? []
      const isHeld = (kind: string, model: string) =>
        held.some((used) => used.kind === kind && used.model === model)
      return [...stored.filter(({ kind, model }) => !isHeld(kind, model)), ...held]
    },
  }
}

/** Turns that wait to be written are read from memory. */
export function standInTurns(
  main: Turns,
  standIn: StandIn,
  beforeRead: (reading: Reading) => Promise<void>,
): { turns: Turns; transcripts: Transcripts } {
  async function of(callId: CallId): Promise<Turn[]> {
    await beforeRead({ rows: "turns", callId })
    if (!standIn.isActive) return main.of(callId)
    const rows = async ({ db }: CallTables): Promise<Turn[]> =>
      db.select().from(turns).where(eq(turns.callId, callId)).all()
    const stored = (await standIn.readMain(rows)) ?? []
    const held = (await standIn.readHeld(rows)) ?? []
    const byId = new Map([...stored, ...held].map((turn) => [turn.id, turn]))
    return [...byId.values()].toSorted((a, b) => a.seq - b.seq || a.startedAt - b.startedAt)
  }
  return {
    turns: { of },
    transcripts: {
      async of(callId) {
        const isSaid = ({ kind, text }: Turn) => (kind === "speech" || kind === "keypad") && text !== ""
        return (await of(callId)).filter(isSaid)
      },
    },
  }
}

/** Turns and events are written after the calls that they belong to. */
export function standInWriter(main: Writer, standIn: StandIn): Writer {
  return {
    async write({ turns: iterable, events }, waitMs) {
      const written = [...iterable]
      try {
        if (!standIn.recover()) throw standIn.fault
        return await main.write({ turns: written, events }, waitMs)
      } catch (error) {
        standIn.activate(error)
        standIn.keepTurns(written)
        throw error
      }
    },

    keep({ turns: kept, events }) {
      if (!standIn.isActive) return main.keep({ turns: kept, events })
      standIn.keepTurns([...kept])
      standIn.keepEvents(events)
      return true
    },
  }
}
