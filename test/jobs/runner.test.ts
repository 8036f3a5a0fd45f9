import { expect, test } from "bun:test"
import { runJobs, type JobKind, type JobResult } from "../../src/jobs/runner.ts"
import type { CallId } from "../../src/call/ids.ts"
import { getLog } from "../../src/lib/log.ts"
import type { Job } from "../../src/store/jobs.ts"
import { openStore } from "../../src/store/open-store.ts"
import { Gate } from "../fakes/gate.ts"
import { settled } from "../fakes/scripted-model.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleCall } from "../store/fixture.ts"

/** Jobs of the kind `work`, which do what the test has set. */
async function fixture({ concurrency = 4, target }: { concurrency?: number; target?: string } = {}) {
  const clock = new TestClock()
  const store = await openStore({ url: ":memory:", sweep: clock.sweep })
  const runs: { job: Job; signal: AbortSignal; at: number }[] = []
  const givenUp: string[] = []
  const does = {
    work: (_job: Job, _signal: AbortSignal): Promise<JobResult> => Promise.resolve({ done: true }),
  }
  const work: JobKind = {
    maxAttempts: 3,
    pauseMs: (attempt) => 1000 * 4 ** (attempt - 1),
    timeoutMs: 5000,
    target,
    async givenUp(_, error) {
      givenUp.push(error)
    },
    run(job, signal) {
      runs.push({ job, signal, at: clock.now() })
      return does.work(job, signal)
    },
  }
  const start = () =>
    runJobs({
      jobs: store.jobs,
      steadyNow: store.steadyNow,
      kinds: { work, more: work },
      sweep: clock.sweep,
      log: getLog("jobs"),
      concurrency,
    })
  async function call() {
    const sample = sampleCall()
    await store.calls.create(sample)
    return sample.id
  }
  async function add(callId: CallId, kind = "work"): Promise<string> {
    const id = await store.jobs.add({ kind, callId, dueAt: store.steadyNow(), createdAt: clock.now() })
    if (id === undefined) throw new Error("there is such a job already")
    return id
  }
  return {
    clock,
    store,
    runs,
    givenUp,
    does,
    start,
    call,
    add,
    async [Symbol.asyncDispose]() {
      await store.close()
      clock[Symbol.dispose]()
    },
  }
}

test("a job that fails twice is tried again after growing pauses, as the same job, until it is done", async () => {
  await using it = await fixture()
  const { clock, runs, store } = it
  const start = clock.now()
  const callId = await it.call()
  const id = await it.add(callId)
  it.does.work = () => {
    if (runs.length < 3) throw new Error("no")
    return Promise.resolve({ done: true })
  }
  const runner = it.start()
  await settled()
  await clock.pass(10_000)
  expect(runs.map(({ job }) => [job.id, job.attempts])).toEqual([
    [id, 1],
    [id, 2],
    [id, 3],
  ])
  const [first = 0, second = 0, third = 0] = runs.map(({ at }) => at - start)
  expect([first, second >= 1000, third - second >= 4000, third < 8000]).toEqual([0, true, true, true])
  expect(await store.jobs.find(callId, "work")).toMatchObject({ state: "done", attempts: 3, lastError: null })
  expect(runner.size).toBe(0)
})

test.each<[string, () => Promise<JobResult>, number, string]>([
  ["that never works", () => Promise.reject(new Error("down")), 3, "down"],
  ["that can never work", () => Promise.resolve({ failed: "gone", final: true }), 1, "gone"],
])("a job %s is given up", async (_, work, attempts, error) => {
  await using it = await fixture()
  it.does.work = work
  const callId = await it.call()
  await it.add(callId)
  it.start()
  await it.clock.pass(60_000)
  expect(await it.store.jobs.find(callId, "work")).toMatchObject({
    state: "failed",
    attempts,
    lastError: error,
  })
  expect(it.givenUp).toEqual([error])
})

test("a job that is not due yet comes later and loses no attempt", async () => {
  await using it = await fixture()
  it.does.work = () => Promise.resolve(it.runs.length < 5 ? { later: 1000 } : { done: true })
  const callId = await it.call()
  await it.add(callId)
  it.start()
  await it.clock.pass(10_000)
  expect(await it.store.jobs.find(callId, "work")).toMatchObject({ state: "done", attempts: 1 })
})

test("a job that hangs is stopped at its limit", async () => {
  await using it = await fixture()
  it.does.work = (_, signal) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true }),
    )
  const callId = await it.call()
  await it.add(callId)
  it.start()
  await it.clock.pass(5500)
  expect(await it.store.jobs.find(callId, "work")).toMatchObject({
    attempts: 1,
    lastError: "it took too long",
  })
})

test("jobs of one call run one after the other, those of others beside them, and never more than allowed", async () => {
  await using it = await fixture({ concurrency: 2 })
  const gate = new Gate()
  it.does.work = async () => {
    await gate.pass()
    return { done: true }
  }
  const [one, two, three] = [await it.call(), await it.call(), await it.call()]
  const ids = [await it.add(one), await it.add(one, "more"), await it.add(two), await it.add(three)]
  const runner = it.start()
  await it.clock.pass(1000)
  expect(it.runs.map(({ job }) => job.id)).toEqual([ids[0] ?? "", ids[2] ?? ""])
  expect(runner.size).toBe(2)
  gate.openForever()
  await it.clock.pass(2000)
  expect(it.runs.map(({ job }) => job.id).toSorted()).toEqual(ids.toSorted())
})

test("a job that ran when the server stopped is run by the next one at once", async () => {
  await using it = await fixture()
  it.does.work = () => new Promise(() => {})
  const callId = await it.call()
  await it.add(callId)
  const first = it.start()
  await it.clock.pass(100)
  await Promise.all([first.stop(), first.stop()])
  expect(it.runs[0]?.signal.aborted).toBe(true)
  it.does.work = () => Promise.resolve({ done: true })
  it.start()
  await it.clock.pass(100)
  expect(await it.store.jobs.find(callId, "work")).toMatchObject({ state: "done", attempts: 1 })
})

test("a job of a process that died is due again when its time is over, and not before", async () => {
  await using it = await fixture()
  const { clock, store } = it
  const id = await it.add(await it.call())
  const lease = () => store.jobs.lease(id, it.store.steadyNow(), it.store.steadyNow() + 15_000)
  expect({ attempts: (await lease())?.attempts, lease: await lease() }).toEqual({
    attempts: 1,
    lease: undefined,
  })
  it.start()
  await clock.pass(14_000)
  expect(it.runs).toEqual([])
  await clock.pass(2000)
  expect(it.runs.map(({ job }) => job.attempts)).toEqual([2])
})

test("a job of a kind that is not known is given up and blocks nothing", async () => {
  await using it = await fixture()
  const callId = await it.call()
  await it.add(callId, "surprise")
  await it.add(callId)
  it.start()
  await it.clock.pass(2000)
  expect(it.runs).toHaveLength(1)
  expect((await it.store.jobs.find(callId, "surprise"))?.state).toBe("failed")
})

test.each([
  ["back", -10 * 60_000],
  ["forward", 2 * 60 * 60_000],
])("pauses keep their length when the clock is set %s", async (_, step) => {
  await using it = await fixture()
  const { clock, runs } = it
  const startedMs = clock.monotonic()
  const ranAt: number[] = []
  it.does.work = () => {
    ranAt.push(clock.monotonic() - startedMs)
    if (runs.length < 3) throw new Error("no")
    return Promise.resolve({ done: true })
  }
  await it.add(await it.call())
  it.start()
  await clock.pass(200)
  clock.step(step)
  await clock.pass(10_000)
  const [first = 0, second = 0, third = 0] = ranAt
  expect([first < 20, second >= 1000, second < 2100, third - second >= 4000, third < 8000]).not.toContain(
    false,
  )
})

test("a job of a process that died is due after its lease, also when the clock is set back", async () => {
  await using it = await fixture()
  const { clock, runs } = it
  it.does.work = () => (runs.length === 1 ? new Promise(() => {}) : Promise.resolve({ done: true }))
  const id = await it.add(await it.call())
  await it.store.jobs.lease(id, it.store.steadyNow(), it.store.steadyNow() + 15_000)
  it.start()
  clock.step(-10 * 60_000)
  await clock.pass(16_000)
  expect(runs.map(({ job }) => job.id)).toEqual([id])
})

test("a kind whose jobs hang takes no place from another", async () => {
  await using it = await fixture({ concurrency: 2 })
  it.does.work = ({ kind }) => (kind === "work" ? new Promise(() => {}) : Promise.resolve({ done: true }))
  for (let n = 0; n < 20; n++) await it.add(await it.call())
  const other = await it.call()
  await it.add(other, "more")
  it.start()
  await it.clock.pass(1_000)
  expect(it.runs.filter(({ job }) => job.kind === "work")).toHaveLength(2)
  expect(await it.store.jobs.find(other, "more")).toMatchObject({ state: "done" })
})

test("a target that fails is left alone, uses up no attempts meanwhile, and gets everything when it works again", async () => {
  await using it = await fixture({ target: "hook.test" })
  let isUp = false
  it.does.work = () => Promise.resolve(isUp ? { done: true } : { failed: "down" })
  const calls = await Promise.all(Array.from({ length: 12 }, () => it.call()))
  for (const callId of calls) await it.add(callId)
  it.start()
  await it.clock.pass(20_000, 100)
  // Four at once: the circuit is open after the fifth failure.
  const before = it.runs.length
  expect(before).toBeLessThanOrEqual(8)
  await it.clock.pass(15_000, 100)
  expect(it.runs.length).toBe(before + 1)
  isUp = true
  await it.clock.pass(70_000, 100)
  const jobs = await it.store.jobs.findAll(calls, "work")
  expect(jobs.filter(({ state }) => state !== "done")).toEqual([])
})

test("a target that answers stays in use, whatever it says of single jobs", async () => {
  await using it = await fixture({ target: "hook.test" })
  it.does.work = () => Promise.resolve({ failed: "400", isTargetUp: true })
  for (let n = 0; n < 12; n++) await it.add(await it.call())
  it.start()
  await it.clock.pass(900, 100)
  expect(it.runs).toHaveLength(12)
})
