/** What the webhook for an ended call reports: the call, what was said, and the outcome. */

import type { Call } from "../../call/call.ts"
import { toOutcome } from "../../jobs/outcome.ts"
import type { Store } from "../../store/store.ts"
import { callView } from "./call-view.ts"
import { voiceMessageView } from "./voice-messages.ts"
import { ivrTurns, transcriptView } from "./transcripts.ts"

export async function endedCall(store: Store, call: Call) {
  const { transcripts, outcomes, voiceMessages } = store
  const messages = await voiceMessages.of(call.id)
  return {
    call: callView(call, false),
    transcript: transcriptView(call, await transcripts.of(call.id)).turns,
    ...(call.ivrMenu ? { ivrTranscript: transcriptView(call, await ivrTurns(store, call)).turns } : {}),
    ...(messages.length > 0 ? { voiceMessages: messages.map(voiceMessageView) } : {}),
    outcome: toOutcome(await outcomes.of(call.id)),
  }
}
