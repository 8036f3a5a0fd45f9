/** The summary of a simulated call that has ended. */

import type { CallSid } from "../call/ids.ts"
import type { CallStatus } from "../call/status.ts"
import type { StreamEnd } from "./media/media-leg.ts"
import type { RelayEnd } from "./relay/relay-leg.ts"
import type { HeardItem } from "./relay/speech-playout.ts"

export type CallSummary = {
  callSid: CallSid
  status: CallStatus
  seconds: number
  /** Names of the verbs in the order they ran. */
  verbs: string[]
  /** All speech as far as it was heard, one utterance a line. */
  heard: string
  /** Frames of relay sessions in both directions. */
  frames: number
  sockets: number
  sessions: RelayEnd[]
  streams: StreamEnd[]
  /** What Twilio's debugger would show: failed webhooks, TwiML it cannot read, sessions that failed. */
  problems: string[]
}

/** The words of all speech, without audio and digits. */
export function heardSpeech(spoken: readonly HeardItem[]): string {
  const speech = spoken.filter(({ source }) => source !== "audio" && source !== "digits")
  return speech.map(({ text }) => text.trim()).join("\n")
}
