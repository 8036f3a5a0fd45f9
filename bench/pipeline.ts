/** What the engine `pipeline` adds of its own: from the end of a caller's turn to the first audio of the answer. */

import { Sweep } from "../src/lib/sweep.ts"
import type { SimulatedCall } from "../src/sim/simulated-call.ts"
import { SimulatedTwilio } from "../src/sim/simulated-twilio.ts"
import { DEEPGRAM_KEY, FakeDeepgram, fluxListener } from "../test/fakes/fake-deepgram.ts"
import { FakeOpenAi } from "../test/fakes/fake-openai.ts"
import { says } from "../test/fakes/openai-script.ts"
import { assetsWith } from "../test/server/assets-with.ts"
import { BINARY, machineBusyMs, start, temporaryFolder, type Program } from "./parts/process.ts"
import { fixed, spread, type Table } from "./parts/summary.ts"

const CALLS = [1, 20] as const
const PUBLIC_URL = "https://parley.test"
const ACCOUNT_SID = `AC${"0".repeat(32)}`
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
const ANSWER = "We open at nine in the morning. Come in."
/** From one turn of a caller to the next: the answer is heard to its end, in milliseconds. */
const TURN_MS = 1_000
const WARM_UP_TURNS = 4
const TURNS = 20

type Talking = { call: SimulatedCall; caller: ReturnType<typeof fluxListener> }
type Measured = {
  calls: number
  firstAudioMs: number[]
  lost: number
  cpuPercent: number
  othersPercent: number
}

export async function pipeline(program: Program = BINARY): Promise<Table[]> {
  const measured: Measured[] = []
  for (const calls of CALLS) measured.push(await measure(calls, program))
  return [
    {
      title:
        "End of the caller's turn → first audio of the answer, p50 / p99 in ms; providers that answer at once",
      head: ["calls", "first audio", "answers", "% of a core per call", "other programs, % of a core"],
      rows: measured.map(({ calls, firstAudioMs, lost, cpuPercent, othersPercent }) => [
        String(calls),
        spread(firstAudioMs),
        `${firstAudioMs.length}${lost > 0 ? `, ${lost} lost` : ""}`,
        fixed(cpuPercent / calls, 2),
        fixed(Math.max(0, othersPercent)),
      ]),
    },
  ]
}

async function measure(calls: number, program: Program): Promise<Measured> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(temporaryFolder())
  const assets = stack.use(
    assetsWith({ agents: { default: { engine: "pipeline", silenceDetection: { enabled: false } } } }),
  )
  const openai = stack.use(new FakeOpenAi())
  const deepgram = stack.use(new FakeDeepgram())
  const server = stack.use(
    await start({
      program,
      folder: folder.path,
      env: {
        PUBLIC_URL,
        TWILIO_AUTH_TOKEN: AUTH_TOKEN,
        LOCAL_API: "open",
        ASSETS_DIR: assets.dir,
        MODEL_PROVIDER: "openai",
        OPENAI_API_KEY: "sk-bench",
        OPENAI_BASE_URL: openai.baseUrl,
        DEEPGRAM_API_KEY: DEEPGRAM_KEY,
        DEEPGRAM_BASE_URL: deepgram.baseUrl,
      },
    }),
  )
  const sweep = stack.use(new Sweep())
  const twilio = stack.use(
    new SimulatedTwilio({
      accountSid: ACCOUNT_SID,
      authToken: AUTH_TOKEN,
      publicUrl: PUBLIC_URL,
      connectTo: server.url,
      sweep,
    }),
  )
  const talking: Talking[] = []
  for (let dialled = 0; dialled < calls; dialled++) {
    const call = twilio.call()
    const peer = await deepgram.peers.next(({ url }) => url.pathname === "/v2/listen")
    talking.push({ call, caller: fluxListener(peer) })
  }
  await Bun.sleep(2_000)
  const converse = (turns: number) =>
    Promise.all(talking.map((each, index) => turnsOf(each, { openai, turns, offset: index / calls })))
  await converse(WARM_UP_TURNS)
  const began = performance.now()
  const [cpuBefore, othersBefore] = [server.usage().cpuMs, machineBusyMs() - ownMs()]
  const samples = (await converse(TURNS)).flat()
  const percent = (ms: number) => (ms * 100) / (performance.now() - began)
  const cpuMs = server.usage().cpuMs - cpuBefore
  const othersMs = machineBusyMs() - ownMs() - othersBefore - cpuMs
  const cost = { cpuPercent: percent(cpuMs), othersPercent: percent(othersMs) }
  for (const { call } of talking) call.hangup()
  await Promise.all(talking.map(({ call }) => call.ended))
  const firstAudioMs = samples.filter((ms) => ms !== undefined)
  return { calls, firstAudioMs, lost: samples.length - firstAudioMs.length, ...cost }
}

/** One turn after another, none in step with those of the other calls: the milliseconds to the first audio of each answer. */
async function turnsOf(
  { call, caller }: Talking,
  { openai, turns, offset }: { openai: FakeOpenAi; turns: number; offset: number },
): Promise<(number | undefined)[]> {
  await Bun.sleep(offset * TURN_MS)
  const samples: (number | undefined)[] = []
  for (let turn = 0; turn < turns; turn++) {
    openai.enqueue(says(ANSWER))
    caller.start("when do you")
    const endedAt = performance.now()
    let firstAudioMs: number | undefined
    let isPast = true
    const stop = call.audio.frames.listen(({ from, event }) => {
      if (isPast || from !== "server" || event !== "media") return
      firstAudioMs ??= performance.now() - endedAt
    })
    isPast = false
    caller.end("When do you open?")
    await Bun.sleep(TURN_MS)
    stop()
    samples.push(firstAudioMs)
  }
  return samples
}

/** Processor time of this process: the callers and the providers. */
function ownMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
