/** Audio both ways through the program and through relays that do nothing else, side by side on one core. */

import { randomUUID } from "node:crypto"
import { cpus } from "node:os"
import { join } from "node:path"
import { Sweep } from "../src/lib/sweep.ts"
import { newSid } from "../src/sim/sids.ts"
import { Webhooks } from "../src/sim/webhook-sender.ts"
import { parseTwiml } from "../src/sim/twiml-reader.ts"
import { newMediaSamples, type MediaSamples } from "./parts/media-call.ts"
import { MediaLoad, type Dial } from "./parts/media-load.ts"
import { BINARY, machineBusyMs, ROOT, start, temporaryFolder, type Program } from "./parts/process.ts"
import { fixed, median, spread, type Table } from "./parts/summary.ts"

type Relay = { name: string; program: Program; env?: Record<string, string>; isParley?: true }
type Run = {
  relay: Relay
  calls: number
  deltaMs: number
  cpuPercent: number
  memoryPerCallKiB: number
  othersPercent: number
  lost: { early: number; up: number; down: number; disordered: number; closed: number }
  samples: MediaSamples
  /** Why there are no numbers. */
  failure?: string
}

const PARTS = join(ROOT, "bench/parts")
const bare = [process.execPath, join(PARTS, "bare-relay.ts")]
const RELAYS: readonly Relay[] = [
  { name: "bare Bun relay", program: { name: "bare relay", command: bare } },
  { name: "bare Bun relay, marks", program: { name: "bare relay", command: bare }, env: { MARKS: "1" } },
  {
    name: "bare Bun relay, marks, JSON",
    program: { name: "bare relay", command: bare },
    env: { MARKS: "1", READS: "json" },
  },
  { name: "Parley", program: BINARY, isParley: true },
  { name: "Node + ws", program: { name: "node relay", command: ["node", join(PARTS, "node-relay.mjs")] } },
]
/** Sizes of a load, and how often each is run. What a model sends lies between the two lengths of a piece. */
const LOADS = [
  { calls: 10, deltaMs: 200, rounds: 1 },
  { calls: 100, deltaMs: 200, rounds: 1 },
  { calls: 300, deltaMs: 200, rounds: 3 },
  { calls: 600, deltaMs: 200, rounds: 1 },
  { calls: 300, deltaMs: 20, rounds: 1 },
]
const SETTINGS_MS = 300
const INTERRUPT_EVERY_MS = 10_000
/** Long enough for what runs often to be compiled: calls are many minutes, and a server is up for weeks. */
const WARM_UP_MS = 30_000
const MEASURED_MS = 8_000
/** Other programs on the machine, in percent of a core, below which a run counts as undisturbed. */
const QUIET_PERCENT = 15
const MAX_TRIES = 3
const OPEN_TIMEOUT_MS = 20_000
const PUBLIC_URL = "https://parley.test"
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef"

export async function media(): Promise<Table[]> {
  pin("1", process.pid)
  try {
    const runs: Run[] = []
    for (const { calls, deltaMs, rounds } of LOADS) {
      // The relays take turns, so that a busy moment of the machine hits all of them.
      for (let round = 0; round < rounds; round++) {
        for (const relay of RELAYS) runs.push(await quietest(relay, calls, deltaMs))
      }
    }
    return [relayTable(runs), bargeInTable(runs), lossTable(runs)]
  } finally {
    pin(`0-${cpus().length - 1}`, process.pid)
  }
}

/** The run that other programs disturbed least, of as many as it takes to have a quiet one. */
async function quietest(relay: Relay, calls: number, deltaMs: number): Promise<Run> {
  let best = await measureOrTell(relay, calls, deltaMs)
  for (let tries = 1; tries < MAX_TRIES && !(best.othersPercent < QUIET_PERCENT); tries++) {
    const run = await measureOrTell(relay, calls, deltaMs)
    if (best.failure !== undefined || run.othersPercent < best.othersPercent) best = run
  }
  return best
}

async function measureOrTell(relay: Relay, calls: number, deltaMs: number): Promise<Run> {
  try {
    return await measure(relay, calls, deltaMs)
  } catch (error) {
    const lost = { early: 0, up: 0, down: 0, disordered: 0, closed: 0 }
    const none = { cpuPercent: Number.NaN, memoryPerCallKiB: Number.NaN, othersPercent: Number.NaN }
    return { relay, calls, deltaMs, ...none, lost, samples: newMediaSamples(), failure: String(error) }
  }
}

async function measure(relay: Relay, calls: number, deltaMs: number): Promise<Run> {
  using folder = temporaryFolder()
  await using load = new MediaLoad({ deltaMs, settingsMs: SETTINGS_MS, interruptEveryMs: INTERRUPT_EVERY_MS })
  if (relay.isParley) await useRealtime(folder.path)
  const { name, command } = relay.program
  await using server = await start({
    program: { name, command: ["taskset", "-c", "0", ...command] },
    folder: folder.path,
    env: { ...relay.env, MODEL_URL: load.modelUrl, ...(relay.isParley ? parleyEnv(load.modelUrl) : {}) },
  })
  using sweep = new Sweep()
  const before = server.usage()
  const opened = load.open(calls, relay.isParley ? twilioDial(server.url, sweep) : plainDial(server.url))
  await inTime(opened, `${calls} calls did not stream within ${OPEN_TIMEOUT_MS / 1000} s`)
  await Bun.sleep(WARM_UP_MS)

  const samples = newMediaSamples()
  load.samples = samples
  const [started, cpuBefore, busyBefore, own] = [
    performance.now(),
    server.usage(),
    machineBusyMs(),
    process.cpuUsage(),
  ]
  await Bun.sleep(MEASURED_MS)
  const seconds = (performance.now() - started) / 1000
  const after = server.usage()
  const spent = process.cpuUsage(own)
  const busy = machineBusyMs() - busyBefore
  load.samples = newMediaSamples()
  await load.hangUp()

  const cpuMs = after.cpuMs - cpuBefore.cpuMs
  const sum = (of: (call: MediaLoad["calls"][number]) => number) =>
    load.calls.reduce((total, call) => total + of(call), 0)
  return {
    relay,
    calls,
    deltaMs,
    cpuPercent: cpuMs / seconds / 10,
    memoryPerCallKiB: ((after.rssMiB - before.rssMiB) * 1024) / calls,
    othersPercent: (busy - cpuMs - (spent.user + spent.system) / 1000) / seconds / 10,
    lost: {
      early: sum(({ sentEarly }) => sentEarly),
      up: sum(({ upSent, upCame }) => upSent - upCame),
      down: sum(({ downSent, downCame }) => downSent - downCame),
      disordered: sum(({ disordered }) => disordered),
      closed: sum(({ closedEarly }) => closedEarly),
    },
    samples,
  }
}

function relayTable(runs: readonly Run[]): Table {
  return {
    title: `Audio both ways, each program alone on one core; caller's frames of 20 ms, p50 / p99 in ms`,
    head: [
      "calls",
      "model's pieces",
      "relay",
      "% of the core",
      "µs per piece",
      "times the bare relay",
      "caller → model",
      "model → caller",
      "KiB per call",
      "other programs, % of a core",
    ],
    rows: groups(runs).map(({ calls, deltaMs, relay, members }) => {
      const cpu = (of: readonly Run[]) => median(of.map(({ cpuPercent }) => cpuPercent))
      const perPiece = (of: readonly Run[]) => median(of.map(usPerPiece))
      const floor = groups(runs).find(
        (other) => other.calls === calls && other.deltaMs === deltaMs && other.relay === RELAYS[0],
      )
      const failure = members.find(({ failure }) => failure)?.failure
      return [
        String(calls),
        `${deltaMs} ms`,
        relay.name + (failure ? `: ${failure}` : ""),
        fixed(cpu(members)),
        fixed(perPiece(members)),
        fixed(perPiece(members) / perPiece(floor?.members ?? []), 2),
        spread(members.flatMap(({ samples }) => samples.up)),
        spread(members.flatMap(({ samples }) => samples.down)),
        fixed(median(members.map(({ memoryPerCallKiB }) => memoryPerCallKiB))),
        fixed(median(members.map(({ othersPercent }) => othersPercent)), 0),
      ]
    }),
  }
}

/** By what came through and not by time: a relay that lags behind has done less. */
function usPerPiece({ cpuPercent, samples: { up, down } }: Run): number {
  return (cpuPercent * 10 * MEASURED_MS) / (up.length + down.length)
}

function bargeInTable(runs: readonly Run[]): Table {
  return {
    title: `Barge-in: the model hears the caller → \`clear\` at the carrier, in ms`,
    head: ["calls", "model's pieces", "relay", "p50 / p99", "cleared"],
    rows: groups(runs).map(({ calls, deltaMs, relay, members }) => {
      const clear = members.flatMap(({ samples }) => samples.clear)
      const all = members.reduce((sum, { samples }) => sum + samples.interruptions, 0)
      return [String(calls), `${deltaMs} ms`, relay.name, spread(clear), `${clear.length} of ${all}`]
    }),
  }
}

function lossTable(runs: readonly Run[]): Table {
  return {
    title: `Frames lost in the whole of all runs; the model confirms its settings after ${SETTINGS_MS} ms`,
    head: [
      "calls",
      "model's pieces",
      "relay",
      "sent before the model was ready",
      "caller's lost",
      "out of order",
      "model's lost",
      "sockets closed early",
    ],
    rows: groups(runs).map(({ calls, deltaMs, relay, members }) => {
      const sum = (of: (lost: Run["lost"]) => number) =>
        String(members.reduce((total, { lost }) => total + of(lost), 0))
      return [
        String(calls),
        `${deltaMs} ms`,
        relay.name,
        sum(({ early }) => early),
        sum(({ up }) => up),
        sum(({ disordered }) => disordered),
        sum(({ down }) => down),
        sum(({ closed }) => closed),
      ]
    }),
  }
}

type Group = Pick<Run, "calls" | "deltaMs" | "relay"> & { members: Run[] }

/** Runs of one relay under one load, in the order of their first. */
function groups(runs: readonly Run[]): Group[] {
  const found = new Map<string, Group>()
  for (const run of runs) {
    const key = `${run.calls} ${run.deltaMs} ${run.relay.name}`
    const { calls, deltaMs, relay } = run
    const group = found.get(key) ?? { calls, deltaMs, relay, members: [] }
    group.members.push(run)
    found.set(key, group)
  }
  return [...found.values()]
}

function parleyEnv(modelUrl: string): Record<string, string> {
  return {
    PUBLIC_URL,
    TWILIO_AUTH_TOKEN: AUTH_TOKEN,
    LOCAL_API: "open",
    OPENAI_API_KEY: "sk-bench",
    OPENAI_BASE_URL: modelUrl,
    LOG_LEVEL: "error",
  }
}

async function useRealtime(folder: string): Promise<void> {
  const config = { agents: { default: { engine: "realtime" } } }
  await Bun.write(join(folder, "assets/serverConfig.json"), JSON.stringify(config))
}

function plainDial(serverUrl: string): Dial {
  const url = `${serverUrl.replace("http", "ws")}/media`
  return async () => ({ url, headers: {}, callSid: newSid("CA") })
}

/** As Twilio comes in: the signed webhook, its TwiML, and the signed socket that stands in it. */
function twilioDial(serverUrl: string, sweep: Sweep): Dial {
  const webhooks = new Webhooks({
    authToken: AUTH_TOKEN,
    publicUrl: PUBLIC_URL,
    connectTo: serverUrl,
    sweep,
  })
  return async () => {
    const callSid = newSid("CA")
    const form = {
      AccountSid: newSid("AC"),
      ApiVersion: "2010-04-01",
      CallSid: callSid,
      CallStatus: "ringing",
      Direction: "inbound",
      From: "+15550100001",
      To: "+15550100002",
      CallToken: randomUUID(),
    }
    const { status, body } = await webhooks.send({ url: webhooks.resolve("/twilio/voice"), form })
    const connect = parseTwiml(body).find(({ name }) => name === "Connect")
    const target = webhooks.socketTo(connect?.children[0]?.attributes["url"] ?? "")
    if (status !== 200 || !target) throw new Error(`no stream in the answer ${status}: ${body}`)
    return { ...target, callSid }
  }
}

async function inTime(promise: Promise<void>, problem: string): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(problem)), OPEN_TIMEOUT_MS)
  try {
    await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Keeps a process on some cores. Without `taskset` the system decides, and the numbers say less. */
function pin(cores: string, pid: number): void {
  Bun.spawnSync(["taskset", "-a", "-c", "-p", cores, String(pid)], { stdout: "ignore", stderr: "ignore" })
}
