/** A process that races others for the same rows, as `two-processes.test.ts` starts it. Its argument is the race as JSON. */

import { existsSync } from "node:fs"
import type { CallId } from "../../../src/call/ids.ts"
import { openStore } from "../../../src/store/open-store.ts"
import { sampleCall } from "../fixture.ts"

export type Race = {
  url: string
  /** A file whose appearance starts the race. */
  start: string
  calls: { id: CallId; jobId: string }[]
}

/** By prize: which of the calls this process won. */
export type Wins = Record<"placed" | "claimed" | "accepted" | "leased" | "resumed" | "ended", number[]>

async function run({ url, start, calls }: Race): Promise<Wins> {
  await using store = await openStore({ url, statementTimeoutMs: 50 })
  console.log("ready")
  while (!existsSync(start)) await Bun.sleep(1)
  const wins: Wins = { placed: [], claimed: [], accepted: [], leased: [], resumed: [], ended: [] }
  for (const [index, { id, jobId }] of calls.entries()) {
    const call = {
      ...sampleCall({ sid: null, direction: "outbound" }),
      idempotencyKey: `k${index}`,
      requestHash: "h",
      dialLeaseUntil: 0,
      countsAt: 0,
    }
    const placed = await store.calls.place(call, { since: 0, limits: [] })
    if (placed.outcome === "created") wins.placed.push(index)
    if (await store.calls.claimToken(`t${index}`, 1)) wins.claimed.push(index)
    const receipt = { fingerprint: `f${index}`, kind: "k", idempotencyToken: null, at: 1 }
    if ((await store.receipts.accept(receipt)) === "new") wins.accepted.push(index)
    if (await store.jobs.lease(jobId, 10, 1000)) wins.leased.push(index)
    if ((await store.calls.resume(id, 1)) !== undefined) wins.resumed.push(index)
    const ended = await store.calls.advanceStatus(id, "completed", { at: 2 })
    if (ended?.changed) wins.ended.push(index)
  }
  return wins
}

if (import.meta.main) console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? ""))))
