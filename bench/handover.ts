/** Calls that are lost, and the longest silence of a caller, when the worker is killed, reloaded, or stopped and started. */

import { newSid } from "../src/sim/sids.ts"
import { SimulatedTwilio } from "../src/sim/simulated-twilio.ts"
import type { SimulatedCall } from "../src/sim/simulated-call.ts"
import { BINARY, start, temporaryFolder, workerOf } from "./parts/process.ts"
import { fixed, median, type Table } from "./parts/summary.ts"
import { wallMs } from "./parts/wall-clock.ts"

const CALLS = 50
const NEW_CALLERS = 5
const PUBLIC_URL = "https://parley.test"
const GIVE_UP_MS = 20_000

type Run = { moved: number; newCallers: number; silencesMs: number[] }

/** What happens to the server under its calls. */
const EVENTS = {
  "kill -9 of the worker": (pid: number) => process.kill(workerOf(pid), "SIGKILL"),
  "kill -HUP (reload)": (pid: number) => process.kill(pid, "SIGHUP"),
} as const

export async function handover(): Promise<Table[]> {
  const rows: string[][] = []
  for (const [name, event] of Object.entries(EVENTS)) {
    const { moved, newCallers, silencesMs } = await runOnce(event)
    rows.push([
      name,
      `${moved} of ${CALLS}`,
      `${newCallers} of ${NEW_CALLERS}`,
      fixed(median(silencesMs) / 1000, 2),
      fixed(Math.max(...silencesMs) / 1000, 2),
    ])
  }
  return [
    {
      title: `Crash and reload under ${CALLS} relay calls, binary, DRAIN_TIMEOUT_MS=0`,
      head: ["event", "calls that continue", "new callers answered", "silence s, median", "longest"],
      rows,
    },
  ]
}

async function runOnce(event: (pid: number) => void): Promise<Run> {
  using folder = temporaryFolder()
  const authToken = newSid("AC").slice(2)
  await using running = await start({
    program: BINARY,
    folder: folder.path,
    env: {
      SUPERVISOR: "on",
      PUBLIC_URL,
      TWILIO_AUTH_TOKEN: authToken,
      MODEL_PROVIDER: "demo",
      DRAIN_TIMEOUT_MS: "0",
      LOCAL_API: "open",
    },
  })
  await using twilio = new SimulatedTwilio({
    publicUrl: PUBLIC_URL,
    connectTo: running.url,
    authToken,
    charactersPerSecond: Number.POSITIVE_INFINITY,
  })
  const calls = Array.from({ length: CALLS }, () => twilio.call())
  await Promise.all(calls.map(answers))
  const began = wallMs()
  event(running.pid)
  const newCallers = Array.from({ length: NEW_CALLERS }, () => twilio.call())
  const again = await Promise.all(
    calls.map(async (call) => ((await speaks(call)) ? wallMs() - began : undefined)),
  )
  const answered = await Promise.all(newCallers.map(answers))
  return {
    moved: again.filter((ms) => ms !== undefined).length,
    newCallers: answered.filter(Boolean).length,
    silencesMs: again.filter((ms) => ms !== undefined),
  }
}

/** Whether the agent answers a question in the current session of the call. */
async function answers(call: SimulatedCall): Promise<boolean> {
  const began = await inTime(call.frames.next(({ message }) => message?.type === "setup"))
  if (!began) return false
  call.say("What are your opening hours?")
  return await inTime(
    call.frames.next(
      ({ from, message }) => from === "server" && message?.type === "text" && message.last === true,
    ),
  )
}

/** Whether the agent speaks in the next session of the call. */
async function speaks(call: SimulatedCall): Promise<boolean> {
  const began = await inTime(call.frames.next(({ message }) => message?.type === "setup"))
  return (
    began &&
    (await inTime(call.frames.next(({ from, message }) => from === "server" && message?.type === "text")))
  )
}

async function inTime(happens: Promise<unknown>): Promise<boolean> {
  const timeout = Bun.sleep(GIVE_UP_MS).then(() => false)
  return await Promise.race([happens.then(() => true), timeout]).catch(() => false)
}
