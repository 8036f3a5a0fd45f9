/** Where a call is in its menus, as it is stored. */

import type { Parameters } from "./call.ts"
import type { VoicePrompt } from "./next-step.ts"

/** What a question takes. */
export type MenuQuestion = {
  input: readonly ("dtmf" | "speech")[]
  /** The input ends after so many keys; undefined: it ends with `finishOnKey` or a pause. */
  numDigits?: number | undefined
  /** A key that ends the input; empty: none does. */
  finishOnKey: string
  /** Seconds of silence after the prompts, and between keys. */
  timeoutSeconds: number
  /** Of the speech, as in `en-US`. */
  language: string
  /** Words that the recogniser is to expect. */
  hints: readonly string[]
}

/** What the call does at this step. */
export type MenuAction =
  | ({ kind: "ask" } & MenuQuestion)
  /** Takes a message. */
  | { kind: "record"; maxSeconds: number; silenceSeconds: number; finishOnKey: string; transcribe: boolean }
  /** Connects to an agent; null: that of the call. */
  | { kind: "agent"; agent: string | null }
  /** `failed`: the step that follows when the call is not answered; null: as the agent says. */
  | { kind: "transfer"; to: string; failed: string | null }
  | { kind: "hang-up"; reason: string }

export type MenuState = {
  menu: string
  /** Version of the menu that the call began with. */
  version: string
  /** Addresses that Twilio posts input to: Parley's own, or those of the earlier system. */
  paths: "menus" | "earlier-system"
  language: string
  step: string
  /** `confirm`: the step has read the input back and waits for yes or no. */
  phase: "collect" | "confirm"
  /** The input that is to be confirmed. */
  entered: { value: string; shown: string } | null
  /** Failed attempts at this step, and at its read-back. */
  failures: number
  unclear: number
  /** What the caller has entered so far, by name. */
  values: Parameters
  /** Names of values that no event and no person is shown. Absent in states of earlier versions. */
  secrets?: readonly string[]
  /** A number that was checked, to be stored as the caller's. */
  verifiedNumber: string | null
  /** Requests that the menus of this call have answered. */
  answers: number
  /** Spoken first. */
  prompts: readonly VoicePrompt[]
  action: MenuAction
}
