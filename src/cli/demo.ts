/** `parley demo`: one scripted call through the real webhook, TwiML, signed socket and callbacks, printed as it happens. */

import { z } from "zod"
import { readConfig } from "../config.ts"
import { configureLog } from "../lib/log.ts"
import { DEMO_SCENARIO, playScenario, type ScenarioEvent } from "../sim/scenario.ts"
import { startLocalServer } from "./local-server.ts"

export type DemoOptions = {
  /** How many times faster than life the agent speaks. */
  speed: number
  print: (line: string) => void
}

const Transcript = z.object({
  turns: z.array(
    z.object({
      speaker: z.string(),
      text: z.string(),
      interrupted: z.boolean(),
      latency: z.object({ firstTokenMs: z.number().optional() }).nullable(),
    }),
  ),
})
const Events = z.object({
  events: z.array(
    z.looseObject({ type: z.string(), name: z.string().optional(), ok: z.boolean().optional() }),
  ),
})

/** Resolves to the exit code. */
export async function demo({ speed, print }: DemoOptions): Promise<number> {
  configureLog({ level: "error", format: "auto" })
  const config = readConfig({ MODEL_PROVIDER: "demo" })
  await using local = startLocalServer({ config, databaseUrl: ":memory:", speed })
  print(`A server runs at ${local.url}, for this call only. Twilio, caller and model are simulated.`)
  print("")
  const call = local.twilio.call({ from: "+15550100001", to: "+15550100002", direction: "inbound" })
  const startedAt = local.twilio.sweep.clock.now()
  const summary = await playScenario(call, DEMO_SCENARIO, {
    sweep: local.twilio.sweep,
    onEvent: (event) => print(eventLine(event, startedAt)),
  })
  const path = `/v1/calls/${summary.callSid}`
  const transcript = Transcript.parse(await json(`${local.url}${path}/transcript`))
  const { events } = Events.parse(await json(`${local.url}${path}/events`))

  print("")
  print(`What the server keeps of it (GET ${path}/transcript):`)
  print("")
  for (const { speaker, text, interrupted, latency } of transcript.turns) {
    const wait = latency?.firstTokenMs === undefined ? "" : `   (first word after ${latency.firstTokenMs} ms)`
    print(
      `  ${speaker.padEnd(6)}  ${text}${interrupted ? " — cut off here, as the caller heard it" : ""}${wait}`,
    )
  }
  const tools = events.filter(({ type }) => type === "tool.finished")
  print("")
  print(
    `Tools that ran: ${tools.map(({ name, ok }) => `${name}${ok ? "" : " (failed)"}`).join(", ") || "none"}`,
  )
  for (const problem of summary.problems) print(`Problem: ${problem}`)
  return summary.problems.length === 0 ? 0 : 1
}

function eventLine({ at, who, text, note }: ScenarioEvent, startedAt: number): string {
  const seconds = ((at - startedAt) / 1000).toFixed(1).padStart(5)
  return `${seconds} s  ${who.padEnd(6)}  ${text}${note ? `  [${note}]` : ""}`
}

async function json(url: string): Promise<unknown> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return answer.json()
}
