/** The lines in which the command line tells of a simulated call. */

import { z } from "zod"
import type { ScenarioEvent } from "../sim/scenario.ts"

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

export function eventLine({ at, who, text, note }: ScenarioEvent, startedAt: number): string {
  const seconds = ((at - startedAt) / 1000).toFixed(1).padStart(5)
  return `${seconds} s  ${who.padEnd(6)}  ${text}${note ? `  [${note}]` : ""}`
}

/** What the server at `url` keeps of a call, asked over its own API. Throws an `Error` when it does not answer. */
export async function printTranscript(
  url: string,
  callSid: string,
  print: (line: string) => void,
): Promise<void> {
  const path = `/v1/calls/${callSid}`
  const transcript = Transcript.parse(await json(`${url}${path}/transcript`))
  print("")
  print(`What the server keeps of it (GET ${path}/transcript):`)
  print("")
  for (const { speaker, text, interrupted, latency } of transcript.turns) {
    const wait = latency?.firstTokenMs === undefined ? "" : `   (first word after ${latency.firstTokenMs} ms)`
    print(
      `  ${speaker.padEnd(6)}  ${text}${interrupted ? " — cut off here, as the caller heard it" : ""}${wait}`,
    )
  }
}

export async function printTools(url: string, callSid: string, print: (line: string) => void): Promise<void> {
  const { events } = Events.parse(await json(`${url}/v1/calls/${callSid}/events`))
  const tools = events.filter(({ type }) => type === "tool.finished")
  const names = tools.map(({ name, ok }) => `${name}${ok ? "" : " (failed)"}`)
  print("")
  print(`Tools that ran: ${names.join(", ") || "none"}`)
}

async function json(url: string): Promise<unknown> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return answer.json()
}
