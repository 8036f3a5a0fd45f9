/** The connections of one call, over sockets that the test plays by hand. */

import { describe, expect, test } from "bun:test"
import { ReconnectingConnection } from "../../../src/realtime/connection/reconnecting.ts"
import type { RealtimeSocket, RealtimeSocketEvents } from "../../../src/realtime/connection/websocket.ts"
import { TestClock } from "../../lib/test-clock.ts"
import { notedLog } from "../../relay/fixture.ts"

/** One socket: what was sent on it, how it was closed, and the server's part. */
class TestSocket implements RealtimeSocket {
  bufferedAmount = 0
  readonly sent: string[] = []
  closeReason: string | undefined
  readonly #events: RealtimeSocketEvents

  constructor(events: RealtimeSocketEvents) {
    this.#events = events
  }

  send(text: string): void {
    this.sent.push(String(JSON.parse(text).type))
  }

  close(_code: number, reason: string): void {
    this.closeReason ??= reason
  }

  terminate(): void {}

  /** The server accepts the socket and confirms the settings. `expiresInMs`: when the session will end. */
  ready(expiresAtMs?: number): void {
    this.#events.opened()
    this.confirm(expiresAtMs)
  }

  confirm(expiresAtMs?: number): void {
    const side = { format: { type: "audio/pcmu" } }
    const expiry = expiresAtMs === undefined ? {} : { expires_at: expiresAtMs / 1_000 }
    this.emit("session.updated", { session: { ...expiry, audio: { input: side, output: side } } })
  }

  emit(type: string, fields: object = {}): void {
    this.#events.text(JSON.stringify({ type, ...fields }))
  }

  drop(): void {
    this.#events.closed({ code: 1006, reason: "", opened: true, refusedStatus: null })
  }

  refuse(refusedStatus: number): void {
    this.#events.closed({ code: 1002, reason: "", opened: false, refusedStatus })
  }
}

class Fixture implements Disposable {
  readonly clock = new TestClock()
  readonly sockets: TestSocket[] = []
  /** What was reported, in order: events of connections by their epoch, and where the caller's audio goes. */
  readonly reports: string[] = []
  betweenTurns = true
  readonly connection = new ReconnectingConnection({
    connect: (events) => {
      const socket = new TestSocket(events)
      this.sockets.push(socket)
      return socket
    },
    callerAudio: {
      sendTo: (socket) => this.#report(`audio to ${this.sockets.findIndex((other) => other === socket) + 1}`),
      hold: () => this.#report("audio held"),
    },
    session: () => ({ type: "realtime" }),
    prelude: () => ['{"type":"conversation.item.create"}'],
    isBetweenTurns: () => this.betweenTurns,
    connectMs: 5_000,
    liveness: { pingMs: 5_000, stallMs: 3_000 },
    events: {
      ready: ({ epoch }, again) => this.#report(`ready ${epoch}${again ? " again" : ""}`),
      event: ({ type }, { epoch }) => {
        if (!type.startsWith("session")) this.#report(`${type} ${epoch}`)
      },
      lost: ({ reason }) => this.#report(`lost: ${reason}`),
      failed: ({ reason }) => this.#report(`failed: ${reason}`),
    },
    sweep: this.clock.sweep,
    log: notedLog(),
  })

  /** With a first connection that works, and nothing in the reports. */
  static ready(expiresInMs?: number): Fixture {
    const fixture = new Fixture()
    fixture.socket(1).ready(expiresInMs === undefined ? undefined : fixture.clock.now() + expiresInMs)
    fixture.reports.length = 0
    return fixture
  }

  socket(number: number): TestSocket {
    const socket = this.sockets[number - 1]
    if (!socket) throw new Error(`there is no socket ${number}`)
    return socket
  }

  get epoch(): number | undefined {
    return this.connection.current?.epoch
  }

  take(): string[] {
    return this.reports.splice(0)
  }

  #report(text: string): void {
    this.reports.push(text)
  }

  [Symbol.dispose](): void {
    this.connection.close()
    this.clock.advance(1_000)
    expect({ deadlines: this.clock.sweep.size, errors: this.clock.errors }).toEqual({
      deadlines: 0,
      errors: [],
    })
    this.clock[Symbol.dispose]()
  }
}

describe("the first connection", () => {
  test("is given settings, then the conversation; it is ready before the caller's audio is sent to it", () => {
    using fixture = new Fixture()
    expect(fixture.epoch).toBeUndefined()
    fixture.socket(1).ready()
    expect(fixture.socket(1).sent).toEqual(["session.update", "conversation.item.create"])
    expect(fixture.take()).toEqual(["ready 1", "audio to 1"])
    expect(fixture.epoch).toBe(1)
  })

  test("carries events and frames, and updates of the session", () => {
    using fixture = Fixture.ready()
    fixture.socket(1).sent.length = 0
    fixture.connection.update()
    fixture.connection.current?.send('{"type":"response.create"}')
    fixture.socket(1).emit("input_audio_buffer.committed", { item_id: "item_1" })
    expect(fixture.socket(1).sent).toEqual(["session.update", "response.create"])
    expect(fixture.take()).toEqual(["committed 1"])
  })
})

describe("a lost connection", () => {
  test("is replaced at once, and its late events are ignored", () => {
    using fixture = Fixture.ready()
    fixture.socket(1).drop()
    expect({ reports: fixture.take(), sockets: fixture.sockets.length, epoch: fixture.epoch }).toEqual({
      reports: ["audio held", "lost: closed"],
      sockets: 2,
      epoch: undefined,
    })
    fixture.socket(2).ready()
    fixture.socket(1).emit("input_audio_buffer.committed", { item_id: "item_1" })
    expect(fixture.take()).toEqual(["ready 2 again", "audio to 2"])
  })

  test.each<[string, (fixture: Fixture) => void]>([
    ["that the server refused", (fixture) => fixture.socket(1).refuse(429)],
    [
      "for the second time",
      (fixture) => {
        fixture.socket(1).drop()
        fixture.socket(2).drop()
      },
    ],
  ])("%s is replaced after a second", (_, lose) => {
    using fixture = new Fixture()
    lose(fixture)
    const sockets = fixture.sockets.length
    fixture.clock.advance(999)
    expect(fixture.sockets).toHaveLength(sockets)
    fixture.clock.advance(1)
    expect(fixture.sockets).toHaveLength(sockets + 1)
  })

  test.each<[string, (fixture: Fixture) => void, string]>([
    ["a server that will always refuse", (fixture) => fixture.socket(1).refuse(401), "failed: refused"],
    [
      "a third loss in a row",
      (fixture) => {
        fixture.socket(1).drop()
        fixture.socket(2).drop()
        fixture.clock.advance(1_000)
        fixture.socket(3).drop()
      },
      "failed: closed",
    ],
    [
      "an outage of six seconds",
      (fixture) => {
        fixture.clock.advance(4_900)
        fixture.socket(1).drop()
        fixture.clock.advance(1_200)
        fixture.socket(2).drop()
      },
      "failed: closed",
    ],
  ])("is the last one after %s", (_, lose, report) => {
    using fixture = new Fixture()
    lose(fixture)
    const sockets = fixture.sockets.length
    expect(fixture.take().at(-1)).toBe(report)
    fixture.clock.advance(60_000)
    expect({ sockets: fixture.sockets.length, reports: fixture.take() }).toEqual({ sockets, reports: [] })
  })

  test("that does not answer in time is replaced by one that has less time", () => {
    using fixture = new Fixture()
    fixture.clock.advance(5_000)
    expect(fixture.take()).toEqual(["audio held", "lost: timeout"])
    fixture.clock.advance(2_500)
    expect(fixture.take()).toEqual(["audio held", "failed: timeout"])
  })

  test("counts no more once the model has completed a response", () => {
    using fixture = Fixture.ready()
    for (let loss = 1; loss <= 5; loss++) {
      fixture.socket(loss).drop()
      fixture.socket(loss + 1).ready()
      fixture.connection.proven()
    }
    expect(fixture.epoch).toBe(6)
  })
})

describe("a connection that does not work", () => {
  test("is closed and replaced", () => {
    using fixture = Fixture.ready()
    fixture.connection.giveUp({ retryable: true, message: "no data" })
    expect({ reason: fixture.socket(1).closeReason, sockets: fixture.sockets.length }).toEqual({
      reason: "replaced",
      sockets: 2,
    })
    expect(fixture.take()).toEqual(["audio held", "lost: stalled"])
  })

  test("is the last one where another would not work either", () => {
    using fixture = Fixture.ready()
    fixture.connection.giveUp({ retryable: false, message: "no quota" })
    fixture.connection.giveUp({ retryable: false, message: "no quota" })
    expect(fixture.take()).toEqual(["audio held", "failed: stalled"])
  })

  test("gets a failed response requested twice, and more after one that was completed", () => {
    using fixture = Fixture.ready()
    const { connection } = fixture
    const before = [connection.mayRetry(), connection.mayRetry(), connection.mayRetry()]
    connection.proven()
    expect([...before, connection.mayRetry()]).toEqual([true, true, false, true])
  })
})

describe("a session that expires", () => {
  test.each([
    ["in an hour is renewed five minutes before", 60 * 60_000, 55 * 60_000],
    ["soon is renewed when half of it is over", 60_000, 30_000],
    ["at once is renewed after two seconds", 1_000, 2_000],
  ])("%s", (_, expiresInMs, renewedAfterMs) => {
    using fixture = Fixture.ready(expiresInMs)
    fixture.clock.advance(renewedAfterMs - 1)
    expect(fixture.sockets).toHaveLength(1)
    fixture.clock.advance(1)
    expect(fixture.sockets).toHaveLength(2)
    expect(fixture.epoch).toBe(1)
    fixture.socket(2).ready()
    expect(fixture.take()).toEqual(["ready 2", "audio to 2"])
    expect(fixture.socket(1).closeReason).toBe("renewed")
  })

  test("is not renewed in the middle of a turn", () => {
    using fixture = Fixture.ready(60_000)
    fixture.betweenTurns = false
    fixture.clock.advance(35_000)
    expect(fixture.sockets).toHaveLength(1)
    fixture.betweenTurns = true
    fixture.clock.advance(2_000)
    expect(fixture.sockets).toHaveLength(2)
  })

  test("keeps its connection when a turn begins while the next one is made", () => {
    using fixture = Fixture.ready(60_000)
    fixture.clock.advance(30_000)
    fixture.betweenTurns = false
    fixture.socket(2).ready()
    expect({ epoch: fixture.epoch, reason: fixture.socket(2).closeReason }).toEqual({ epoch: 1, reason: "" })
    fixture.betweenTurns = true
    fixture.clock.advance(2_000)
    fixture.socket(3).ready()
    expect(fixture.epoch).toBe(3)
  })

  test("keeps its connection when the next one is lost before it is ready, and tries again", () => {
    using fixture = Fixture.ready(60_000)
    fixture.clock.advance(30_000)
    fixture.socket(2).drop()
    expect({ epoch: fixture.epoch, reports: fixture.take() }).toEqual({ epoch: 1, reports: [] })
    fixture.clock.advance(2_000)
    expect(fixture.sockets).toHaveLength(3)
  })

  test("that is updated while the next connection is made still changes to that one", () => {
    using fixture = Fixture.ready(60_000)
    fixture.clock.advance(30_000)
    fixture.socket(1).confirm(fixture.clock.now() + 30_000)
    fixture.socket(2).ready()
    expect(fixture.epoch).toBe(2)
  })

  test("is lost as any other once it was renewed", () => {
    using fixture = Fixture.ready(60_000)
    fixture.clock.advance(30_000)
    fixture.socket(2).ready()
    fixture.take()
    fixture.socket(2).drop()
    expect(fixture.take()).toEqual(["audio held", "lost: closed"])
    expect(fixture.sockets).toHaveLength(3)
  })

  test("and is lost leaves no next connection open", () => {
    using fixture = Fixture.ready(60_000)
    fixture.clock.advance(30_000)
    fixture.socket(1).drop()
    expect(fixture.socket(2).closeReason).toBe("")
    fixture.socket(3).ready()
    expect(fixture.epoch).toBe(3)
  })
})

describe("the end of the call", () => {
  test("leaves a retired connection that reports events, gets no audio and is not replaced", () => {
    using fixture = Fixture.ready(60_000)
    fixture.connection.retire()
    fixture.socket(1).emit("input_audio_buffer.committed", { item_id: "item_1" })
    expect({ reports: fixture.take(), epoch: fixture.epoch }).toEqual({
      reports: ["audio held", "committed 1"],
      epoch: 1,
    })
    fixture.socket(1).drop()
    fixture.clock.advance(60_000)
    expect({ sockets: fixture.sockets.length, reports: fixture.take(), epoch: fixture.epoch }).toEqual({
      sockets: 1,
      reports: [],
      epoch: undefined,
    })
  })

  test.each<[string, (fixture: Fixture) => void]>([
    ["while it connects", () => {}],
    ["while it waits for another attempt", (fixture) => fixture.socket(1).refuse(503)],
    ["while it is ready", (fixture) => fixture.socket(1).ready(fixture.clock.now() + 60_000)],
    [
      "while it is renewed",
      (fixture) => {
        fixture.socket(1).ready(fixture.clock.now() + 60_000)
        fixture.clock.advance(30_000)
      },
    ],
  ])("closes every socket, and no other one is opened: %s", (_, happens) => {
    using fixture = new Fixture()
    happens(fixture)
    const { length } = fixture.sockets
    fixture.connection.close()
    fixture.connection.close()
    fixture.clock.advance(120_000)
    expect({ sockets: fixture.sockets.length, epoch: fixture.epoch }).toEqual({
      sockets: length,
      epoch: undefined,
    })
    const isOpen = fixture.sockets.map(({ closeReason }) => closeReason === undefined)
    // The refused one was never open.
    expect(isOpen.filter(Boolean)).toHaveLength(_ === "while it waits for another attempt" ? 1 : 0)
  })

  test("retiring without a connection closes", () => {
    using fixture = new Fixture()
    fixture.connection.retire()
    fixture.socket(1).ready()
    expect({ reports: fixture.take(), epoch: fixture.epoch }).toEqual({
      reports: ["audio held"],
      epoch: undefined,
    })
  })
})
