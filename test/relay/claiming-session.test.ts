/** A socket without a token in its path: who may have it, and when it is given up. */

import { expect, test } from "bun:test"
import { TOKEN_PARAMETER } from "../../src/call/ids.ts"
import { ClaimingSession } from "../../src/relay/claiming-session.ts"
import { TestClock } from "../lib/test-clock.ts"
import { frame, NotedSocket, notedLog, sampleCall } from "./samples.ts"

function stand({ claim = (token: string) => (token === "good" ? sampleCall() : undefined) } = {}) {
  const clock = new TestClock()
  const socket = new NotedSocket()
  const log = notedLog()
  const told: string[] = []
  const claims: string[] = []
  const session = new ClaimingSession({
    socket,
    claim: (token) => {
      claims.push(token)
      return claim(token)
    },
    open: (call) => ({
      receive: (text) => void told.push(`${call.agent}: ${text}`),
      closed: (code, reason) => void told.push(`closed ${code} ${reason}`),
    }),
    setupMs: 1000,
    sweep: clock.sweep,
    log,
  })
  return { clock, socket, log, told, claims, session, [Symbol.dispose]: () => clock[Symbol.dispose]() }
}

const SETUP = frame.setup({ customParameters: { [TOKEN_PARAMETER]: "good" } })

test("the first setup claims the call, and the session gets that frame and all that follow", () => {
  using s = stand()
  s.session.receive(SETUP)
  s.session.receive("garbage")
  s.session.closed(1000, "bye")
  expect(s.told).toEqual([`default: ${SETUP}`, "default: garbage", "closed 1000 bye"])
  expect({ claims: s.claims, deadlines: s.clock.sweep.size }).toEqual({ claims: ["good"], deadlines: 0 })
})

test("frames before the setup are dropped and logged, with an end to the logging", () => {
  using s = stand()
  for (let n = 0; n < 50; n++) s.session.receive(n % 2 ? "garbage" : frame.prompt("Hello"))
  expect(s.log.lines).toHaveLength(10)
  expect(s.log.lines[0]).toBe("warn frame dropped: First frame was 'prompt', expected 'setup'")
  s.session.receive(SETUP)
  expect(s.told).toEqual([`default: ${SETUP}`])
})

test.each([
  ["an unknown token", frame.setup({ customParameters: { [TOKEN_PARAMETER]: "bad" } })],
  ["no token", frame.setup()],
])("a setup with %s is refused, and so is every later one", (_, setup) => {
  using s = stand()
  s.session.receive(setup)
  s.session.receive(SETUP)
  s.clock.advance(5000)
  s.session.closed(4403, "")
  expect(s.socket.closes).toEqual([{ code: 4403, reason: "the token is unknown, used or expired" }])
  expect({ told: s.told, claims: s.claims.length }).toEqual({ told: [], claims: 1 })
})

test("without a setup in time the socket is given up", () => {
  using s = stand()
  s.clock.advance(1000)
  s.session.receive(SETUP)
  expect(s.socket.closes).toEqual([{ code: 4408, reason: "no setup frame came" }])
  expect(s.claims).toEqual([])
})

test("a store that fails closes the socket, so that Twilio asks what to do", () => {
  using s = stand({
    claim: () => {
      throw new Error("disk full")
    },
  })
  s.session.receive(SETUP)
  expect(s.socket.closes).toEqual([{ code: 1011, reason: "the session could not be opened" }])
})

test("a socket that closes early leaves no deadline, and closing twice is harmless", () => {
  using s = stand()
  s.session.closed(1006, "")
  s.session.closed(1006, "")
  s.session.receive(SETUP)
  expect({ deadlines: s.clock.sweep.size, claims: s.claims }).toEqual({ deadlines: 0, claims: [] })
})
