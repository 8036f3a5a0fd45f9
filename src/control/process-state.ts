/** What only this process knows of its calls. In memory; for several processes, a store could hold it. */

import { KeyedQueue } from "../lib/keyed-queue.ts"
import type { ControlContext } from "./context.ts"
import { memoryHangUpCauses } from "./hang-up-causes.ts"
import { memoryPlacements } from "./placements.ts"

/** Requests of Twilio's about one call that may wait for each other. */
const MAX_WAITING_REQUESTS = 100

export type ProcessState = Pick<
  ControlContext,
  "moving" | "callQueue" | "callerQueue" | "placements" | "hangUpCauses"
>

export function memoryState(): ProcessState {
  return {
    moving: new Set(),
    callQueue: new KeyedQueue({ most: MAX_WAITING_REQUESTS, what: "requests about one call" }),
    callerQueue: new KeyedQueue({ most: MAX_WAITING_REQUESTS, what: "reports about one caller" }),
    placements: memoryPlacements(),
    hangUpCauses: memoryHangUpCauses(),
  }
}
