import { expect, test } from "bun:test"
import { runJobs, type JobKind, type JobResult } from "../../src/jobs/runner.ts"
import { getLog } from "../../src/lib/log.ts"
import type { Job } from "../../src/store/jobs.ts"
import { openStore } from "../../src/store/store.ts"
import { Gate } from "../fakes/gate.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleCall } from "../store/samples.ts"

/** Jobs of the kind `work`, which do what the test has set. */
function stand({ concurrency = 4 }: { concurrency?: number } = {}) {
  const clock = new TestClock()
  const store = openStore({ url: ":memory:" })
  const runs: { job: Job; signal: AbortSignal; at: number }[] = []
  const givenUp: string[] = []
  const does = {
    work: (_job: Job, _signal: AbortSignal): Promise<JobResult> => Promise.resolve({ done: true }),
  }
  const work: JobKind = {
    maxAttempts: 3,
    pauseMs: (attempt) => 1000 * 4 ** (attempt - 1),
    timeoutMs: 5000,
    givenUp: (_, error) => void givenUp.push(error),
    run(job, signal) {
      runs.push({ job, signal, at: clock.now() })
      return does.work(job, signal)
    },
  }
  const start = () =>
    runJobs({ jobs: store.jobs, kinds: { work }, sweep: clock.sweep, log: getLog("jobs"), concurrency })
  function call() {
    const sample = sampleCall()
    store.calls.create(sample)
    return sample.id
  }
  const add = (callId = call(), kind = "work") =>
    store.jobs.add({ kind, callId, dueAt: clock.now(), createdAt: clock.now() })
  return {
    clock,
    store,
    runs,
    givenUp,
    does,
    start,
    call,
    add,
    [Symbol.dispose]() {
      store.close()
      clock[Symbol.dispose]()
    },
  }
}

test("a job that fails twice is tried again after growing pauses, as the same job, until it is done", async () => {
  using line = stand()
  const { clock, runs, store } = line
  const start = clock.now()
  const callId = line.call()
  const id = line.add(callId)
  line.does.work = () => {
    if (runs.length < 3) throw new Error("no")
    return Promise.resolve({ done: true })
  }
  const runner = line.start()
  await clock.pass(10_000)
  expect(runs.map(({ job }) => [job.id, job.attempts])).toEqual([
    [id, 1],
    [id, 2],
    [id, 3],
  ])
  const [first = 0, second = 0, third = 0] = runs.map(({ at }) => at - start)
  expect([first, second >= 1000, third - second >= 4000, third < 8000]).toEqual([0, true, true, true])
  expect(store.jobs.newest(callId, "work")).toMatchObject({ state: "done", attempts: 3, lastError: null })
  expect(runner.size).toBe(0)
})

test.each<[string, () => Promise<JobResult>, number, string]>([
  ["that never works", () => Promise.reject(new Error("down")), 3, "down"],
  ["that can never work", () => Promise.resolve({ failed: "gone", final: true }), 1, "gone"],
])("a job %s is given up", async (_, work, attempts, error) => {
  using line = stand()
  line.does.work = work
  const callId = line.call()
  line.add(callId)
  line.start()
  await line.clock.pass(60_000)
  expect(line.store.jobs.newest(callId, "work")).toMatchObject({
    state: "failed",
    attempts,
    lastError: error,
  })
  expect(line.givenUp).toEqual([error])
})

test("a job that is not due yet comes later and loses no attempt", async () => {
  using line = stand()
  line.does.work = () => Promise.resolve(line.runs.length < 5 ? { later: 1000 } : { done: true })
  const callId = line.call()
  line.add(callId)
  line.start()
  await line.clock.pass(10_000)
  expect(line.store.jobs.newest(callId, "work")).toMatchObject({ state: "done", attempts: 1 })
})

test("a job that hangs is stopped at its limit", async () => {
  using line = stand()
  line.does.work = (_, signal) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true }),
    )
  const callId = line.call()
  line.add(callId)
  line.start()
  await line.clock.pass(5500)
  expect(line.store.jobs.newest(callId, "work")).toMatchObject({ attempts: 1, lastError: "it took too long" })
})

test("jobs of one call run one after the other, those of others beside them, and never more than allowed", async () => {
  using line = stand({ concurrency: 2 })
  const gate = new Gate()
  line.does.work = async () => {
    await gate.pass()
    return { done: true }
  }
  const [one, two, three] = [line.call(), line.call(), line.call()]
  const ids = [line.add(one), line.add(one), line.add(two), line.add(three)]
  const runner = line.start()
  await line.clock.pass(1000)
  expect(line.runs.map(({ job }) => job.id)).toEqual([ids[0] ?? "", ids[2] ?? ""])
  expect(runner.size).toBe(2)
  gate.openForever()
  await line.clock.pass(2000)
  expect(line.runs.map(({ job }) => job.id).toSorted()).toEqual(ids.toSorted())
})

test("a job that ran when the server stopped is run by the next one at once", async () => {
  using line = stand()
  line.does.work = () => new Promise(() => {})
  const callId = line.call()
  line.add(callId)
  const first = line.start()
  await line.clock.pass(100)
  first.stop()
  first.stop()
  expect(line.runs[0]?.signal.aborted).toBe(true)
  line.does.work = () => Promise.resolve({ done: true })
  line.start()
  await line.clock.pass(100)
  expect(line.store.jobs.newest(callId, "work")).toMatchObject({ state: "done", attempts: 1 })
})

test("a job of a process that died is due again when its time is over, and not before", async () => {
  using line = stand()
  const { clock, store } = line
  const id = line.add()
  const lease = () => store.jobs.lease(id, clock.now(), clock.now() + 15_000)
  expect([lease()?.attempts, lease()]).toEqual([1, undefined])
  line.start()
  await clock.pass(14_000)
  expect(line.runs).toEqual([])
  await clock.pass(2000)
  expect(line.runs.map(({ job }) => job.attempts)).toEqual([2])
})

test("a job of a kind that is not known is given up and blocks nothing", async () => {
  using line = stand()
  const callId = line.call()
  line.add(callId, "surprise")
  line.add(callId)
  line.start()
  await line.clock.pass(2000)
  expect(line.runs).toHaveLength(1)
  expect(line.store.jobs.newest(callId, "surprise")?.state).toBe("failed")
})
