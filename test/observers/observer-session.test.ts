import { expect, test } from "bun:test"
import type { Call } from "../../src/call/call.ts"
import type { CallEvent } from "../../src/call/events.ts"
import { newCallId } from "../../src/call/ids.ts"
import { getLog } from "../../src/lib/log.ts"
import { ObserverSession } from "../../src/observers/observer-session.ts"
import { Observers } from "../../src/observers/observers.ts"
import { createRecorder } from "../../src/store/recorder.ts"
import { openStore } from "../../src/store/open-store.ts"
import { settled } from "../fakes/scripted-model.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleCall } from "../store/fixture.ts"

/** A store with one call, and observers of it whose sockets are as slow as the test wants. */
async function fixture() {
  const clock = new TestClock()
  const { sweep } = clock
  const store = await openStore({ url: ":memory:" })
  const observers = new Observers({ sweep })
  const recorder = createRecorder({ store, sweep, onEvent: (event) => observers.publish(event) })
  const sample = sampleCall({ createdAt: clock.now() })
  await store.calls.create(sample)
  const call: Call | undefined = await store.calls.byId(sample.id)
  if (!call) throw new Error("no call")
  const { id } = call

  async function observe({ afterId, wantsAudio = true }: { afterId?: number; wantsAudio?: boolean } = {}) {
    const sent: Record<string, unknown>[] = []
    const closes: [number, string][] = []
    const connection = { result: 100 }
    let left = 0
    const session = new ObserverSession({
      socket: {
        send(text) {
          sent.push(JSON.parse(text))
          return connection.result
        },
        close: (code, reason) => void closes.push([code, reason]),
      },
      callId: id,
      call: async () => (await store.calls.byId(id)) ?? raise(),
      begins: "at-once",
      afterId,
      wantsAudio,
      observers,
      events: store.events,
      isLive: () => true,
      leave: () => void left++,
      sweep,
      log: getLog("observers"),
    })
    await settled()
    const names = () => sent.map(({ event }) => event)
    return { session, sent, closes, connection, names, left: () => left }
  }

  const happens = (event: CallEvent) => recorder.event({ callId: id, callSid: null, at: clock.now(), event })
  return {
    clock,
    observers,
    id,
    observe,
    happens,
    store,
    async [Symbol.asyncDispose]() {
      await recorder.close()
      await store.close()
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

test("audio goes to who listens, marked by its side, and costs nothing without listeners", async () => {
  await using it = await fixture()
  expect(it.observers.hasListeners(it.id)).toBe(false)
  const silent = await it.observe({ wantsAudio: false })
  expect(it.observers.hasListeners(it.id)).toBe(false)
  const listener = await it.observe()
  expect(it.observers.hasListeners(it.id)).toBe(true)
  it.observers.inbound(it.id, "AAAA")
  it.observers.outbound(it.id, "BBBB")
  it.observers.inbound(newCallId(), "CCCC")
  expect(listener.sent.slice(1)).toEqual([
    { event: "audio", payload: "AAAA", track: "inbound", seq: 2 },
    { event: "audio", payload: "BBBB", track: "outbound", seq: 3 },
  ])
  expect(silent.names()).toEqual(["status"])
  listener.session.closed()
  expect({ hasListeners: it.observers.hasListeners(it.id), left: listener.left() }).toEqual({
    hasListeners: false,
    left: 1,
  })
})

test("an interruption is reported after the words that were heard", async () => {
  await using it = await fixture()
  const { sent } = await it.observe()
  it.happens(said("We open", true))
  it.happens(said("", true))
  await it.clock.pass(30)
  expect(sent.slice(1)).toMatchObject([
    { event: "transcription", text: "We open", speaker: "agent", interrupted: true },
    { event: "interruption", text: "We open" },
    { event: "interruption", text: "" },
  ])
})

test("a slow observer lags, gets everything later, and delays no other", async () => {
  await using it = await fixture()
  const [slow, quick] = [await it.observe(), await it.observe()]
  slow.connection.result = -1
  it.happens(said("one"))
  await it.clock.pass(30)
  for (const text of ["two", "three"]) it.happens(said(text))
  it.observers.inbound(it.id, "AAAA")
  await it.clock.pass(30)
  expect(slow.names()).toEqual(["status", "transcription"])
  expect(quick.names()).toEqual(["status", "transcription", "audio", "transcription", "transcription"])
  slow.connection.result = 100
  slow.session.drained()
  await settled()
  expect(slow.names()).toEqual(["status", "transcription", "audio", "transcription", "transcription"])
  expect(slow.closes).toEqual([])
})

test("an observer that accepts no audio for seconds is dropped and learns why, and the others continue", async () => {
  await using it = await fixture()
  const [slow, quick] = [await it.observe(), await it.observe()]
  slow.connection.result = -1
  const frame = "A".repeat(216)
  for (let count = 0; count < 1000; count++) it.observers.inbound(it.id, frame)
  expect(slow.closes).toEqual([[4408, "too slow"]])
  expect(slow.sent.length).toBe(2)
  expect(quick.sent.length).toBe(1001)
  slow.session.closed()
  expect(slow.left()).toBe(1)
})

test("a socket that has dropped a frame is given up", async () => {
  await using it = await fixture()
  const lost = await it.observe()
  lost.connection.result = 0
  it.observers.inbound(it.id, "AAAA")
  expect(lost.closes).toEqual([[4408, "too slow"]])
})

test("a long past is sent in pieces, completely and in order", async () => {
  await using it = await fixture()
  for (let count = 0; count < 950; count++) it.happens(said(String(count)))
  const late = await it.observe({ afterId: 0 })
  await it.clock.pass(20)
  expect(late.sent.slice(1).map(({ text }) => text)).toEqual(
    Array.from({ length: 950 }, (_, at) => String(at)),
  )
})

test("observers that go while all are sent away are no trouble", async () => {
  await using it = await fixture()
  const all = [await it.observe(), await it.observe()]
  it.observers.close()
  it.observers.close()
  expect(all.map(({ closes }) => closes)).toEqual([
    [[1001, "server is shutting down"]],
    [[1001, "server is shutting down"]],
  ])
})
