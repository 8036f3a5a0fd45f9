/** Which calls are live, and the slots reserved for those that are to open a session. */

import { expect, test } from "bun:test"
import { newCallId, type CallId } from "../../src/call/ids.ts"
import { LiveCalls, type LiveCall } from "../../src/call/live-calls.ts"

function live(callId: CallId = newCallId()) {
  const closes: number[] = []
  // Only what the list itself calls.
  const call = { callId, close: (code: number) => void closes.push(code) } as unknown as LiveCall
  return { call, closes }
}

test("a slot is reserved until its time is over, and counts once when the session opens", async () => {
  const calls = new LiveCalls()
  const [a, b] = [live(), live()]
  await calls.reserve(a.call.callId, { now: 0, until: 100 })
  await calls.reserve(b.call.callId, { now: 0, until: 200 })
  expect(calls.inUse(99)).toBe(2)
  calls.add(b.call)
  expect({ inUse: calls.inUse(99), size: calls.size }).toEqual({ inUse: 2, size: 1 })
  expect([await calls.isReserved(a.call.callId, 99), await calls.isReserved(b.call.callId, 99)]).toEqual([
    true,
    false,
  ])
  expect(calls.inUse(100)).toBe(1)
  await calls.reserve(b.call.callId, { now: 100, until: 900 })
  expect(calls.inUse(100)).toBe(1)
})

test("a slot may be released", async () => {
  const calls = new LiveCalls()
  const id = newCallId()
  await calls.reserve(id, { now: 0, until: 100 })
  await calls.release(id)
  await calls.release(id)
  expect(calls.inUse(0)).toBe(0)
})

test("of many calls at once no more get a slot than there are, and a call that has one keeps it", async () => {
  const calls = new LiveCalls()
  const { call } = live()
  calls.add(call)
  const ids = Array.from({ length: 20 }, () => newCallId())
  const request = { now: 0, until: 100, most: 4 }
  const reserved = await Promise.all(ids.map((id) => calls.reserve(id, request)))
  expect(reserved.filter(Boolean)).toHaveLength(3)
  expect(await calls.reserve(ids[0] ?? call.callId, request)).toBe(true)
  expect(await calls.reserve(call.callId, request)).toBe(true)
  expect(calls.inUse(0)).toBe(4)
})

test("of many who want the unused slot of one call at once one gets it, and none while it has a session", async () => {
  const calls = new LiveCalls()
  const { call } = live()
  const request = { now: 0, until: 100 }
  const reserved = await Promise.all(
    Array.from({ length: 20 }, () => calls.reserveUnused(call.callId, request)),
  )
  expect(reserved.filter(Boolean)).toHaveLength(1)
  expect(await calls.reserveUnused(call.callId, { now: 100, until: 200 })).toBe(true)
  calls.add(call)
  expect(await calls.reserveUnused(call.callId, { now: 300, until: 400 })).toBe(false)
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

test("a session is held until Twilio has given it up, and the next one is held again", () => {
  const calls = new LiveCalls()
  const first = live()
  const { callId } = first.call
  calls.giveUp(callId)
  expect(calls.isHeld(callId)).toBe(false)
  const leave = calls.add(first.call)
  const states = [calls.isHeld(callId)]
  calls.giveUp(callId)
  states.push(calls.isHeld(callId))
  const leaveSecond = calls.add(live(callId).call)
  leave()
  states.push(calls.isHeld(callId))
  leaveSecond()
  states.push(calls.isHeld(callId))
  expect(states).toEqual([true, false, true, false])
})
