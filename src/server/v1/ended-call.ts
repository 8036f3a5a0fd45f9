/** What the webhook for an ended call reports: the call, what was said, and the outcome. */

import type { Call } from "../../call/call.ts"
import { toOutcome } from "../../jobs/outcome.ts"
import type { Store } from "../../store/store.ts"
import { callView } from "./calls.ts"
import { transcriptView } from "./transcripts.ts"

export async function endedCall({ transcripts, outcomes }: Store, call: Call) {
  return {
    call: callView(call, false),
    transcript: transcriptView(call, await transcripts.of(call.id)).turns,
    outcome: toOutcome(await outcomes.of(call.id)),
  }
}
