import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import { getLog } from "../../src/lib/log.ts"
import type { SocketSession } from "../../src/lib/socket.ts"
import { ObserverSession } from "../../src/observers/observer-session.ts"
import { Observers } from "../../src/observers/observers.ts"
import { Gate } from "../fakes/gate.ts"
import { settled } from "../fakes/scripted-model.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleCall } from "../store/fixture.ts"

test("a socket that is not read fills up, is closed, and releases its slot", async () => {
  using clock = new TestClock()
  const observers = new Observers({ sweep: clock.sweep })
  const id = newCallId()
  const unknown = {
    contextKey: null,
    contextVersion: null,
    manifestKey: null,
    manifestVersion: null,
    verifiedNumber: null,
    speechErrors: null,
    resumes: 0,
    sessionEnd: null,
    transfer: null,
    answeredAt: null,
    endedAt: null,
    durationSeconds: null,
    endedBy: null,
    endReason: null,
  }
  const opened = new Gate()
  const left = Promise.withResolvers<void>()
  const closed: number[] = []
  await using server = serverOf((ws) => {
    opened.open()
    return new ObserverSession({
      socket: {
        send: (text) => ws.send(text),
        close(code, reason) {
          closed.push(code)
          ws.close(code, reason)
        },
      },
      callId: id,
      call: async () => ({ ...sampleCall(), ...unknown, id }),
      begins: "at-once",
      afterId: undefined,
      wantsAudio: true,
      observers,
      events: { of: async () => [], lastId: async () => 0 },
      isLive: () => true,
      leave: left.resolve,
      sweep: clock.sweep,
      log: getLog("observers"),
    })
  })
  // Shakes hands and never reads again.
  const peer = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: { data: (socket) => socket.pause() },
  })
  peer.write(
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  )
  await opened.pass()
  await settled()
  const frame = "A".repeat(16_000)
  for (let sent = 0; sent < 5000 && closed.length === 0; sent++) observers.inbound(id, frame)
  expect(closed).toEqual([4408])
  peer.terminate()
  await left.promise
  expect(observers.hasListeners(id)).toBe(false)
})

function serverOf(open: (ws: Bun.ServerWebSocket<unknown>) => SocketSession) {
  let session: SocketSession | undefined
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, bun) => (bun.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: {
      open(ws) {
        session = open(ws)
      },
      message() {},
      drain: () => session?.drained?.(),
      close: (_, code, reason) => session?.closed(code, reason),
    },
  })
  return { port: server.port ?? 0, [Symbol.asyncDispose]: () => server.stop(true) }
}
