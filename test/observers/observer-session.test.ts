import { expect, test } from "bun:test"
import type { Call } from "../../src/call/call.ts"
import type { CallEvent } from "../../src/call/events.ts"
import { newCallId } from "../../src/call/ids.ts"
import { ObserverSession } from "../../src/observers/observer-session.ts"
import { Observers } from "../../src/observers/observers.ts"
import { createRecorder } from "../../src/store/recorder.ts"
import { openStore } from "../../src/store/store.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleCall } from "../store/samples.ts"

/** A store with one call, and observers of it whose sockets are as slow as the test wants. */
function stand() {
  const clock = new TestClock()
  const { sweep } = clock
  const store = openStore({ url: ":memory:" })
  const observers = new Observers({ perUser: 3, sweep })
  const recorder = createRecorder({ store, sweep, onEvent: (event) => observers.publish(event) })
  const sample = sampleCall({ createdAt: clock.now() })
  store.calls.create(sample)
  const call: Call | undefined = store.calls.byId(sample.id)
  if (!call) throw new Error("no call")
  const { id } = call

  function observe({ afterId, wantsAudio = true }: { afterId?: number; wantsAudio?: boolean } = {}) {
    const sent: Record<string, unknown>[] = []
    const closes: [number, string][] = []
    const line = { result: 100 }
    let left = 0
    const session = new ObserverSession({
      socket: {
        send(text) {
          sent.push(JSON.parse(text))
          return line.result
        },
        close: (code, reason) => void closes.push([code, reason]),
      },
      callId: id,
      call: () => store.calls.byId(id) ?? raise(),
      begins: "at-once",
      afterId,
      wantsAudio,
      observers,
      events: store.events,
      isLive: () => true,
      leave: () => void left++,
      sweep,
    })
    const names = () => sent.map(({ event }) => event)
    return { session, sent, closes, line, names, left: () => left }
  }

  const happens = (event: CallEvent) => recorder.event({ callId: id, callSid: null, at: clock.now(), event })
  return {
    clock,
    observers,
    id,
    observe,
    happens,
    store,
    [Symbol.dispose]() {
      recorder.close()
      store.close()
      clock[Symbol.dispose]()
    },
  }
}

function raise(): never {
  throw new Error("no call")
}

const said = (text: string, interrupted = false): CallEvent => ({
  type: "agent.spoke",
  turnId: text,
  text,
  interrupted,
})

test("sound goes to who listens, marked by its side, and costs nothing where nobody does", () => {
  using line = stand()
  expect(line.observers.hasListeners(line.id)).toBe(false)
  const silent = line.observe({ wantsAudio: false })
  expect(line.observers.hasListeners(line.id)).toBe(false)
  const listener = line.observe()
  expect(line.observers.hasListeners(line.id)).toBe(true)
  line.observers.inbound(line.id, "AAAA")
  line.observers.outbound(line.id, "BBBB")
  line.observers.inbound(newCallId(), "CCCC")
  expect(listener.sent.slice(1)).toEqual([
    { event: "audio", payload: "AAAA", track: "inbound", seq: 2 },
    { event: "audio", payload: "BBBB", track: "outbound", seq: 3 },
  ])
  expect(silent.names()).toEqual(["status"])
  listener.session.closed()
  expect([line.observers.hasListeners(line.id), listener.left()]).toEqual([false, 1])
})

test("an interruption is told after the words that were heard", () => {
  using line = stand()
  const { sent } = line.observe()
  line.happens(said("We open", true))
  line.happens(said("", true))
  line.clock.advance(30)
  expect(sent.slice(1)).toMatchObject([
    { event: "transcription", text: "We open", speaker: "agent", interrupted: true },
    { event: "interruption", text: "We open" },
    { event: "interruption", text: "" },
  ])
})

test("a slow observer lags, is given everything later, and holds up nobody", () => {
  using line = stand()
  const [slow, quick] = [line.observe(), line.observe()]
  slow.line.result = -1
  line.happens(said("one"))
  line.clock.advance(30)
  for (const text of ["two", "three"]) line.happens(said(text))
  line.observers.inbound(line.id, "AAAA")
  line.clock.advance(30)
  expect(slow.names()).toEqual(["status", "transcription"])
  expect(quick.names()).toEqual(["status", "transcription", "audio", "transcription", "transcription"])
  slow.line.result = 100
  slow.session.drained()
  expect(slow.names()).toEqual(["status", "transcription", "audio", "transcription", "transcription"])
  expect(slow.closes).toEqual([])
})

test("an observer that takes no sound for seconds is dropped and told why, and the others go on", () => {
  using line = stand()
  const [slow, quick] = [line.observe(), line.observe()]
  slow.line.result = -1
  const frame = "A".repeat(216)
  for (let count = 0; count < 1000; count++) line.observers.inbound(line.id, frame)
  expect(slow.closes).toEqual([[4408, "too slow"]])
  expect(slow.sent.length).toBe(2)
  expect(quick.sent.length).toBe(1001)
  slow.session.closed()
  expect(slow.left()).toBe(1)
})

test("a socket that has dropped a frame is given up", () => {
  using line = stand()
  const lost = line.observe()
  lost.line.result = 0
  line.observers.inbound(line.id, "AAAA")
  expect(lost.closes).toEqual([[4408, "too slow"]])
})

test("a long past is told in pieces, completely and in order", () => {
  using line = stand()
  for (let count = 0; count < 950; count++) line.happens(said(String(count)))
  const late = line.observe({ afterId: 0 })
  line.clock.advance(20)
  expect(late.sent.slice(1).map(({ text }) => text)).toEqual(
    Array.from({ length: 950 }, (_, at) => String(at)),
  )
})

test("observers that go while all are sent away are no trouble", () => {
  using line = stand()
  const all = [line.observe(), line.observe()]
  line.observers.close()
  line.observers.close()
  expect(all.map(({ closes }) => closes)).toEqual([
    [[1001, "server is shutting down"]],
    [[1001, "server is shutting down"]],
  ])
})

test("slots are counted for each user, and released once", () => {
  using line = stand()
  const [one, two, three] = [1, 2, 3].map(() => line.observers.reserveSlot("alice"))
  expect(
    [one, two, three, line.observers.reserveSlot("alice")].map((release) => release !== undefined),
  ).toEqual([true, true, true, false])
  expect(line.observers.reserveSlot(null)).toBeDefined()
  one?.()
  one?.()
  expect(line.observers.reserveSlot("alice")).toBeDefined()
  expect(line.observers.reserveSlot("alice")).toBeUndefined()
  expect(line.observers.size).toBe(4)
})
