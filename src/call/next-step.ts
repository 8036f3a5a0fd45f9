/** What a call does next, as data. Control returns it; `renderNextStep` in `twilio/twiml.ts` turns it into TwiML. */

import type { TransferTarget } from "./transfer-target.ts"

export type AttributeValue = string | number | boolean | null | undefined

/** Something the caller hears: a text, or an audio file. */
export type VoicePrompt =
  | {
      kind: "text"
      text: string
      /** As in `en-US`; undefined: that of the voice or of the account. */
      language?: string | undefined
      /** As Twilio names it, such as `Polly.Joanna-Neural`; undefined: the account's. */
      voice?: string | undefined
    }
  | { kind: "audio"; url: string }

export type NextStep =
  | ConnectRelay
  | ConnectStream
  /** Speaks a sentence, if it is not blank, and continues with `then`. */
  | { kind: "say"; text: string; then: NextStep }
  /** What a menu says, then what it does. */
  | { kind: "prompt"; prompts: readonly VoicePrompt[]; then: NextStep }
  | GatherInput
  | RecordMessage
  | Transfer
  /** Requests the next step again under another URL. An unanswered call rings on for `afterSeconds`, whole seconds. */
  | { kind: "redirect"; url: string; afterSeconds: number }
  | { kind: "hang-up" }
  /** No instruction: the call is over, or a called person is connected to the caller. */
  | { kind: "nothing" }

/** Collects keys and speech while the prompts play. Twilio requests the following step with the input, or without any. */
export type GatherInput = {
  kind: "gather"
  prompts: readonly VoicePrompt[]
  actionUrl: string
  input: readonly ("dtmf" | "speech")[]
  numDigits?: number | undefined
  /** A key; empty: every key is input. */
  finishOnKey: string
  timeoutSeconds: number
  language: string
  hints: readonly string[]
}

/** Records a message after the prompts and a beep. */
export type RecordMessage = {
  kind: "record"
  prompts: readonly VoicePrompt[]
  /** Twilio requests the following step here, also when nothing was said and when the caller has hung up. */
  actionUrl: string
  /** Receives by POST that the recording can be fetched, and what was said. */
  recordingUrl: string
  maxSeconds: number
  /** Silence that ends the message. */
  silenceSeconds: number
  /** A key; empty: none ends the message. */
  finishOnKey: string
  transcribe: boolean
}

/** Connects the call to a conversation over ConversationRelay. */
export type ConnectRelay = {
  kind: "connect-relay"
  /** `wss://`, without a query. */
  url: string
  /** Twilio requests the following step here when the session has ended, for whatever reason. */
  actionUrl: string
  /** Spoken before the first frame; undefined or empty when the caller is to speak first. */
  greeting?: string | undefined
  /** Further attributes by their documented names; `url` and `welcomeGreeting` among them are ignored. */
  attributes: Readonly<Record<string, AttributeValue>>
  /** One `<Language>` each; those without a code are ignored. */
  languages: readonly ({ readonly code: string } & Readonly<Record<string, AttributeValue>>)[]
  /** One `<Parameter>` each. Twilio's logs show them: no secrets. */
  parameters: Readonly<Record<string, string>>
}

/** Connects the call to a bidirectional media stream. */
export type ConnectStream = {
  kind: "connect-stream"
  /** `wss://`, without a query, which Twilio would strip. */
  url: string
  /** Twilio requests the following step here when the stream has ended and the call has not. */
  nextUrl: string
  /** One `<Parameter>` each; those that are too long for Twilio are left out. */
  parameters: Readonly<Record<string, string>>
}

/** Connects the caller to a person, a queue or a workflow. */
export type Transfer = {
  kind: "transfer"
  target: TransferTarget
  /** Twilio requests the following step here when the transfer has ended or failed. */
  actionUrl: string
  /** Twilio requests here what the called person hears first; only for a number or a SIP address. */
  whisperUrl: string
  /** Longest ringing, in seconds. */
  timeoutSeconds: number
  /** The number that the called person sees; undefined: the caller's. */
  callerId?: string | undefined
  /** The attributes of the task that a workflow receives. */
  task: Readonly<Record<string, string>>
}
