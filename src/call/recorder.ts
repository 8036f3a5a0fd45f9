/** Where a conversation puts what must not be lost. Implemented by the store. */

import type { RecordedEvent } from "./events.ts"
import type { Turn } from "./turn.ts"

export interface Recorder {
  /** Keeps the turn, in the place of an earlier state of the same id. On disk within 100 ms. */
  turn(turn: Turn): void
  /** Keeps the event and shows it to observers. On disk within 100 ms. */
  event(recorded: RecordedEvent): void
  /** Writes what waits, now. */
  flush(): void
}
