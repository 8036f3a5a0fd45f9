/** What the API shows of calls, turns and events: the schemas are the documentation too. */

import { z } from "zod"
import type { Call } from "../../call/call.ts"
import { ENGINES } from "../../call/engine.ts"
import type { RecordedEvent } from "../../call/events.ts"
import { CallStatus } from "../../call/status.ts"
import type { Turn } from "../../call/turn.ts"
import type { Usage } from "../../call/usage.ts"

const time = z.iso.datetime().nullable()

export const CallView = z
  .object({
    callSid: z.string().nullable().describe("Twilio's SID; null until Twilio has answered"),
    id: z.string().describe("Our own id, known before the SID"),
    direction: z.enum(["inbound", "outbound"]),
    status: CallStatus,
    from: z.string(),
    to: z.string(),
    agent: z.string(),
    engine: z.enum(ENGINES),
    parameters: z.record(z.string(), z.string()),
    userId: z.string().nullable(),
    createdAt: z.iso.datetime(),
    answeredAt: time,
    endedAt: time,
    durationSeconds: z.number().nullable(),
    endedBy: z.enum(["caller", "agent", "api", "limit", "silence", "system"]).nullable(),
    endReason: z.string().nullable(),
    resumes: z.number().int().describe("How often the conversation was taken up again after a lost socket"),
    live: z.boolean().describe("Whether a conversation is running now"),
    webhook: z
      .enum(["pending", "delivered", "failed"])
      .nullable()
      .describe("Delivery to WEBHOOK_URL; null: none is due"),
  })
  .meta({ id: "Call" })
export type CallView = z.infer<typeof CallView>

export const TurnView = z
  .object({
    speaker: z.enum(["caller", "agent", "system"]),
    kind: z.enum(["speech", "keypad"]),
    text: z.string().describe("What was heard, not what was generated"),
    interrupted: z.boolean(),
    lang: z.string().nullable(),
    startedAt: z.iso.datetime(),
    endedAt: time,
    latency: z
      .object({
        firstTokenMs: z.number().optional(),
        lastTokenMs: z.number().optional(),
        toolMs: z.number().optional(),
      })
      .nullable()
      .describe("Milliseconds from the end of the caller's words"),
  })
  .meta({ id: "Turn" })

export const TranscriptView = z
  .object({ callSid: z.string().nullable(), status: CallStatus, turns: z.array(TurnView) })
  .meta({ id: "Transcript" })

export const EventView = z
  .looseObject({ id: z.number().int(), at: z.iso.datetime(), type: z.string() })
  .describe("One fact of a call; further fields depend on the type")
  .meta({ id: "Event" })

export const UsageView = z
  .object({
    callSid: z.string().nullable(),
    usage: z.array(
      z.object({
        kind: z.enum(["realtime", "chat", "transcription", "speech"]),
        model: z.string(),
        amounts: z.record(z.string(), z.number()).describe("Tokens, seconds and characters by name"),
        cost: z.number().nullable().describe("US dollars, an estimate; null where no price is known"),
      }),
    ),
    costUsd: z.number().nullable().describe("Sum of the known costs; null where none is known"),
  })
  .meta({ id: "Usage" })

export function usageView(call: Call, usage: readonly Usage[]): z.infer<typeof UsageView> {
  const costs = usage.flatMap(({ cost }) => cost ?? [])
  return {
    callSid: call.sid,
    usage: [...usage],
    costUsd: costs.length === 0 ? null : costs.reduce((sum, cost) => sum + cost, 0),
  }
}

export function callView(call: Call, live: boolean, webhook: CallView["webhook"] = null): CallView {
  const { id, sid, direction, status, from, to, agent, engine, parameters, userId, resumes } = call
  const { durationSeconds, endedBy, endReason } = call
  return {
    callSid: sid,
    id,
    direction,
    status,
    from,
    to,
    agent,
    engine,
    parameters,
    userId,
    createdAt: new Date(call.createdAt).toISOString(),
    answeredAt: isoOf(call.answeredAt),
    endedAt: isoOf(call.endedAt),
    durationSeconds,
    endedBy,
    endReason,
    resumes,
    live,
    webhook,
  }
}

export function transcriptView(call: Call, turns: readonly Turn[]): z.infer<typeof TranscriptView> {
  return {
    callSid: call.sid,
    status: call.status,
    turns: turns.map(({ speaker, kind, text, interrupted, lang, startedAt, endedAt, latency }) => ({
      speaker,
      kind: kind === "keypad" ? "keypad" : "speech",
      // The end of a turn that is still being said may be a blank.
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
export function transcriptText(turns: readonly Turn[]): string {
  const lines = turns.map(({ speaker, kind, text, interrupted }) => {
    const who = speaker === "caller" ? "Caller" : "Agent"
    return `${who}: ${kind === "keypad" ? `[keypad] ${text}` : text.trimEnd()}${interrupted ? " —" : ""}`
  })
  return lines.length === 0 ? "" : `${lines.join("\n\n")}\n`
}

export function eventView({ id, at, event }: RecordedEvent & { id: number }): z.infer<typeof EventView> {
  return { id, at: new Date(at).toISOString(), ...event }
}

function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
