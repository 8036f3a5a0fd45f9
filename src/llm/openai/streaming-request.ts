/** One streamed request: yields events until the last one or until it is aborted. Knows no protocol and no SDK. */

import { toChatModelError } from "./openai-errors.ts"

/** Time for the server to close a stream after its last event. */
const LINGER_MS = 1_000

const ABORTED = Symbol("aborted")

export type ExchangeOptions<Event> = {
  /** Sends the request. An abort of its signal must close the connection. */
  open: (signal: AbortSignal) => PromiseLike<AsyncIterable<Event>>
  signal: AbortSignal
  /** Whether this is the last event that matters. */
  isLast?: (event: Event) => boolean
  lingerMs?: number
}

/**
 * Yields the events of a request. Ends without an error as soon as `signal` is aborted, even if the connection
 * ignores it. Throws `ChatModelError` for every other failure. A consumer that stops early closes the connection.
 */
export async function* streamRequest<Event>({
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

/** Reads the end of a stream in the background: a connection that is closed earlier cannot be reused. */
function linger(events: AsyncIterator<unknown>, connection: AbortController, lingerMs: number): void {
  const close = () => connection.abort()
  const timer = setTimeout(close, lingerMs)
  events
    .next()
    .then((next) => (next.done ? undefined : close()))
    // The answer is complete; failures of its connection do not matter.
    .catch(close)
    .finally(() => clearTimeout(timer))
}
