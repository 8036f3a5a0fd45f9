/** How much of everything this process holds now, for `/metrics`: each count stays bounded, or something leaks. */

import type { ControlContext } from "./control/context.ts"
import type { Messenger } from "./messaging/messenger.ts"
import type { ServerContext } from "./server/context.ts"
import type { Sockets } from "./server/twilio/sockets.ts"
import type { ClosableRecorder } from "./store/recorder.ts"
import type { Store } from "./store/store.ts"

export type CountedParts = {
  control: ControlContext
  context: Pick<ServerContext, "observerSlots" | "userSockets">
  messenger: Pick<Messenger, "size">
  recorder: Pick<ClosableRecorder, "waiting">
  sockets: Pick<Sockets, "size">
  background: { readonly runningJobs: number; readonly watchedCalls: number }
  models: { readonly size: number }
}

export function countsOf(parts: CountedParts): Record<string, number> {
  const { control, context, messenger, recorder, sockets, background, models } = parts
  const { liveCalls, placements, hangUpCauses, store, sweep } = control
  return {
    openSockets: sockets.size,
    expectedSockets: liveCalls.inUse(sweep.clock.monotonic()) - liveCalls.size,
    placingCalls: placements.size,
    endingCalls: hangUpCauses.size,
    watchedCalls: background.watchedCalls,
    messages: messenger.size,
    waitingRows: recorder.waiting,
    callsInMemory: callsInMemory(store),
    models: models.size,
    observers: context.observerSlots.size,
    userSockets: context.userSockets.size,
    runningJobs: background.runningJobs,
    deadlines: sweep.size,
  }
}

/** Calls that wait for a database that cannot be written. */
function callsInMemory(store: Store): number {
  const state = store.state()
  return state.isWritable ? 0 : state.callsInMemory
}
