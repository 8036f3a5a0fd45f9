/** Which calls are live, and the places kept for those that come. */

import { expect, test } from "bun:test"
import { newCallId, type CallId } from "../../src/call/ids.ts"
import { LiveCalls, type LiveCall } from "../../src/call/live-calls.ts"

function live(callId: CallId = newCallId()) {
  const closes: number[] = []
  // Only what the list itself calls.
  const call = { callId, close: (code: number) => void closes.push(code) } as unknown as LiveCall
  return { call, closes }
}

test("a place is kept until its time is over, and counts once when the session opens", () => {
  const calls = new LiveCalls()
  const [a, b] = [live(), live()]
  calls.expect(a.call.callId, 100)
  calls.expect(b.call.callId, 200)
  expect(calls.taken(99)).toBe(2)
  calls.add(b.call)
  expect({ taken: calls.taken(99), size: calls.size }).toEqual({ taken: 2, size: 1 })
  expect(calls.taken(100)).toBe(1)
  calls.expect(b.call.callId, 900)
  expect(calls.taken(100)).toBe(1)
})

test("a place may be given back", () => {
  const calls = new LiveCalls()
  const id = newCallId()
  calls.expect(id, 100)
  calls.forget(id)
  calls.forget(id)
  expect(calls.taken(0)).toBe(0)
})

test("a newer session replaces an earlier one, whose leaving then changes nothing", () => {
  const calls = new LiveCalls()
  const first = live()
  const second = live(first.call.callId)
  const leaveFirst = calls.add(first.call)
  const leaveSecond = calls.add(second.call)
  expect({ first: first.closes, second: second.closes }).toEqual({ first: [4409], second: [] })
  leaveFirst()
  expect(calls.get(first.call.callId)).toBe(second.call)
  leaveSecond()
  leaveSecond()
  expect({ size: calls.size, all: calls.all() }).toEqual({ size: 0, all: [] })
})
