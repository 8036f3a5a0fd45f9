/** The definition of a tool: its name, a schema for its arguments, and what it does. */

import type { z } from "zod"
import type { CallId, CallSid } from "../call/ids.ts"
import type { SessionEnd } from "../call/session-end.ts"

/** An action on the call itself. Each engine implements it. */
export type CallAction =
  | VoiceAction
  | LiveUpdateAction
  /** Ends the conversation once everything said before it was heard. */
  | { type: "end-call"; end: SessionEnd }

/** Actions that reach the other party. */
export type VoiceAction =
  /** Touch tones: `0`–`9`, `*`, `#`, and `w` for half a second of pause. */
  | { type: "send-digits"; digits: string }
  | {
      type: "play-media"
      source: string
      loop?: number | undefined
      preemptible?: boolean | undefined
      interruptible?: boolean | undefined
    }
  | {
      type: "switch-language"
      ttsLanguage?: string | undefined
      transcriptionLanguage?: string | undefined
    }

/** Actions that change the agent of the call. */
export type LiveUpdateAction =
  /** Mutes or unmutes what the agent says. */
  | { type: "set-listen-mode"; enabled: boolean }
  /** Reminders to a silent caller on or off. */
  | { type: "set-silence-detection"; enabled: boolean }
  /** Another context, and its tools where a manifest is named; `summary` joins the conversation. */
  | {
      type: "change-context"
      contextKey: string
      manifestKey?: string | undefined
      summary?: string | undefined
    }

export type ToolOutcome =
  /** `value` is what the model reads. `action` is carried out before the model continues, `end-call` after. */
  | { ok: true; value: { message: string; [key: string]: unknown }; action?: CallAction }
  /** `message` is a sentence for the model. `status`: HTTP status of a service that refused. */
  | { ok: false; code: string; message: string; status?: number }

export type ToolContext = {
  callId: CallId
  callSid: CallSid | null
  /** The caller's number, or the called person's, as Twilio gave it. */
  peer: string
  /** The number of the caller, as verified if it was; undefined: it is withheld or none. */
  caller?: string | undefined
  /** Why the conversation must not switch to the context or manifest of these keys; undefined when it may. */
  changeRefusal: (keys: { contextKey: string; manifestKey?: string | undefined }) => string | undefined
  /** Undefined without a Twilio account. */
  sms: SmsSender | undefined
  /** Undefined where the caller has no number. */
  remember?: Remember | undefined
  /** Aborted when the time limit is reached. */
  signal: AbortSignal
}

/** What the model wants to be remembered of the caller. */
export type Remembered = {
  note?: string | undefined
  name?: string | undefined
  language?: string | undefined
}

/** Keeps something of the caller for later calls. Rejects when the store fails. */
export type Remember = (facts: Remembered) => Promise<void>

export type SmsSender = {
  /** Sends a message, or says why none may go to this number now. Rejects with the failure of Twilio. */
  send: (recipient: string, message: string) => Promise<SmsResult>
}

export type SmsResult =
  | { outcome: "sent"; to: string; sid: string; status: string }
  /** `reason`: for the model. */
  | { outcome: "refused"; reason: string }

export interface Tool<Arguments = unknown> {
  readonly name: string
  /** Checks the arguments that the model sent. */
  readonly parameters: z.ZodType<Arguments>
  run(args: Arguments, context: ToolContext): ToolOutcome | Promise<ToolOutcome>
}

/** A tool in the registry, with its argument type hidden. */
export interface AnyTool {
  readonly name: string
  /** Checks the JSON text of the arguments and runs the tool. Never throws for bad arguments; may throw from its work. */
  call(argumentsJson: string, context: ToolContext): Promise<ToolOutcome>
}

/** Builds a tool from its definition. */
export function defineTool<Arguments>(tool: Tool<Arguments>): AnyTool {
  return {
    name: tool.name,
    async call(argumentsJson, context) {
      let given: unknown
      try {
        given = argumentsJson.trim() === "" ? {} : JSON.parse(argumentsJson)
      } catch {
        return { ok: false, code: "INVALID_ARGUMENTS", message: "The arguments are not valid JSON." }
      }
      const parsed = tool.parameters.safeParse(given)
      if (!parsed.success) {
        const faults = parsed.error.issues.map((issue) =>
          [issue.path.join("."), issue.message].filter(Boolean).join(": "),
        )
        return { ok: false, code: "INVALID_ARGUMENTS", message: faults.join("; ") }
      }
      return tool.run(parsed.data, context)
    },
  }
}
