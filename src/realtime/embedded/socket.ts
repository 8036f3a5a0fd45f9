/** The way to the built-in Realtime server: a pair of ends in memory that behaves as a socket does. */

import { sound } from "../../audio/sounds.ts"
import type { ConnectModel, ModelSocketEvents } from "../connection/websocket.ts"
import type { Sounds } from "./answers.ts"
import { RealtimeStandIn, type StandInOptions } from "./server.ts"

/** The sentences that come with the program. */
export function storedSounds(): Sounds {
  return { greeting: sound("greeting"), youSaid: sound("you-said"), done: sound("one-moment") }
}

/** Takes the place of `connectTo`. Frames arrive in their order and, as on a network, never during a call of `send`. */
export function connectToStandIn({ sounds, sweep }: Pick<StandInOptions, "sounds" | "sweep">): ConnectModel {
  return function connect(events) {
    let isOpen = true
    /** Frames on their way when the server closes still arrive; when the client closes, it hears no more. */
    let isHeard = true
    const later = (run: () => void) => queueMicrotask(run)
    const end = (code: number, reason: string) => {
      if (!isOpen) return
      isOpen = false
      standIn.end()
      const gone: Parameters<ModelSocketEvents["closed"]>[0] = {
        code,
        reason,
        opened: true,
        refusedStatus: null,
      }
      later(() => events.closed(gone))
    }
    const leave = (code: number, reason: string) => {
      isHeard = false
      end(code, reason)
    }
    const standIn = new RealtimeStandIn({
      sounds,
      sweep,
      send: (text) =>
        later(() => {
          if (isHeard) events.text(text)
        }),
      close: end,
    })
    later(() => {
      if (!isOpen) return
      events.opened()
      standIn.open()
    })
    return {
      bufferedAmount: 0,
      send: (text) =>
        later(() => {
          if (isOpen) standIn.receive(text)
        }),
      close: leave,
      terminate: () => leave(1006, ""),
    }
  }
}
