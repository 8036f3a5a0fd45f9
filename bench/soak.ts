/**
 * `bun bench/soak.ts [relay|realtime] [calls]`: a thousand calls of ten seconds, and three hundred at once, against the
 * built-in models. Whether memory stays flat, every transcript is complete and every socket is closed. Asserts nothing.
 */

import { readdirSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { storedPrompt } from "../src/audio/prompts.ts"
import { AVAILABLE_ENGINES, type AvailableEngine } from "../src/call/engine.ts"
import { Sweep } from "../src/lib/sweep.ts"
import type { SimulatedCall } from "../src/sim/simulated-call.ts"
import { SimulatedTwilio } from "../src/sim/simulated-twilio.ts"
import { BINARY, start, temporaryFolder, type Running } from "./parts/process.ts"
import { fixed, markdown } from "./parts/summary.ts"

type Outcome = { complete: boolean; problems: readonly string[] }
type Look = { moment: string; calls: number; faults: string[]; cells: string[] }

const CALL_MS = 10_000
/** Calls that run side by side in the first part: time is not compressed, and a thousand calls last five minutes. */
const AT_ONCE = 40
const PEAK = 300
/** All calls of one batch begin within this time. */
const SPREAD_MS = 2_000
const SETTLE_MS = 2_000
const PUBLIC_URL = "https://parley.test"
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
const QUESTIONS = ["What are your opening hours?", "Please press 1 2 3 for me", "Tell me a long story"]

const Transcript = z.object({ turns: z.array(z.object({ speaker: z.string(), text: z.string() })) })
const Metrics = z.object({ counts: z.record(z.string(), z.number()) })

const [name = "relay", total = "1000"] = process.argv.slice(2)
const engine = AVAILABLE_ENGINES.find((known) => known === name)
if (!engine) {
  console.error(`usage: bun bench/soak.ts [${AVAILABLE_ENGINES.join("|")}] [calls]`)
  process.exit(2)
}
await soak(engine, Number(total))

async function soak(engine: AvailableEngine, total: number): Promise<void> {
  using folder = temporaryFolder()
  if (engine === "realtime") await useRealtime(folder.path)
  await using server = await start({
    program: BINARY,
    folder: folder.path,
    env: {
      PUBLIC_URL,
      LOCAL_API: "open",
      TWILIO_AUTH_TOKEN: AUTH_TOKEN,
      MODEL_PROVIDER: "demo",
      LOG_LEVEL: "error",
    },
  })
  using sweep = new Sweep()
  await using twilio = new SimulatedTwilio({
    publicUrl: PUBLIC_URL,
    connectTo: server.url,
    authToken: AUTH_TOKEN,
    // As fast as a person speaks, so that ten seconds hold three questions.
    charactersPerSecond: 40,
    keep: 50,
    sweep,
  })
  const looks = [await look(server, "before the first call", [], 0)]
  for (let done = 0; done < total;) {
    const count = Math.min(100, total - done)
    const outcomes: Outcome[] = []
    for (let left = count; left > 0; left -= AT_ONCE) {
      outcomes.push(...(await batch(twilio, server, engine, Math.min(AT_ONCE, left))))
    }
    done += count
    looks.push(await look(server, `after ${done} calls`, outcomes, count))
    console.error(looks.at(-1)?.cells.join("  "))
  }
  const peak = batch(twilio, server, engine, PEAK)
  await Bun.sleep(SPREAD_MS + CALL_MS / 2)
  looks.push(await look(server, `in the midst of ${PEAK} at once`, [], 0, 0))
  looks.push(await look(server, `after ${PEAK} at once`, await peak, PEAK))
  looks.push(await look(server, "20 s later", [], 0, 20_000))
  console.log(
    markdown({
      title: `Calls of ${CALL_MS / 1000} s, ${engine}: ${total} of them ${AT_ONCE} at a time, then ${PEAK} at once`,
      head: [
        "moment",
        "RSS MiB",
        "of it anonymous",
        "open files",
        "open sockets",
        "deadlines",
        "calls complete",
      ],
      rows: looks.map(({ cells }) => cells),
    }),
  )
  for (const fault of new Set(looks.flatMap(({ faults }) => faults))) console.log(`- ${fault}`)
}

async function look(
  server: Running,
  moment: string,
  outcomes: readonly Outcome[],
  calls: number,
  settleMs = SETTLE_MS,
): Promise<Look> {
  await Bun.sleep(settleMs)
  const { counts } = Metrics.parse(await json(`${server.url}/metrics`))
  const { rssMiB, anonymousMiB } = server.usage()
  const complete = outcomes.filter(({ complete }) => complete).length
  const cells = [
    moment,
    fixed(rssMiB),
    fixed(anonymousMiB),
    String(readdirSync(`/proc/${server.pid}/fd`).length),
    String(counts["openSockets"] ?? "–"),
    String(counts["deadlines"] ?? "–"),
    calls === 0 ? "" : `${complete} of ${calls}`,
  ]
  return { moment, calls, faults: outcomes.flatMap(({ problems }) => problems), cells }
}

async function batch(
  twilio: SimulatedTwilio,
  server: Running,
  engine: AvailableEngine,
  count: number,
): Promise<Outcome[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      await Bun.sleep((index / count) * SPREAD_MS)
      const call = twilio.call()
      const talked = engine === "relay" ? await talk(call) : await speak(call)
      const summary = await call.ended
      const { turns } = Transcript.parse(await json(`${server.url}/v1/calls/${call.callSid}/transcript`))
      const missing = talked.filter((want) => !turns.some((turn) => isTurn(turn, want)))
      const problems = [
        ...summary.problems,
        ...missing.map(({ speaker }) => `a turn of the ${speaker} is missing`),
      ]
      return { complete: problems.length === 0, problems }
    }),
  )
}

type Want = { speaker: string; text: string | undefined }

function isTurn({ speaker, text }: { speaker: string; text: string }, want: Want): boolean {
  return speaker === want.speaker && (want.text === undefined || text.includes(want.text))
}

/** Three questions in words, and what was heard meanwhile. Hangs up when the time is over. */
async function talk(call: SimulatedCall): Promise<Want[]> {
  const wants: Want[] = []
  const over = Bun.sleep(CALL_MS)
  const conversation = async () => {
    wants.push({ speaker: "agent", text: (await call.agentTurn()).trim() })
    for (const text of QUESTIONS) {
      if (!call.say(text).delivered) wants.push({ speaker: "caller", text: `${text} (not heard)` })
      wants.push({ speaker: "caller", text })
      wants.push({ speaker: "agent", text: (await call.agentTurn()).trim() })
    }
  }
  await Promise.race([conversation().catch(() => {}), over])
  await over
  call.hangup()
  return wants
}

/** Waits for the greeting, speaks, hears the answer. Hangs up when the time is over. */
async function speak(call: SimulatedCall): Promise<Want[]> {
  const wants: Want[] = []
  const over = Bun.sleep(CALL_MS)
  const conversation = async () => {
    await call.audio.heard.next(({ last }) => last)
    wants.push({ speaker: "agent", text: undefined })
    await call.stream?.say(storedPrompt("one-moment").audio)
    wants.push({ speaker: "caller", text: undefined })
    await call.audio.heard.next(({ last }) => last)
  }
  await Promise.race([conversation().catch(() => {}), over])
  if (wants.length < 2) wants.push({ speaker: "agent who never finished", text: undefined })
  await over
  call.hangup()
  return wants
}

async function useRealtime(folder: string): Promise<void> {
  const config = { agents: { default: { engine: "realtime" } } }
  await Bun.write(join(folder, "assets/serverConfig.json"), JSON.stringify(config))
}

async function json(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}
