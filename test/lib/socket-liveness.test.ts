import { expect, test } from "bun:test"
import { SocketLiveness } from "../../src/lib/socket-liveness.ts"
import { TestClock } from "./test-clock.ts"

class Fixture implements Disposable {
  readonly clock = new TestClock()
  readonly lost: string[] = []
  pings = 0
  readonly liveness = new SocketLiveness({
    socket: { ping: () => void this.pings++ },
    times: { pingMs: 5_000, stallMs: 3_000 },
    sweep: this.clock.sweep,
    onLost: (message) => this.lost.push(message),
  })

  /** What is known after so many milliseconds. */
  after(ms: number): [pings: number, lost: string[]] {
    this.clock.advance(ms)
    return [this.pings, this.lost]
  }

  [Symbol.dispose](): void {
    this.liveness.stop()
    this.liveness.stop()
    expect({ deadlines: this.clock.sweep.size, errors: this.clock.errors }).toEqual({
      deadlines: 0,
      errors: [],
    })
    this.clock[Symbol.dispose]()
  }
}

test("a peer that answers every ping stays", () => {
  using fixture = new Fixture()
  for (let ping = 0; ping < 10; ping++) {
    fixture.clock.advance(5_000)
    fixture.liveness.seen()
  }
  expect(fixture.after(0)).toEqual([10, []])
})

test("a peer that answers one of two pings stays", () => {
  using fixture = new Fixture()
  for (let ping = 0; ping < 10; ping++) {
    fixture.clock.advance(5_000)
    if (ping % 2 === 1) fixture.liveness.seen()
  }
  expect(fixture.after(0)).toEqual([10, []])
})

test("a peer that answers no ping is lost with the second one that is not answered, once", () => {
  using fixture = new Fixture()
  expect(fixture.after(14_999)).toEqual([2, []])
  expect(fixture.after(60_000)).toEqual([2, ["no pong for 10000 ms"]])
})

test.each<[string, readonly number[], boolean]>([
  ["that takes nothing for three seconds is lost", [10, 10, 10, 10], true],
  ["that takes nothing while more is sent is lost", [10, 20, 30, 40], true],
  ["that takes a little stays", [10, 9, 8, 7, 6], false],
  ["that takes something every two seconds stays", [10, 20, 15, 25, 20, 30, 25], false],
  ["to which nothing is unsent stays", [0, 0, 0, 0, 0], false],
])("a peer %s", (_, unsent, isLost) => {
  using clock = new TestClock()
  const lost: string[] = []
  const socket = { bufferedAmount: 0 }
  const liveness = new SocketLiveness({
    socket,
    times: { pingMs: 5_000, stallMs: 3_000 },
    sweep: clock.sweep,
    onLost: (message) => lost.push(message),
  })
  for (const bytes of unsent) {
    socket.bufferedAmount = bytes
    clock.advance(1_000)
  }
  liveness.stop()
  expect(lost).toEqual(isLost ? ["no data accepted for 3000 ms"] : [])
})
