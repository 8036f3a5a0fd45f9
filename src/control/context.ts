/** What the steps of a call's life share: where calls are kept, how Twilio is reached, and what the settings are. */

import type { Assets } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { CallEvent } from "../call/events.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Recorder } from "../call/recorder.ts"
import type { Config } from "../config.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Store } from "../store/store.ts"
import type { TwilioRest } from "../twilio/rest.ts"

export type ControlContext = {
  config: Config
  store: Store
  recorder: Recorder
  assets: Assets
  liveCalls: LiveCalls
  /** Undefined without credentials: then no call can be placed or changed from here. */
  twilio: TwilioRest | undefined
  /** `http` or `https` address under which Twilio reaches this server, without a slash at its end. */
  publicUrl: () => string
  /** Set while the server shuts down: no new conversation begins. */
  draining: () => boolean
  sweep: Sweep
  log: Log
}

/** Our number on the call. */
export function ownNumberOf(call: Call): string {
  return call.direction === "inbound" ? call.to : call.from
}

/** Publishes an event of a call. */
export function publish({ recorder, sweep }: ControlContext, call: Call, event: CallEvent): void {
  recorder.event({ callId: call.id, callSid: call.sid, at: sweep.clock.now(), event })
}
