/** What calls have used of the services they run on. */

import type { CallId } from "../call/ids.ts"
import type { Usage } from "../call/usage.ts"

export interface UsageRecords {
  /** Notes the whole use of one kind and model in a call, in place of what was noted before. */
  put(id: CallId, used: Usage, updatedAt: number): Promise<void>

  /** Everything that a call has used, by kind and model. */
  of(id: CallId): Promise<Usage[]>
}
