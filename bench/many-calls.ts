/** A thousand calls with an answer under way in each: whether requests wait for each other, and what a call weighs. */

import { newSamples, type Caller, type Samples } from "./parts/caller.ts"
import type { Report } from "./parts/model-process.ts"
import { BINARY, type Usage } from "./parts/process.ts"
import { hangUp, openStage, type Stage } from "./parts/stage.ts"
import { fixed, spread, quantile, type Table } from "./parts/summary.ts"

const CALLS = 1_000
const ROUNDS = 4
/** Answers so slow that all of them are under way at once, and so thin that the number of words is no load. */
const PLAN = { thinkMs: 1_000, gapMs: 200, words: 8 }
/** All prompts are sent within this time. */
const SPREAD_MS = 1_000
/** From the end of a load to the look at memory. */
const SETTLE_MS = 1_000
/** The last look comes after a silence in which the garbage collector has had its time. */
const QUIET_MS = 15_000

type Round = { report: Report; samples: Samples; idle: Usage; talking: Usage; ended: Usage }
type Measured = { limit: string; before: Usage; rounds: Round[]; quiet: Usage }

export async function manyCalls(): Promise<Table[]> {
  const limited = await measure("256, Bun's own", { BUN_CONFIG_MAX_HTTP_REQUESTS: "256" }, 1)
  const raised = await measure("as the program sets it", {}, ROUNDS)
  return [queueing([limited, raised]), memory(raised)]
}

function queueing(measured: readonly Measured[]): Table {
  return {
    title: `${CALLS} calls, a prompt in each within ${SPREAD_MS / 1000} s, answers of some ${answerSeconds()} s`,
    head: [
      "requests at once",
      "most open at the model",
      "prompt → request at model, p50 / p99 / max ms",
      "first word → caller, p50 / p99 ms",
      "answers",
    ],
    rows: measured.flatMap(({ limit, rounds }) =>
      rounds.map(({ report, samples }, index) => [
        rounds.length > 1 ? `${limit}, round ${index + 1}` : limit,
        String(report.mostOpen),
        `${spread(report.promptToRequestMs, 1)} / ${fixed(quantile(report.promptToRequestMs, 1))}`,
        spread(samples.firstWord, 1),
        `${samples.answers} of ${CALLS}`,
      ]),
    ),
  }
}

function memory({ before, rounds, quiet }: Measured): Table {
  const row = (moment: string, { rssMiB, anonymousMiB }: Usage, perCall = "") => [
    moment,
    fixed(rssMiB),
    fixed(anonymousMiB),
    perCall,
  ]
  // Later rounds include the garbage of earlier ones and say nothing about a single call.
  const perCall = ({ rssMiB }: Usage, index: number) =>
    index > 0 ? "" : fixed(((rssMiB - before.rssMiB) * 1024) / CALLS, 0)
  return {
    title: `Memory of the server over ${rounds.length} rounds of ${CALLS} calls`,
    head: ["moment", "RSS MiB", "of it anonymous", "KiB per call"],
    rows: [
      row("before the first call", before),
      ...rounds.flatMap(({ idle, talking, ended }, index) => [
        row(`round ${index + 1}, all open`, idle, perCall(idle, index)),
        row(`round ${index + 1}, answers under way`, talking, perCall(talking, index)),
        row(`round ${index + 1}, all ended`, ended),
      ]),
      row(`after ${QUIET_MS / 1000} s of silence`, quiet),
    ],
  }
}

async function measure(limit: string, env: Record<string, string>, count: number): Promise<Measured> {
  await using stage = await openStage({ program: BINARY, env })
  await stage.plan(PLAN)
  const before = stage.usage()
  const rounds: Round[] = []
  while (rounds.length < count) rounds.push(await round(stage))
  if (count > 1) await Bun.sleep(QUIET_MS)
  return { limit, before, rounds, quiet: stage.usage() }
}

async function round(stage: Stage): Promise<Round> {
  const samples = newSamples()
  const callers = await stage.dial(CALLS, samples)
  const idle = stage.usage()
  await stage.report()
  const answered = Promise.all(callers.map(askOnce))
  await Bun.sleep(SPREAD_MS + PLAN.thinkMs / 2)
  const talking = stage.usage()
  await answered
  const report = await stage.report()
  await hangUp(callers)
  await Bun.sleep(SETTLE_MS)
  return { report, samples, idle, talking, ended: stage.usage() }
}

async function askOnce(caller: Caller, index: number): Promise<void> {
  await Bun.sleep((index / CALLS) * SPREAD_MS)
  await caller.ask()
}

function answerSeconds(): string {
  return fixed((PLAN.thinkMs + PLAN.gapMs * PLAN.words) / 1000)
}
