/** Events as a stream of text for `EventSource`. Reads on as the other side does, so a slow one lags and costs nothing. */

import type { StoredEvent } from "../store/history.ts"
import type { CallId } from "../call/ids.ts"
import type { Observer, Observers } from "./observers.ts"

const PAGE = 100

export type EventLinesOptions = {
  callId: CallId | "all"
  /** Begins after this event. */
  afterId: number
  /** The next events after one, at most `limit`. */
  read: (page: { afterId: number; limit: number }) => Promise<StoredEvent[]>
  /** One event as its JSON text. */
  toJson: (event: StoredEvent) => string
  observers: Observers
  /** Called once, when the client has stopped reading. */
  leave: () => void
}

/** Ends when the server stops, and when the other side goes. (WHATWG: "Server-sent events".) */
export function eventLines(options: EventLinesOptions): ReadableStream<Uint8Array> {
  const { callId, read, toJson, observers } = options
  const encoder = new TextEncoder()
  let { afterId } = options
  let wake: (() => void) | undefined
  /** Something was recorded since the last reading began. */
  let isStale = true
  let pinged = false
  let over = false
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined

  const rouse = () => {
    isStale = true
    wake?.()
    wake = undefined
  }
  const observer: Observer = {
    changed: rouse,
    ping() {
      // The other side has not read since the last ping: it is gone, and holds its slot no longer.
      if (pinged) return giveUp()
      pinged = true
      rouse()
    },
    stop() {
      over = true
      rouse()
    },
  }
  const unfollow = observers.follow(callId, observer)
  const leave = () => {
    over = true
    unfollow()
    options.leave()
    rouse()
  }

  function giveUp(): void {
    leave()
    stream?.error(new Error("the observer reads nothing"))
  }

  /** The next lines; undefined at the end. */
  async function next(): Promise<string | undefined> {
    for (;;) {
      isStale = false
      const page = over ? [] : await read({ afterId, limit: PAGE })
      afterId = page.at(-1)?.id ?? afterId
      if (page.length > 0) return page.map((event) => linesOf(event, toJson)).join("")
      if (over) return undefined
      if (pinged) {
        pinged = false
        return ": ping\n\n"
      }
      if (!isStale) await new Promise<void>((resolve) => (wake = resolve))
    }
  }

  let begun = false
  return new ReadableStream({
    start(controller) {
      stream = controller
    },
    async pull(controller) {
      const lines: string | undefined = begun ? await next() : "retry: 2000\n: connected\n\n"
      begun = true
      if (lines !== undefined) return controller.enqueue(encoder.encode(lines))
      leave()
      controller.close()
    },
    cancel: leave,
  })
}

function linesOf(event: StoredEvent, toJson: EventLinesOptions["toJson"]): string {
  return `id: ${event.id}\nevent: ${event.event.type}\ndata: ${toJson(event)}\n\n`
}
