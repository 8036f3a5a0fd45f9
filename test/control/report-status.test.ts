import { expect, test } from "bun:test"
import { AppUnderTest } from "../server/app-under-test.ts"
import { prompt, setupFrame, voiceForm } from "../server/client.ts"

type Status = { status: string; at?: number; sequence?: number; seconds?: number; sip?: string }

/** Status callbacks of one call, in the order in which they arrive. */
async function report(
  app: AppUnderTest,
  callSid: string,
  { status, at, sequence, seconds, sip }: Status,
): Promise<void> {
  const when =
    at === undefined
      ? {}
      : { Timestamp: new Date(app.clock.now() + at * 1000).toUTCString().replace("GMT", "+0000") }
  const form = {
    ...voiceForm({ CallSid: callSid, CallStatus: status }),
    ...when,
    ...(sequence === undefined ? {} : { SequenceNumber: String(sequence) }),
    ...(seconds === undefined ? {} : { CallDuration: String(seconds) }),
    ...(sip === undefined ? {} : { SipResponseCode: sip }),
  }
  expect((await app.webhook("/twilio/status", form)).status).toBe(204)
}

/** Why an incoming call ends that Twilio reports as `no-answer` or `canceled`. */
const ABANDONED = "the caller hung up before the call was answered"

const START = "2026-11-20T00:00:"

test.each<[string, Status[], Record<string, unknown>]>([
  [
    "in order",
    [
      { status: "in-progress", at: 2, sequence: 2 },
      { status: "completed", at: 9, sequence: 3, seconds: 7 },
    ],
    { status: "completed", answeredAt: `${START}02.000Z`, endedAt: `${START}09.000Z`, durationSeconds: 7 },
  ],
  [
    "the end first",
    [
      { status: "completed", at: 9, sequence: 3, seconds: 7 },
      { status: "in-progress", at: 2, sequence: 2 },
      { status: "ringing", at: 1, sequence: 1 },
    ],
    { status: "completed", endedAt: `${START}09.000Z`, durationSeconds: 7 },
  ],
  [
    "an end without a duration",
    [
      { status: "in-progress", at: 2, sequence: 2 },
      { status: "completed", at: 9, sequence: 3 },
    ],
    { status: "completed", durationSeconds: 7 },
  ],
  [
    "everything twice",
    [
      { status: "in-progress", at: 2, sequence: 2 },
      { status: "in-progress", at: 4, sequence: 2 },
      { status: "completed", at: 9, sequence: 3, seconds: 7 },
      { status: "completed", at: 11, sequence: 3, seconds: 9 },
    ],
    { status: "completed", answeredAt: `${START}02.000Z`, endedAt: `${START}09.000Z`, durationSeconds: 7 },
  ],
  [
    "two ends that disagree",
    [
      { status: "no-answer", at: 3 },
      { status: "completed", at: 9, seconds: 7 },
    ],
    { status: "no-answer", endedAt: `${START}03.000Z`, endedBy: "caller", endReason: ABANDONED },
  ],
  [
    "a busy line",
    [{ status: "busy", at: 3, seconds: 0 }],
    { status: "busy", answeredAt: null, durationSeconds: 0 },
  ],
  [
    "a number that cannot be reached",
    [{ status: "failed", at: 3, sip: "404" }],
    { status: "failed", endReason: "the call could not be connected (SIP 404)" },
  ],
  [
    "a cancelled call",
    [{ status: "canceled" }],
    { status: "canceled", endedBy: "caller", endReason: ABANDONED },
  ],
  ["no times at all", [{ status: "completed" }], { status: "completed", endedAt: `${START}00.000Z` }],
])("statuses that come %s", async (_, statuses, expected) => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  for (const status of statuses) await report(app, callSid, status)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject(expected)
})

test("the end of a call is one event, no matter who reports it and how often", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  for (const sequence of [3, 3, 4]) await report(app, callSid, { status: "completed", sequence })
  const { events } = await app.json(`/v1/calls/${callSid}/events`)
  expect(events.map(({ type, status, by }: Record<string, string>) => [type, status ?? by ?? ""])).toEqual([
    ["call.created", ""],
    ["call.status-changed", "ringing"],
    ["call.status-changed", "completed"],
    ["call.ended", "caller"],
  ])
})

test("a session that outlives its call by 5 seconds is closed", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socketUrl } = await app.incoming()
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  socket.send(prompt("Hello"))
  await socket.frames.next(({ last }) => last === true)
  await report(app, callSid, { status: "completed" })
  app.clock.advance(4900)
  expect(await app.counts()).toMatchObject({ openSockets: 1 })
  app.clock.advance(100)
  expect(await socket.closed).toEqual({ code: 1000, reason: "the call is over" })
  expect(await app.counts()).toMatchObject({ openSockets: 0, activeSessions: 0, expectedSockets: 0 })
})

test("a place that was kept for a call is free when the call is over before its socket opened", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  expect(await app.counts()).toMatchObject({ expectedSockets: 1 })
  await report(app, callSid, { status: "completed" })
  expect(await app.counts()).toMatchObject({ expectedSockets: 0 })
})

test("a session that opens after the end of its call is closed", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, form, socketUrl } = await app.incoming()
  const socket = app.socket(socketUrl)
  await socket.opened
  await app.webhook("/twilio/status", { ...form, CallStatus: "completed" })
  socket.send(setupFrame(callSid))
  await app.events.next(({ event }) => event.type === "session.opened")
  await app.clock.pass(6_000)
  expect(await socket.closed).toEqual({ code: 1000, reason: "the call is over" })
  expect(await app.counts()).toMatchObject({ activeSessions: 0 })
})
