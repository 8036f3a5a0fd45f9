/** The printed lines of a simulated call. */

import { z } from "zod"
import type { CallEvent, RecordedEvent } from "../call/events.ts"
import type { Config } from "../config/config.ts"
import { adviceForEvent } from "../control/failure-log.ts"
import type { ScenarioEvent } from "../sim/scenario.ts"
import type { SimulatedCall } from "../sim/simulated-call.ts"

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

/** Prints what a call does besides speaking: latencies, tool runs, failures with their fix, transfers. */
export function printCallEvents(
  config: Config,
  print: (line: string) => void,
): (event: RecordedEvent) => void {
  const firstTokens = new Map<string, number>()
  return function onEvent({ event }) {
    if (event.type === "reply.first-token") firstTokens.set(event.replyId, event.tookMs)
    const line = lineOf(event, firstTokens)
    if (event.type === "reply.finished") firstTokens.delete(event.replyId)
    if (line !== undefined) print(`  [${line}]`)
    const advice = adviceForEvent(config, event)
    if (!advice) return
    print(`  ! ${advice.cause}. ${advice.fix}`)
    if ("message" in event) print(`    ${(event.message ?? "").replaceAll(/\s+/g, " ").slice(0, 300)}`)
  }
}

function lineOf(event: CallEvent, firstTokens: ReadonlyMap<string, number>): string | undefined {
  if (event.type === "reply.finished") {
    const first = firstTokens.get(event.replyId)
    const answer = `answer ${event.outcome} after ${Math.round(event.tookMs)} ms`
    return first === undefined ? answer : `first token after ${Math.round(first)} ms, ${answer}`
  }
  if (event.type === "tool.finished")
    return `tool ${event.name}: ${event.ok ? "ok" : "failed"}, ${Math.round(event.tookMs)} ms`
  if (event.type === "agent.changed") return `context ${event.contextKey}, manifest ${event.manifestKey}`
  if (event.type === "transfer.started") return `transfer to ${event.to}`
  return event.type === "transfer.failed" ? `transfer failed: ${event.reason}` : undefined
}

/** Prints every change of the language. */
export function printLanguages(leg: SimulatedCall, print: (line: string) => void): void {
  leg.frames.listen(({ message }) => {
    if (message?.type !== "language") return
    const { ttsLanguage, transcriptionLanguage } = message
    const parts = [
      ...(ttsLanguage === undefined ? [] : [`speaks ${ttsLanguage}`]),
      ...(transcriptionLanguage === undefined ? [] : [`understands ${transcriptionLanguage}`]),
    ]
    print(`  [language: the agent ${parts.join(" and ")}]`)
  })
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
