/**
 * OpenAI's Responses API in a process of its own, for loads: thinks, then streams stamped words at a steady pace. It
 * takes the events from the strict fake of the tests, and reports what only the model's side can see.
 */

import { z } from "zod"
import { responsesWire } from "../../test/fakes/openai-wire.ts"
import { sinceStamp, stampOf, wallMs } from "./wall-clock.ts"

/** How the model answers. Times in milliseconds. */
export const Plan = z.object({ thinkMs: z.number(), gapMs: z.number(), words: z.int() })
export type Plan = z.infer<typeof Plan>

/** What was seen since the last report. */
export const Report = z.object({
  /** From the sending of each prompt to the arrival of its request. */
  promptToRequestMs: z.array(z.number()),
  /** Prompts whose exchange the server broke off, each with the moment. */
  aborted: z.array(z.tuple([z.string(), z.number()])),
  /** Most exchanges open at once. */
  mostOpen: z.number(),
})
export type Report = z.infer<typeof Report>

/** How a prompt begins, so that the model knows its call and the time it was sent. */
export function promptOf(tag: string, sentAtMs: number): string {
  return `Question ${tag} ${stampOf(sentAtMs)}`
}

type Stream = { dueMs: number; left: number; write: (text: string) => void; end: () => void }

const WORD = "WORD"

if (import.meta.main) await serveModel()

async function serveModel(): Promise<void> {
  const { before, delta, after } = await wire()
  const streams = new Set<Stream>()
  let plan: Plan = { thinkMs: 100, gapMs: 20, words: 40 }
  let report: Report = { promptToRequestMs: [], aborted: [], mostOpen: 0 }
  let open = 0

  // One timer for all; each stream keeps its own phase, as streams of real callers do.
  setInterval(() => {
    const now = wallMs()
    for (const stream of streams) {
      if (stream.dueMs > now) continue
      stream.dueMs += plan.gapMs
      stream.left -= 1
      if (stream.left >= 0) stream.write(delta.replace(WORD, ` ${stampOf(wallMs())}`))
      else {
        stream.write(after)
        stream.end()
      }
    }
  }, 1)

  async function answer(request: Request): Promise<Response> {
    const arrivedAt = wallMs()
    open += 1
    report.mostOpen = Math.max(report.mostOpen, open)
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    let tag = ""
    request.signal.addEventListener("abort", () => {
      report.aborted.push([tag, wallMs()])
      end()
    })
    const body = await request.text()
    const [, found = "", stamp = ""] =
      /^Question (\S+) (\w{6})/.exec(body.slice(body.lastIndexOf("Question "))) ?? []
    tag = found
    report.promptToRequestMs.push(sinceStamp(stamp, arrivedAt) ?? Number.NaN)
    const content = new ReadableStream({
      type: "direct",
      async pull(controller) {
        const write = (text: string) => {
          // A caller that is gone has ended the exchange already.
          Promise.all([controller.write(text), controller.flush()]).catch(end)
        }
        const stream = { dueMs: arrivedAt + plan.thinkMs, left: plan.words, write, end }
        write(before)
        streams.add(stream)
        await over
        streams.delete(stream)
        open -= 1
        controller.close()
      },
    })
    return new Response(content, { headers: { "content-type": "text/event-stream" } })
  }

  Bun.serve({
    port: Number(process.env["PORT"]),
    hostname: "127.0.0.1",
    idleTimeout: 0,
    routes: {
      "/health": () => new Response("ok"),
      "/plan": {
        PUT: async (request) => {
          plan = Plan.parse(await request.json())
          return new Response(null, { status: 204 })
        },
      },
      "/report": () => {
        const answer = Response.json(report)
        report = { promptToRequestMs: [], aborted: [], mostOpen: open }
        return answer
      },
      "/v1/responses": { POST: answer },
    },
  })
}

/** One answer of a single word, cut at that word. */
async function wire(): Promise<{ before: string; delta: string; after: string }> {
  const events: string[] = []
  const script = { steps: [{ say: [WORD] }] }
  for await (const event of responsesWire(script, { model: "bench", store: false }, 1)) events.push(event)
  const at = events.findIndex((event) => event.includes("response.output_text.delta"))
  const [delta = ""] = events.slice(at, at + 1)
  return { before: events.slice(0, at).join(""), delta, after: events.slice(at + 1).join("") }
}
