/** `/v1/calls/:sid/transcript`: what was said in a call, as far as it was heard. */

import { Hono } from "hono"
import { z } from "zod"
import type { Call } from "../../call/call.ts"
import { CallStatus } from "../../call/status.ts"
import type { Turn } from "../../call/turn.ts"
import type { Store } from "../../store/store.ts"
import type { Env, ServerContext } from "../context.ts"
import { CALL_ERRORS, CALL_PARAMS, CALL_SID, findCall } from "./find-call.ts"
import { named, operation, query } from "../openapi/operation.ts"
import { isoOf } from "./time.ts"

const TURN_EXAMPLE = {
  speaker: "agent" as const,
  kind: "speech" as const,
  text: "I have pressed 1 2 3.",
  interrupted: false,
  lang: null,
  startedAt: "2026-11-20T19:37:33.778Z",
  endedAt: "2026-11-20T19:37:33.840Z",
  latency: { toolMs: 1, firstTokenMs: 21, lastTokenMs: 83 },
}

export const TurnView = named(
  "Turn",
  z.object({
    speaker: z.enum(["caller", "agent", "system"]),
    kind: z.enum(["speech", "keypad"]),
    text: z.string().describe("What was heard, not what was generated"),
    interrupted: z.boolean().describe("The caller interrupted this turn; `text` ends there"),
    lang: z.string().nullable().describe("Language as the recogniser reports it"),
    startedAt: z.iso.datetime(),
    endedAt: z.iso
      .datetime()
      .nullable()
      .describe("When it was heard to its end; while the agent still speaks, when that is expected, or null"),
    latency: z
      .object({
        firstTokenMs: z.number().optional(),
        lastTokenMs: z.number().optional(),
        toolMs: z.number().optional(),
      })
      .nullable()
      .describe("Milliseconds from the end of the caller's speech"),
  }),
  TURN_EXAMPLE,
)

const TranscriptView = named(
  "Transcript",
  z.object({ callSid: z.string().nullable(), status: CallStatus, turns: z.array(TurnView) }),
  { callSid: CALL_SID, status: "in-progress", turns: [TURN_EXAMPLE] },
)

const TranscriptQuery = z.strictObject({
  part: z
    .enum(["conversation", "ivr"])
    .default("conversation")
    .describe("`ivr`: what was heard and answered in the phone menu of the called party instead"),
  format: z.enum(["json", "text"]).default("json").describe("`text`: lines `Caller: …` and `Agent: …`"),
})

export function transcriptRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { store } = context.control

  app.get(
    "/v1/calls/:sid/transcript",
    operation({
      id: "getTranscript",
      tag: "Transcripts",
      summary: "Read what was said, as far as it was heard; also during the call",
      params: CALL_PARAMS,
      responses: {
        200: {
          description: "The turns in order",
          schema: TranscriptView,
          texts: { "text/plain": "Caller: Please press 1 2 3 for me\n\nAgent: I have pressed 1 2 3.\n" },
        },
      },
      errors: CALL_ERRORS,
    }),
    query(TranscriptQuery),
    async (c) => {
      const call = await findCall(context, c)
      const { part, format } = c.req.valid("query")
      const turns = await (part === "ivr" ? ivrTurns(store, call) : store.transcripts.of(call.id))
      // Without an explicit status Hono leaves the content type to Bun, which drops it.
      return format === "text" ? c.text(transcriptText(turns), 200) : c.json(transcriptView(call, turns))
    },
  )

  return app
}

/** What was heard and answered in a phone menu. */
export async function ivrTurns({ turns }: Pick<Store, "turns">, { id }: Call): Promise<Turn[]> {
  return (await turns.of(id)).filter(({ kind }) => kind === "ivr")
}

export function transcriptView(call: Call, turns: readonly Turn[]): z.infer<typeof TranscriptView> {
  return {
    callSid: call.sid,
    status: call.status,
    turns: turns.map(({ speaker, kind, text, interrupted, lang, startedAt, endedAt, latency }) => ({
      speaker,
      kind: kind === "keypad" ? "keypad" : "speech",
      // A turn that is not finished may end in a blank.
      text: text.trimEnd(),
      interrupted,
      lang,
      startedAt: new Date(startedAt).toISOString(),
      endedAt: isoOf(endedAt),
      latency,
    })),
  }
}

/** Lines `Caller: …` and `Agent: …` with a blank line between them. */
function transcriptText(turns: readonly Turn[]): string {
  const lines = turns.map(({ speaker, kind, text, interrupted }) => {
    const who = speaker === "caller" ? "Caller" : "Agent"
    return `${who}: ${kind === "keypad" ? `[keypad] ${text}` : text.trimEnd()}${interrupted ? " —" : ""}`
  })
  return lines.length === 0 ? "" : `${lines.join("\n\n")}\n`
}
