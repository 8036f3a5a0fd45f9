/** Receives the audio of a call from an engine. Implemented by the observers. */

import type { CallId } from "./ids.ts"

export interface AudioTap {
  /** Whether anybody listens to the call: one look into a map, made for every frame. */
  hasListeners(callId: CallId): boolean
  /** What the caller said: mu-law 8 kHz in Base64, as in Twilio's `media`. Never throws and never waits. */
  inbound(callId: CallId, payload: string): void
  /** What the agent says, in the same form. Never throws and never waits. */
  outbound(callId: CallId, payload: string): void
}
