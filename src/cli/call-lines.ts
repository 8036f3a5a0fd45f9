/** The printed lines of a simulated call. */

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

/** Prints the transcript that the API of the server at `url` returns. Throws an `Error` when a request fails. */
export async function printTranscript(
  url: string,
  callSid: string,
  print: (line: string) => void,
): Promise<void> {
  const path = `/v1/calls/${callSid}`
  const transcript = Transcript.parse(await json(`${url}${path}/transcript`))
  print("")
  print(`The stored transcript (GET ${path}/transcript):`)
  print("")
  for (const { speaker, text, interrupted, latency } of transcript.turns) {
    const wait =
      latency?.firstTokenMs === undefined ? "" : `   (first token after ${latency.firstTokenMs} ms)`
    print(
      `  ${speaker.padEnd(6)}  ${text}${interrupted ? " — interrupted here, as the caller heard it" : ""}${wait}`,
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
