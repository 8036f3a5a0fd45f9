/** One streamed request: yields events until the last one or until it is aborted. Knows no protocol and no SDK. */

import { toChatModelError } from "./openai-errors.ts"

/** Time for the server to close a stream after its last event, and events that may still come, such as an end mark. */
const LINGER_MS = 1_000
const LINGER_EVENTS = 2

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
  let wake: (value: typeof ABORTED) => void = () => {}
  const giveUp = () => {
    connection.abort()
    // What has been delivered by now goes first.
    queueMicrotask(() => wake(ABORTED))
  }
  // `Promise.race` would leave a reaction on one promise for each event of a long answer.
  const orAborted = <T>(awaited: PromiseLike<T>) =>
    new Promise<T | typeof ABORTED>((resolve, reject) => {
      wake = resolve
      awaited.then(resolve, reject)
      if (signal.aborted) resolve(ABORTED)
    })
  signal.addEventListener("abort", giveUp, { once: true })
  let over = false
  try {
    const stream = await orAborted(open(connection.signal))
    if (stream === ABORTED) return
    const events = stream[Symbol.asyncIterator]()
    while (!over) {
      const next = await orAborted(events.next())
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
  readToEnd(events)
    .then((isRead) => (isRead ? undefined : close()))
    // The answer is complete; failures of its connection do not matter.
    .catch(close)
    .finally(() => clearTimeout(timer))
}

async function readToEnd(events: AsyncIterator<unknown>): Promise<boolean> {
  for (let left = LINGER_EVENTS; left >= 0; left--) {
    const next = await events.next()
    if (next.done) return true
  }
  return false
}
