/** A socket without a token in its path: who may have it, and when it is given up. */

import { expect, test } from "bun:test"
import { TOKEN_PARAMETER } from "../../src/call/ids.ts"
import type { ForeignSetup, TakeCall } from "../../src/control/adopt-call.ts"
import { ClaimingSession, type ClaimingSessionOptions } from "../../src/relay/claiming-session.ts"
import { TestClock } from "../lib/test-clock.ts"
import { settled } from "../fakes/scripted-model.ts"
import { frame, NotedSocket, notedLog, sampleCall } from "./samples.ts"

function stand({
  claim = (token: string) => (token === "good" ? sampleCall() : undefined),
  find = () => Promise.resolve(() => undefined),
}: Partial<Pick<ClaimingSessionOptions, "claim" | "find">> = {}) {
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
    find,
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
  ["an unknown token", "bad"],
  ["an empty token", ""],
])("a setup with %s is refused, and so is every later one", (_, token) => {
  using s = stand()
  s.session.receive(frame.setup({ customParameters: { [TOKEN_PARAMETER]: token } }))
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

// Without a token

const FOREIGN = frame.setup({ customParameters: { contextKey: "polite" } })

function finding() {
  const found = Promise.withResolvers<TakeCall>()
  const asked: ForeignSetup[] = []
  const s = stand({
    find: (setup) => {
      asked.push(setup)
      return found.promise
    },
  })
  return { ...s, asked, found, [Symbol.dispose]: () => s[Symbol.dispose]() }
}

test("frames wait until the call is found, and then come in their order", async () => {
  using s = finding()
  s.session.receive(FOREIGN)
  s.session.receive("one")
  expect(s.told).toEqual([])
  s.found.resolve(() => sampleCall())
  await settled()
  s.session.receive("two")
  expect(s.asked).toEqual([
    { callSid: sampleCall().sid ?? expect.anything(), parameters: { contextKey: "polite" } },
  ])
  expect(s.told).toEqual([`default: ${FOREIGN}`, "default: one", "default: two"])
  expect(s.clock.sweep.size).toBe(0)
})

test("a call that cannot be had closes the socket", async () => {
  using s = finding()
  s.session.receive(FOREIGN)
  s.found.resolve(() => undefined)
  await settled()
  expect(s.socket.closes).toEqual([
    { code: 4403, reason: "the call is unknown, over, or has another session" },
  ])
  expect(s.told).toEqual([])
})

test.each([
  ["33 frames", Array.from({ length: 32 }, () => "x")],
  ["one that is huge", ["x".repeat(64 * 1024)]],
])("%s are too many to wait", async (_, frames) => {
  using s = finding()
  s.session.receive(FOREIGN)
  for (const text of frames) s.session.receive(text)
  s.found.resolve(() => sampleCall())
  await settled()
  expect(s.socket.closes).toEqual([{ code: 1008, reason: "too many frames before the call was confirmed" }])
  expect(s.told).toEqual([])
})

test("an answer that takes too long is not waited for, and is not taken when it comes", async () => {
  using s = finding()
  s.session.receive(FOREIGN)
  s.clock.advance(1000)
  s.found.resolve(() => sampleCall())
  await settled()
  expect(s.socket.closes).toEqual([{ code: 4408, reason: "the call was not confirmed in time" }])
  expect(s.told).toEqual([])
})

test("a socket that closed meanwhile takes no call", async () => {
  using s = finding()
  let taken = 0
  s.session.receive(FOREIGN)
  s.session.closed(1006, "")
  s.found.resolve(() => {
    taken += 1
    return sampleCall()
  })
  await settled()
  expect({ taken, told: s.told, deadlines: s.clock.sweep.size }).toEqual({ taken: 0, told: [], deadlines: 0 })
})
