/** Why Twilio was asked to hang up, until it has confirmed: a status that arrives first has this cause. */

import type { EndCause } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"

/** With several processes, the one that gets the status need not be the one that asked: the store could hold the causes. */
export interface HangUpCauses {
  /** Notes the cause before Twilio is asked. Resolves to its removal, which is harmless when called twice. */
  note(callId: CallId, cause: EndCause): Promise<() => Promise<void>>
  /** The cause of a hang-up that Twilio was asked for last. */
  of(callId: CallId): Promise<EndCause | undefined>
  /** Hang-ups that this process waits for. */
  readonly size: number
}

/** The causes of one process. */
export function memoryHangUpCauses(): HangUpCauses {
  const causes = new Map<CallId, EndCause>()
  return {
    get size() {
      return causes.size
    },

    async note(callId, cause) {
      causes.set(callId, cause)
      return async function remove() {
        if (causes.get(callId) === cause) causes.delete(callId)
      }
    },

    of: async (callId) => causes.get(callId),
  }
}
