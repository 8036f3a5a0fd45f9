/** What the functions of this folder share: store, Twilio client, assets and configuration. */

import type { Agent, Assets } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { CallSlots } from "../call/call-slots.ts"
import type { CallEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Prices } from "../call/price.ts"
import type { Recorder } from "../call/recorder.ts"
import type { Config } from "../config/config.ts"
import type { KeyedQueue } from "../lib/keyed-queue.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Store } from "../store/store.ts"
import type { CustomerApi } from "../customer-api/customer-api.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import { withOtherProviders } from "./other-provider.ts"
import type { CallMenus } from "./call-menus.ts"
import type { HangUpCauses } from "./hang-up-causes.ts"
import type { Placements } from "./placements.ts"

export type ControlContext = {
  config: Config
  store: Store
  recorder: Recorder
  assets: Assets
  /** What models cost. */
  prices: Prices
  /** Sessions of this process. */
  liveCalls: LiveCalls
  slots: CallSlots
  /** Undefined without credentials: then this server can neither place nor change calls. */
  twilio: TwilioRest | undefined
  /** Undefined without CUSTOMER_API_URL. */
  customerApi: CustomerApi | undefined
  /** Changes of one caller, by user and number, are carried out in the order in which they arrive. */
  callerQueue: KeyedQueue
  /** The account's numbers, as far as they are known. Never rejects. */
  ownNumbers: () => Promise<readonly string[]>
  /** `http` or `https` address under which Twilio reaches this server, without a trailing slash. */
  publicUrl: () => string
  /** Whether the server is shutting down: no new conversation starts. */
  draining: () => boolean
  /** Calls whose sessions this process closed so that the next one resumes them, until Twilio asks what follows. */
  moving: Set<CallId>
  /** Requests of Twilio's about one call, by its SID, are carried out in the order in which they arrive. */
  callQueue: KeyedQueue
  /** Keypad and speech menus. */
  menus: CallMenus
  placements: Placements
  hangUpCauses: HangUpCauses
  sweep: Sweep
  log: Log
}

/**
 * The agent of a call, without speech providers that failed in it; the agent of its number where the configuration does
 * not contain it any more.
 */
export function agentOf({ assets, log }: ControlContext, call: Call): Agent {
  const number = ownNumberOf(call)
  const choose = () => {
    try {
      return assets.agentFor({ agent: call.agent, number })
    } catch (error) {
      log.error("agent not found, using the agent of the number", { callSid: call.sid, error })
      return assets.agentFor({ number })
    }
  }
  return (call.speechErrors ?? []).reduce((agent, code) => withOtherProviders(agent, code), choose())
}

/** Our number on the call. */
export function ownNumberOf(call: Call): string {
  return call.direction === "inbound" ? call.to : call.from
}

/** Publishes an event of a call. */
export function publish({ recorder, sweep }: ControlContext, call: Call, event: CallEvent): void {
  recorder.event({ callId: call.id, callSid: call.sid, at: sweep.clock.now(), event })
}
