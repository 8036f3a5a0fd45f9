import { expect, test } from "bun:test"
import type { z } from "zod"
import {
  ParleyClient,
  type CallView,
  type ObserverMessage,
  type TurnView,
} from "../../src/client/parley-client.ts"
import { ParleyStream } from "../../src/client/parley-stream.ts"
import type { CallView as ServerCallView } from "../../src/server/v1/call-view.ts"
import type { TurnView as ServerTurnView } from "../../src/server/v1/transcripts.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { prompt, setupFrame, voiceForm } from "../server/client.ts"

const KEY = "key-of-this-test-000"

test("the client's types are the server's", () => {
  const same = (view: ServerCallView): CallView => view
  const back = (view: CallView): ServerCallView => view
  const turn = (view: z.infer<typeof ServerTurnView>): TurnView => view
  expect([same, back, turn]).toHaveLength(3)
})

test("reads, controls and refuses in the words of the server", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const { callSid } = await app.incoming()
  const parley = new ParleyClient({ url: `${app.url}/`, key: KEY })
  expect(await parley.call(callSid)).toMatchObject({ callSid, status: "ringing" })
  expect(await parley.calls({ limit: 1 })).toMatchObject({ calls: [{ callSid }] })
  expect(await parley.transcript(callSid)).toMatchObject({ turns: [] })
  expect((await parley.events(callSid)).events[0]).toMatchObject({ type: "call.created" })
  expect(await parley.outcome(callSid)).toMatchObject({ status: "none" })
  expect(parley.say(callSid, "Hello")).rejects.toMatchObject({
    name: "ParleyError",
    code: "CONFLICT",
    status: 409,
  })
  const stranger = new ParleyClient({ url: app.url, key: "wrong" })
  expect(stranger.call(callSid)).rejects.toMatchObject({ code: "UNAUTHORIZED", status: 401 })
})

/** A stream whose pauses the test ends. */
function watched(
  start: (
    own: Pick<ConstructorParameters<typeof ParleyStream>[0], "after" | "onMessage" | "onState">,
  ) => ParleyStream,
) {
  const messages = new AwaitableLog<ObserverMessage>("the messages of the stream")
  const states = new AwaitableLog<string>("the states of the stream")
  let waiting: (() => void) | undefined
  const stream = start({
    after(_, run) {
      waiting = run
      return () => void (waiting = undefined)
    },
    onMessage: (message) => messages.push(message),
    onState: (state, close) => states.push(close ? `${state} ${close.code}` : state),
  })
  return { stream, messages, states, goOn: () => waiting?.(), [Symbol.dispose]: () => stream.close() }
}

test("a stream that is cut continues after what it has seen, and ends with the call", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const call = await app.incoming()
  const socket = app.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  await app.events.next(({ event }) => event.type === "session.opened")
  const parley = new ParleyClient({ url: app.url, key: KEY })
  // A cable between stream and server that the test can cut.
  const cut = cable(app.url)
  await using _ = cut
  using view = watched((own) => {
    const address = async () => {
      const { ticket } = await parley.streamTicket(call.callSid)
      return `${cut.url}/v1/calls/${call.callSid}/stream?ticket=${ticket}`
    }
    return new ParleyStream({ ...own, address })
  })
  expect(await view.messages.next()).toMatchObject({ event: "status", live: true })
  cut.cut()
  expect(await view.states.next((state) => state.startsWith("lost"))).toStartWith("lost")
  socket.send(prompt("While you were away"))
  await app.events.next(({ event }) => event.type === "caller.spoke")
  view.goOn()
  expect(
    await view.messages.next((message) => "speaker" in message && message.speaker === "caller"),
  ).toMatchObject({
    text: "While you were away",
  })
  await app.webhook("/twilio/status", voiceForm({ CallSid: call.callSid, CallStatus: "completed" }))
  await app.clock.pass(6000)
  expect(await view.states.next((state) => state.startsWith("over"))).toBe("over 1000")
})

test("a stream that is refused for good does not come back", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  using view = watched(
    (own) =>
      new ParleyStream({
        ...own,
        address: () => `${app.url.replace("http", "ws")}/frontend-stream?callSid=x`,
      }),
  )
  expect(await view.states.next((state) => state.startsWith("over"))).toBe("over 1008")
})

test.each([
  ["an unknown call", { key: KEY }, "over 4404"],
  ["a wrong key", { key: "wrong-key-of-this-test" }, "over 4401"],
])("watching %s ends with the refusal and does not come back", async (_, { key }, expected) => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const parley = new ParleyClient({ url: app.url, key })
  const errors: unknown[] = []
  using view = watched((own) =>
    parley.watch(`CA${"0".repeat(32)}`, { ...own, onError: (error) => errors.push(error) }),
  )
  expect(await view.states.next()).toBe(expected)
  expect(errors).toMatchObject([{ name: "ParleyError", status: Number(expected.slice(-3)) }])
})

test("a server that cannot be reached is reported, and tried again", async () => {
  const errors: unknown[] = []
  const address = () => Promise.reject(new Error("connection refused"))
  using view = watched((own) => new ParleyStream({ ...own, address, onError: (error) => errors.push(error) }))
  expect(await view.states.next()).toBe("lost 1006")
  view.goOn()
  expect(await view.states.next()).toBe("lost 1006")
  expect(errors).toMatchObject([{ message: "connection refused" }, { message: "connection refused" }])
})

test("the WebSocket class comes from the options", async () => {
  const urls: string[] = []
  class Recording extends WebSocket {
    constructor(url: string) {
      urls.push(url)
      super(url)
    }
  }
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  using view = watched(
    (own) =>
      new ParleyStream({
        ...own,
        webSocket: Recording,
        address: () => `${app.url.replace("http", "ws")}/frontend-stream?callSid=x`,
      }),
  )
  await view.states.next((state) => state.startsWith("over"))
  expect(urls).toHaveLength(1)
})

/** Passes bytes both ways until it is cut. */
function cable(target: string) {
  const { port } = new URL(target)
  const pairs = new Set<{ end(): void }>()
  type Near = Bun.Socket<{ far: Promise<Bun.Socket> }>
  const server = Bun.listen<{ far: Promise<Bun.Socket> }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(near: Near) {
        pairs.add({ end: () => near.terminate() })
        const far = Bun.connect({
          hostname: "127.0.0.1",
          port: Number(port),
          socket: { data: (_, bytes) => void near.write(bytes), close: () => void near.end() },
        })
        near.data = { far }
      },
      data(near, bytes) {
        const copy = Uint8Array.from(bytes)
        void near.data.far.then((far) => far.write(copy))
      },
      close(near) {
        void near.data.far.then((far) => far.end())
      },
    },
  })
  return {
    url: `ws://127.0.0.1:${server.port}`,
    cut() {
      for (const pair of pairs) pair.end()
      pairs.clear()
    },
    async [Symbol.asyncDispose]() {
      server.stop(true)
    },
  }
}
