import { expect, test } from "bun:test"
import { streamRequest } from "../../../src/llm/openai/streaming-request.ts"

const never = new AbortController().signal

/** A stream that gives these events and then what `after` says; it takes no notice of any signal. */
function deafStream(
  events: readonly unknown[],
  after: Promise<IteratorResult<unknown, undefined>>,
): AsyncIterable<unknown> {
  const rest = [...events]
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => (rest.length > 0 ? Promise.resolve({ done: false, value: rest.shift() }) : after),
    }),
  }
}

const forever = new Promise<never>(() => {})

test("a connection that ignores the abort does not hold up its listener", async () => {
  const controller = new AbortController()
  const events = streamRequest({
    open: () => Promise.resolve(deafStream([1], forever)),
    signal: controller.signal,
  })
  expect(await events.next()).toEqual({ done: false, value: 1 })
  const next = events.next()
  controller.abort()
  expect(await next).toEqual({ done: true, value: undefined })
})

test("nor does one that never opens", async () => {
  const controller = new AbortController()
  let opened: AbortSignal | undefined
  const open = (signal: AbortSignal) => {
    opened = signal
    return forever
  }
  const next = streamRequest({ open, signal: controller.signal }).next()
  controller.abort()
  expect(await next).toEqual({ done: true, value: undefined })
  expect(opened?.aborted).toBe(true)
})

test("an error after an abort is no error", async () => {
  const controller = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  const events = streamRequest({
    open: () => Promise.resolve(deafStream([], promise)),
    signal: controller.signal,
  })
  const next = events.next()
  controller.abort()
  reject(new Error("closed"))
  expect(await next).toEqual({ done: true, value: undefined })
})

test("after the last event the end is read aside and the connection kept", async () => {
  const { promise, resolve } = Promise.withResolvers<IteratorResult<unknown, undefined>>()
  let connection: AbortSignal | undefined
  const open = (signal: AbortSignal) => {
    connection = signal
    return Promise.resolve(deafStream(["a", "last"], promise))
  }
  const seen: unknown[] = []
  for await (const event of streamRequest({ open, signal: never, isLast: (one) => one === "last" }))
    seen.push(event)
  expect(seen).toEqual(["a", "last"])
  resolve({ done: true, value: undefined })
  await promise
  expect(connection?.aborted).toBe(false)
})

test("an end mark behind the last event leaves the connection open", async () => {
  let connection: AbortSignal | undefined
  const { promise: read, resolve } = Promise.withResolvers<void>()
  async function* stream() {
    yield* ["last", "[DONE]"]
    resolve()
  }
  const open = (signal: AbortSignal) => {
    connection = signal
    return Promise.resolve(stream())
  }
  for await (const event of streamRequest({ open, signal: never, isLast: (one) => one === "last" }))
    expect(event).toBe("last")
  await read
  expect(connection?.aborted).toBe(false)
})

test.each([
  ["that continues", () => Promise.resolve({ done: false, value: "more" } as const)],
  ["that breaks", () => Promise.reject(new Error("reset"))],
  ["that never ends", () => forever],
])("after the last event a connection %s is closed", async (_, after) => {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const open = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => resolve())
    return Promise.resolve(deafStream(["last"], after()))
  }
  for await (const event of streamRequest({ open, signal: never, isLast: () => true, lingerMs: 1 }))
    expect(event).toBe("last")
  await closed
})

test("listeners do not pile up on a signal that serves a whole call", async () => {
  const { signal } = new AbortController()
  const counts = { added: 0, removed: 0 }
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => (counts.added++, add(...args))
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (counts.removed++, remove(...args))
  const ended = Promise.resolve({ done: true, value: undefined } as const)
  for await (const event of streamRequest({ open: () => Promise.resolve(deafStream([1], ended)), signal }))
    expect(event).toBe(1)
  expect(counts).toEqual({ added: 1, removed: 1 })
})
