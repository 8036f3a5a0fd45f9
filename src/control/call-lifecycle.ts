/** Takes what the sessions of calls report into the records of the calls. */

import { priced } from "../call/price.ts"
import type { CallLifecycle } from "../conversation/call-lifecycle.ts"
import { retryWhileLocked } from "../store/busy-retry.ts"
import type { ControlContext } from "./context.ts"
import { recordAssetVersions } from "./record-asset-versions.ts"
import { sessionOpened } from "./report-status.ts"
import { recordSessionEnd } from "./session-ended.ts"
import { sessionStartOf } from "./session-start.ts"
import { smsSenderFor, smsSentIn } from "./sms.ts"
import { callerLeft } from "./watch-calls.ts"

/** Reports are written at once, or as soon as the database can be written. */
export function createCallLifecycle(context: ControlContext): CallLifecycle {
  const { store, prices, sweep, log } = context
  const write = (label: string, work: () => void) => log.background(label, retryWhileLocked(sweep, work))
  return {
    async sessionStart(callId) {
      return sessionStartOf(store, callId)
    },
    async smsSender(call) {
      return smsSenderFor(context, call, smsSentIn(store, call.id))
    },
    opened(callId, sessionId) {
      write("recording a session", () => sessionOpened(context, callId, sessionId))
    },
    agentChosen(callId, agent) {
      write("recording asset versions", () => recordAssetVersions(context, callId, agent))
    },
    ended(call, session) {
      return retryWhileLocked(sweep, () => void recordSessionEnd(context, call, session))
    },
    callerLeft(callId) {
      write("recording a hang-up", () => callerLeft(context, callId))
    },
    usage(callId, usage) {
      write("recording usage", () => store.usage.put(callId, priced(usage, prices), sweep.clock.now()))
    },
  }
}
