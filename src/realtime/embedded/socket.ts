/** Connects to the embedded Realtime server through memory, with the behaviour of a WebSocket. */

import { storedPrompt } from "../../audio/prompts.ts"
import type { ConnectModel, RealtimeSocketEvents } from "../connection/websocket.ts"
import type { Prompts } from "./answers.ts"
import { EmbeddedServer, type EmbeddedServerOptions } from "./server.ts"

/** The sentences that are part of the program. */
export function storedPrompts(): Prompts {
  return {
    greeting: storedPrompt("greeting"),
    youSaid: storedPrompt("you-said"),
    done: storedPrompt("one-moment"),
  }
}

/** Replaces `connectTo`. Frames arrive in order and, as on a network, never during a call of `send`. */
export function connectToEmbeddedServer({
  prompts,
  sweep,
}: Pick<EmbeddedServerOptions, "prompts" | "sweep">): ConnectModel {
  return function connect(events) {
    let isOpen = true
    /** Frames in flight still arrive when the server closes, and are dropped when the client closes. */
    let clientListens = true
    const end = (code: number, reason: string) => {
      if (!isOpen) return
      isOpen = false
      server.end()
      const closed: Parameters<RealtimeSocketEvents["closed"]>[0] = {
        code,
        reason,
        opened: true,
        refusedStatus: null,
      }
      queueMicrotask(() => events.closed(closed))
    }
    const leave = (code: number, reason: string) => {
      clientListens = false
      end(code, reason)
    }
    const server = new EmbeddedServer({
      prompts,
      sweep,
      send: (text) =>
        queueMicrotask(() => {
          if (clientListens) events.text(text)
        }),
      close: end,
    })
    queueMicrotask(() => {
      if (!isOpen) return
      events.opened()
      server.open()
    })
    return {
      bufferedAmount: 0,
      send: (text) =>
        queueMicrotask(() => {
          if (isOpen) server.receive(text)
        }),
      close: leave,
      terminate: () => leave(1006, ""),
    }
  }
}
