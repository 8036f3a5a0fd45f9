/** A server and its model, each in a process of its own, joined by loopback; the callers live in this process. */

import { join } from "node:path"
import { Webhooks } from "../../src/sim/webhook-sender.ts"
import { Sweep } from "../../src/lib/sweep.ts"
import { Caller, newSamples, type Samples } from "./caller.ts"
import { Report, type Plan } from "./model-process.ts"
import { machineBusyMs, ROOT, start, temporaryFolder, type Program, type Usage } from "./process.ts"

export type Stage = AsyncDisposable & {
  modelUrl: string
  /** Of the server. */
  usage(): Usage
  /** Processor time of programs that have no part in this, in milliseconds: the noise. */
  othersMs(): number
  plan(plan: Plan): Promise<void>
  /** What the model saw since the last time. */
  report(): Promise<Report>
  /** Lets so many calls come in and sets them up. */
  dial(calls: number, samples?: Samples): Promise<Caller[]>
}

export type StageOptions = { program: Program; env?: Readonly<Record<string, string>> }

/** The address the server believes it has. */
const PUBLIC_URL = "https://parley.test"
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
const DIALLED_AT_ONCE = 16
const MODEL: Program = {
  name: "model",
  command: [process.execPath, join(ROOT, "bench/parts/model-process.ts")],
}

export async function openStage({ program, env = {} }: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(temporaryFolder())
  const model = stack.use(await start({ program: MODEL, folder: folder.path }))
  const server = stack.use(
    await start({
      program,
      folder: folder.path,
      env: {
        PUBLIC_URL,
        TWILIO_AUTH_TOKEN: AUTH_TOKEN,
        LOCAL_API: "open",
        MODEL_PROVIDER: "openai",
        OPENAI_API_KEY: "sk-bench",
        OPENAI_BASE_URL: `${model.url}/v1`,
        ...env,
      },
    }),
  )
  const sweep = stack.use(new Sweep())
  const webhooks = new Webhooks({
    authToken: AUTH_TOKEN,
    publicUrl: PUBLIC_URL,
    connectTo: server.url,
    sweep,
  })
  const held = stack.move()
  return {
    modelUrl: model.url,
    usage: () => server.usage(),
    othersMs() {
      const own = process.cpuUsage()
      return machineBusyMs() - server.usage().cpuMs - model.usage().cpuMs - (own.user + own.system) / 1000
    },
    async plan(plan) {
      await fetch(`${model.url}/plan`, { method: "PUT", body: JSON.stringify(plan) })
    },
    report: async () => Report.parse(await (await fetch(`${model.url}/report`)).json()),
    async dial(calls, samples = newSamples()) {
      const callers: Caller[] = []
      await atOnce(DIALLED_AT_ONCE, calls, async () => {
        callers.push(await Caller.dial(webhooks, samples))
      })
      return callers
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Hangs up, a few calls at a time. */
export function hangUp(callers: readonly Caller[]): Promise<void> {
  return atOnce(DIALLED_AT_ONCE, callers.length, async (index) => callers[index]?.hangUp())
}

async function atOnce(width: number, count: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: width }, lane))
}
