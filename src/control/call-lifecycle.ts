/** Takes what the sessions of calls report into the records of the calls. */

import { priced } from "../call/price.ts"
import type { CallLifecycle } from "../conversation/call-lifecycle.ts"
import type { ControlContext } from "./context.ts"
import { recordAssetVersions } from "./record-asset-versions.ts"
import { sessionOpened } from "./report-status.ts"
import { rememberFor } from "./caller-memory.ts"
import { callerOfSession } from "./caller-session.ts"
import { recordSessionEnd } from "./session-ended.ts"
import { sessionStartOf } from "./session-start.ts"
import { smsSenderFor, smsSentIn } from "./sms.ts"
import { callerLeft } from "./reconcile.ts"

/** Reports are written in the background, in the order in which they are made. */
export function createCallLifecycle(context: ControlContext): CallLifecycle {
  const { store, prices, sweep, log } = context
  return {
    sessionStart: (callId) => sessionStartOf(store, callId),
    smsSender: async (call) => smsSenderFor(context, call, await smsSentIn(store, call.id)),
    caller: (call) => callerOfSession(context, call),
    remember: (call) => rememberFor(context, call),
    opened(callId, sessionId) {
      log.background("recording a session", sessionOpened(context, callId, sessionId))
    },
    agentChosen(callId, agent) {
      log.background("recording asset versions", recordAssetVersions(context, callId, agent))
    },
    ivrChanged(callId, state) {
      log.background("recording the state of a phone menu", store.calls.setIvrState(callId, state))
    },
    async ended(call, session) {
      await recordSessionEnd(context, call, session)
    },
    callerLeft: (callId) => callerLeft(context, callId),
    usage(callId, usage) {
      log.background("recording usage", store.usage.put(callId, priced(usage, prices), sweep.clock.now()))
    },
  }
}
