/**
 * kill -9 at any statement between the end of a call and the delivery of its webhook: outcome and webhook of each call are
 * delivered, and under one id. `CRASH_RUNS` sets how many calls; without it each of a few places once.
 */

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { z } from "zod"
import type { CallSid } from "../../src/call/ids.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import { openStore } from "../../src/store/open-store.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { sampleCall, sampleSid, sampleTurn } from "../store/fixture.ts"
import type { CrashRun } from "./crash-child.ts"

/** Statements from the report of the end to the delivery. */
const STATEMENTS = 60
/** Before, inside and right after the transaction of the end; before the outcome is stored; before the webhook is sent. */
const CHOSEN = [1, 4, 6, 9, 20, 34]
const runs = Number(process.env["CRASH_RUNS"] ?? 0)
/** How many statements are carried out before each kill. */
const KILLS = runs === 0 ? CHOSEN : Array.from({ length: runs }, (_, run) => run % STATEMENTS)

const OUTCOME = {
  name: "booking",
  schema: { type: "object", properties: { summary: { type: "string" } }, required: ["summary"] },
}

const Delivered = z.object({ id: z.string(), call: z.object({ callSid: z.string() }), outcome: z.unknown() })

type Delivery = { id: string; key: string | null; callSid: string; outcome: unknown }

/** A system that receives ended calls and accepts each delivery. */
function sink() {
  const deliveries = new AwaitableLog<Delivery>("the webhook's deliveries")
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { id, call, outcome } = Delivered.parse(await request.json())
      deliveries.push({ id, key: request.headers.get("idempotency-key"), callSid: call.callSid, outcome })
      return new Response(null, { status: 204 })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/hook`,
    deliveries,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

/** A call in which the caller has said something, put into the database as it stands during the call. */
async function callIn(url: string, createdAt: number): Promise<CallSid> {
  await using store = await openStore({ url })
  const sid = sampleSid()
  const { id } = await store.calls.create(sampleCall({ sid, status: "in-progress", createdAt }))
  const turns = [sampleTurn(id, { text: "I would like to book a table" })]
  await store.writer.write({ turns, events: [] }, 0)
  return sid
}

test(
  "killed at any statement after the end of a call, outcome and webhook are delivered once per id",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "parley-crash-"))
    using _ = { [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) }
    await using hook = sink()
    await using twilio = new FakeTwilio()
    using clock = new TestClock()
    const url = join(dir, "parley.db")
    writeFileSync(
      join(dir, "serverConfig.json"),
      JSON.stringify({ agents: { default: { outcome: OUTCOME } } }),
    )
    const env = { DATABASE_URL: url, WEBHOOK_URL: hook.url, ASSETS_DIR: dir }
    const callSids: CallSid[] = []
    let killed = 0
    for (const statements of KILLS) {
      const callSid = await callIn(url, clock.now())
      callSids.push(callSid)
      const argument: CrashRun = { env, callSid, statements }
      const child = Bun.spawn(
        [process.execPath, join(import.meta.dir, "crash-child.ts"), JSON.stringify(argument)],
        { stdout: "ignore", stderr: "ignore" },
      )
      await child.exited
      if (child.signalCode === "SIGKILL") killed += 1
    }
    expect(killed).toBeGreaterThan(KILLS.length / 2)

    for (const sid of callSids) twilio.addCall({ sid, status: "completed" })
    const account = { TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_API_BASE_URL: twilio.baseUrl }
    await using app = await AppUnderTest.start({ ...env, ...account })
    const isDelivered = (sid: CallSid) => hook.deliveries.all.some(({ callSid }) => callSid === sid)
    while (!callSids.every(isDelivered)) {
      await app.clock.pass(1000)
      await app.api("/health")
    }
    const idsOf = (sid: CallSid) => hook.deliveries.all.filter(({ callSid }) => callSid === sid)
    for (const sid of callSids) {
      const deliveries = idsOf(sid)
      expect(new Set(deliveries.flatMap(({ id, key }) => [id, key])).size).toBe(1)
      for (const { outcome } of deliveries) expect(outcome).toMatchObject({ status: "done" })
    }
    const stateOf = async () => {
      const { calls } = await app.json(`/v1/calls?limit=200`)
      return calls.map((call: Record<string, unknown>) => [call["status"], call["webhook"]])
    }
    // A job whose process died after the delivery is leased until its time is over, and is then delivered again.
    for (let seconds = 0; seconds < 90 && (await stateOf()).flat().includes("pending"); seconds++) {
      await app.clock.pass(1000)
      await app.api("/health")
    }
    expect(await stateOf()).toEqual(callSids.map(() => ["completed", "delivered"]))
  },
  { timeout: 30_000 + KILLS.length * 5_000 },
)
