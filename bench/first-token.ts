/** What the server adds to the model's own time: the way of a prompt, of each word, and of an interruption. */

import { AFTER_INTERRUPT_MS, newSamples, type Caller, type Samples } from "./parts/caller.ts"
import { DirectReader } from "./parts/direct-reader.ts"
import type { Report } from "./parts/model-process.ts"
import { BINARY } from "./parts/process.ts"
import { hangUp, openStage } from "./parts/stage.ts"
import { fixed, spread, type Table } from "./parts/summary.ts"

type Scenario = {
  calls: number
  /** `none` reads the model's answers with a bare `fetch`: what loopback, model and measuring cost by themselves. */
  server: "parley" | "none"
  /** Silence of the caller between an answer and the next question. */
  pauseMs: number
}

type Measured = Scenario & {
  samples: Samples
  report: Report
  seconds: number
  cpuMs: number
  othersMs: number
}

/** The last one has an answer in every call at every moment, which is far denser than life. */
const SCENARIOS: readonly Scenario[] = [
  { calls: 200, server: "none", pauseMs: 2_000 },
  { calls: 1, server: "parley", pauseMs: 50 },
  { calls: 50, server: "parley", pauseMs: 2_000 },
  { calls: 200, server: "parley", pauseMs: 2_000 },
  { calls: 200, server: "parley", pauseMs: 0 },
]
const PLAN = { thinkMs: 100, gapMs: 20, words: 40 }
const WARM_UP_MS = 2_500
const MEASURED_MS = 12_000
/** Every third answer is interrupted, after this many words. */
const INTERRUPT_AFTER = 12

export async function firstToken(): Promise<Table[]> {
  const measured: Measured[] = []
  for (const scenario of SCENARIOS) measured.push(await measure(scenario))
  const served = measured.filter(({ server }) => server !== "none")
  return [
    {
      title: `The way through the server, p50 / p99 in ms; one word each ${PLAN.gapMs} ms`,
      head: [
        "calls",
        "words/s",
        "prompt → request at model",
        "first word → caller",
        "every word → caller",
        "answers",
      ],
      rows: measured.map(({ calls, server, samples, report, seconds }) => [
        server === "none" ? `${calls}, no server` : String(calls),
        fixed(samples.words.length / seconds, 0),
        spread(report.promptToRequestMs),
        spread(samples.firstWord),
        spread(samples.words),
        `${samples.answers}${samples.unanswered > 0 ? `, ${samples.unanswered} lost` : ""}`,
      ]),
    },
    {
      title: "Barge-in, p50 / p99 in ms",
      head: [
        "calls",
        "interrupt → last word at caller",
        "interrupt → request aborted at model",
        "interruptions",
      ],
      rows: served.map(({ calls, samples, report }) => [
        String(calls),
        spread(samples.lastWordAfterInterrupt),
        spread(abortTimes(samples, report)),
        `${abortTimes(samples, report).length} of ${samples.interruptedAt.size} aborted`,
      ]),
    },
    {
      title: "Processor time of the server",
      head: [
        "calls",
        "words/s",
        "% of a core",
        "% of a core per call",
        "µs per word, all included",
        "other programs, % of a core",
      ],
      rows: served.map(({ calls, samples, seconds, cpuMs, othersMs }) => [
        String(calls),
        fixed(samples.words.length / seconds, 0),
        fixed(cpuMs / seconds / 10),
        fixed(cpuMs / seconds / 10 / calls, 3),
        fixed((cpuMs * 1000) / samples.words.length, 0),
        fixed(Math.max(0, othersMs) / seconds / 10),
      ]),
    },
  ]
}

async function measure(scenario: Scenario): Promise<Measured> {
  const { calls, server, pauseMs } = scenario
  await using stage = await openStage({ program: BINARY })
  await stage.plan(PLAN)
  const dialled = server === "none" ? [] : await stage.dial(calls)
  const direct = Array.from(
    { length: server === "none" ? calls : 0 },
    () => new DirectReader(stage.modelUrl, newSamples()),
  )
  const callers = [...dialled, ...direct]
  const talking = new AbortController()
  const talks = callers.map((caller) => talk(caller, pauseMs, talking.signal))
  await Bun.sleep(WARM_UP_MS)

  const samples = newSamples()
  for (const caller of callers) caller.samples = samples
  await stage.report()
  const [cpuBefore, othersBefore] = [stage.usage().cpuMs, stage.othersMs()]
  const began = performance.now()
  await Bun.sleep(MEASURED_MS)
  const [cpuMs, othersMs] = [stage.usage().cpuMs - cpuBefore, stage.othersMs() - othersBefore]
  const seconds = (performance.now() - began) / 1000
  const rest = newSamples()
  for (const caller of callers) caller.samples = rest
  // The last interruptions are still on their way.
  await Bun.sleep(AFTER_INTERRUPT_MS)
  const report = await stage.report()

  talking.abort()
  await Promise.all(talks)
  await hangUp(dialled)
  return { ...scenario, samples, report, seconds, cpuMs, othersMs }
}

/** Questions and pauses until stopped; the calls do not begin in step. */
async function talk(caller: Caller | DirectReader, pauseMs: number, signal: AbortSignal): Promise<void> {
  await Bun.sleep(Math.random() * (pauseMs + 1_000))
  for (let turn = 1; !signal.aborted; turn++) {
    await caller.ask(turn % 3 === 0 ? { interruptAfter: INTERRUPT_AFTER } : {})
    await Bun.sleep(pauseMs * (0.5 + Math.random()))
  }
}

function abortTimes({ interruptedAt }: Samples, { aborted }: Report): number[] {
  return aborted.flatMap(([tag, at]) => {
    const sentAt = interruptedAt.get(tag)
    return sentAt === undefined ? [] : [at - sentAt]
  })
}
