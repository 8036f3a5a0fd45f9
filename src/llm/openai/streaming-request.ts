/** One streamed request: events until the last one or until the caller gives up. Knows no protocol and no SDK. */

import { toChatModelError } from "./openai-errors.ts"

/** How long the server may take to close a stream whose last event has come. */
const LINGER_MS = 1_000

const ABORTED = Symbol("aborted")

export type ExchangeOptions<Event> = {
  /** Sends the request. When its signal is aborted the connection must be closed. */
  open: (signal: AbortSignal) => PromiseLike<AsyncIterable<Event>>
  signal: AbortSignal
  /** Whether nothing worth waiting for comes after this event. */
  isLast?: (event: Event) => boolean
  lingerMs?: number
}

/**
 * Yields the events of a request. Ends without an error as soon as `signal` is aborted, even if the connection takes
 * no notice of it. Throws `ChatModelError` for every other failure. A consumer that stops early closes the connection.
 */
export async function* exchange<Event>({
  open,
  signal,
  isLast = () => false,
  lingerMs = LINGER_MS,
}: ExchangeOptions<Event>): AsyncGenerator<Event, void> {
  if (signal.aborted) return
  const connection = new AbortController()
  const { promise: aborted, resolve } = Promise.withResolvers<typeof ABORTED>()
  const giveUp = () => {
    connection.abort()
    resolve(ABORTED)
  }
  signal.addEventListener("abort", giveUp, { once: true })
  let over = false
  try {
    const stream = await Promise.race([open(connection.signal), aborted])
    if (stream === ABORTED) return
    const events = stream[Symbol.asyncIterator]()
    while (!over) {
      const next = await Promise.race([events.next(), aborted])
      if (next === ABORTED) return
      over = next.done === true || isLast(next.value)
      if (next.done) return
      if (over) linger(events, connection, lingerMs)
      yield next.value
    }
  } catch (error) {
    if (!signal.aborted) throw toChatModelError(error)
  } finally {
    signal.removeEventListener("abort", giveUp)
    if (!over) connection.abort()
  }
}

/** Reads the end of a stream aside, because a connection closed before it cannot carry the next request. */
function linger(events: AsyncIterator<unknown>, connection: AbortController, lingerMs: number): void {
  const close = () => connection.abort()
  const timer = setTimeout(close, lingerMs)
  events
    .next()
    .then((next) => (next.done ? undefined : close()))
    // The answer is complete: what happens to its connection changes nothing.
    .catch(close)
    .finally(() => clearTimeout(timer))
}
