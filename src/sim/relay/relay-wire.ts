/**
 * The frames of a ConversationRelay socket as Twilio sends and checks them. It is written from Twilio's side on
 * purpose and shares nothing with the server's codec, so that each reveals mistakes of the other.
 * Source: Twilio "WebSocket messages for ConversationRelay".
 */

import { z } from "zod"

const flags = { interruptible: z.boolean().optional(), preemptible: z.boolean().optional() }

export const ServerMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("text"),
    token: z.string(),
    last: z.boolean().optional(),
    lang: z.string().optional(),
    ...flags,
  }),
  z.object({
    type: z.literal("play"),
    source: z.string().min(1),
    loop: z.int().min(0).max(1_000).optional(),
    ...flags,
  }),
  z.object({ type: z.literal("sendDigits"), digits: z.string().regex(/^[0-9*#w]+$/) }),
  z
    .object({
      type: z.literal("language"),
      ttsLanguage: z.string().optional(),
      transcriptionLanguage: z.string().optional(),
    })
    .refine((message) => message.ttsLanguage !== undefined || message.transcriptionLanguage !== undefined),
  z.object({ type: z.literal("end"), handoffData: z.string().optional() }),
  // Their fields are not published; the simulator takes them without effect.
  z.looseObject({ type: z.literal("config") }),
  z.looseObject({ type: z.literal("hints") }),
])
export type ServerMessage = z.infer<typeof ServerMessage>

export type Setup = {
  type: "setup"
  sessionId: string
  accountSid: string
  parentCallSid: string
  callSid: string
  from: string
  to: string
  forwardedFrom: string
  callType: string
  callerName: string
  direction: string
  /** In upper case: `RINGING` for the first session of an inbound call, `IN_PROGRESS` later. */
  callStatus: string
  customParameters: Record<string, string>
}

export type TwilioMessage =
  | Setup
  | { type: "prompt"; voicePrompt: string; lang: string; last: boolean }
  | { type: "dtmf"; digit: string }
  | { type: "interrupt"; utteranceUntilInterrupt: string; durationUntilInterruptMs: number }
  | { type: "error"; description: string }
  | { type: "info"; name: "agentSpeaking" | "clientSpeaking" | "tokensPlayed"; value: string }

/** One text frame of one session, in either direction. */
export type Frame = {
  /** Milliseconds since the epoch. */
  at: number
  from: "twilio" | "server"
  sessionId: string
  /** As it was on the wire. */
  text: string
  /** Undefined for a frame of the server that Twilio would refuse, and for one sent by `sendRaw`. */
  message: ServerMessage | TwilioMessage | undefined
}

/** A frame of the server, or undefined where Twilio answers with error 64107: no JSON, unknown type, wrong fields. */
export function parseServerMessage(text: string): ServerMessage | undefined {
  try {
    return ServerMessage.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Which input of the caller may stop the agent's speech. */
export type Interruptible = "none" | "dtmf" | "speech" | "any"

/** An attribute such as `interruptible`; the booleans of early documents still count. */
export function parseInterruptible(value: string | undefined, fallback: Interruptible): Interruptible {
  if (value === "true") return "any"
  if (value === "false") return "none"
  return value === "none" || value === "dtmf" || value === "speech" || value === "any" ? value : fallback
}

export function allows(interruptible: Interruptible, input: "speech" | "dtmf"): boolean {
  return interruptible === "any" || interruptible === input
}
