/** The clock of the machine is set while processes share a database. */

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openStore } from "../../../src/store/open-store.ts"
import type { Store } from "../../../src/store/store.ts"
import { settled } from "../../fakes/scripted-model.ts"
import { TestClock } from "../../lib/test-clock.ts"
import { sampleCall } from "../fixture.ts"

const HOUR_MS = 60 * 60_000
const STEPS = [
  ["forward", HOUR_MS],
  ["back", -HOUR_MS],
] as const

/** Two processes on one database and one machine, and a third that is started later. */
async function processes() {
  const dir = mkdtempSync(join(tmpdir(), "parley-steady-"))
  const clock = new TestClock()
  const open = () => openStore({ url: `file:${join(dir, "x.db")}`, sweep: clock.sweep })
  const [first, second] = [await open(), await open()]
  return {
    clock,
    first,
    second,
    open,
    async [Symbol.asyncDispose]() {
      await first.close()
      await second.close()
      clock[Symbol.dispose]()
      rmSync(dir, { recursive: true })
    },
  }
}

test.each(STEPS)("steady time follows no step %s, in any process", async (_, stepMs) => {
  await using it = await processes()
  const { clock, first, second } = it
  const start = first.steadyNow()
  expect(second.steadyNow()).toBe(start)
  clock.step(stepMs)
  clock.advance(5_000)
  expect([first.steadyNow() - start, second.steadyNow() - start]).toEqual([5_000, 5_000])
  await settled()
  await using later = await it.open()
  expect(later.steadyNow() - start).toBe(5_000)
  clock.step(-stepMs)
  expect(later.steadyNow() - start).toBe(5_000)
})

const add = async ({ calls, jobs, steadyNow }: Store, at: number) => {
  const { id } = await calls.create(sampleCall())
  await jobs.add({ kind: "webhook", callId: id, dueAt: steadyNow(), createdAt: at })
}

test.each(STEPS)("a job that runs in one process runs in no other after a step %s", async (_, stepMs) => {
  await using it = await processes()
  const { clock, first, second } = it
  await add(first, clock.now())
  const [job] = await first.jobs.due(first.steadyNow(), 1)
  const lease = await first.jobs.lease(job?.id ?? "", first.steadyNow(), first.steadyNow() + 15_000)
  clock.step(stepMs)
  for (const store of [first, second, second]) expect(await store.jobs.due(store.steadyNow(), 1)).toEqual([])
  await using later = await it.open()
  expect(await later.jobs.due(later.steadyNow(), 1)).toEqual([])
  expect(lease && (await first.jobs.finish(lease, clock.now()))).toBe(true)
})
