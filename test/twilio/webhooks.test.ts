/** Webhook forms: what Twilio sends, what it leaves out, and what is invalid. */

import { describe, expect, test } from "bun:test"
import { AppError } from "../../src/lib/errors.ts"
import { parseForm } from "../../src/twilio/form.ts"
import { parseConnectEndedWebhook, parseStatusWebhook, parseVoiceWebhook } from "../../src/twilio/webhooks.ts"

const callSid = "CA00000000000000000000000000000001"
const accountSid = "AC00000000000000000000000000000000"

function thrownBy(run: () => unknown): AppError {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError) return error
  }
  throw new Error("threw no AppError")
}

describe("voice", () => {
  const form = {
    CallSid: callSid,
    AccountSid: accountSid,
    From: "+15550100001",
    To: "+15550100002",
    Caller: "+15550100001",
    CallStatus: "ringing",
    Direction: "inbound",
    ApiVersion: "2010-04-01",
    CallerName: "",
    StirVerstat: "TN-Validation-Passed-A",
    FromCity: "",
    SomethingNew: "2027",
  }
  const parsed: object = {
    callSid,
    accountSid,
    parentCallSid: null,
    from: "+15550100001",
    to: "+15550100002",
    callStatus: "ringing",
    direction: "inbound",
    answeredBy: null,
    forwardedFrom: null,
    callerName: null,
    stirVerstat: "TN-Validation-Passed-A",
  }

  test.each([
    ["an inbound call with unknown fields", form, parsed],
    [
      "an outbound call",
      { ...form, Direction: "outbound-api", CallStatus: "in-progress", AnsweredBy: "human" },
      { ...parsed, direction: "outbound", callStatus: "in-progress", answeredBy: "human" },
    ],
    ["a withheld caller", { ...form, From: "anonymous" }, { ...parsed, from: "anonymous" }],
    ["no caller at all", { ...form, From: "" }, { ...parsed, from: "" }],
    [
      "SIP and client addresses",
      { ...form, From: "sip:bob@pbx.example.com", To: "client:alice" },
      { ...parsed, from: "sip:bob@pbx.example.com", to: "client:alice" },
    ],
    [
      "a forwarded call with a name",
      { ...form, ForwardedFrom: "+15550100003", CallerName: "ACME" },
      { ...parsed, forwardedFrom: "+15550100003", callerName: "ACME" },
    ],
    ["a repeated field counts once", { ...form, From: ["+15550100001", "+15550109999"] }, parsed],
  ])("%s", (_, given, expected) => expect<object>(parseVoiceWebhook(given)).toEqual(expected))

  test("missing optional fields are null and the direction is inbound", () => {
    const { CallSid, From, To, CallStatus } = form
    expect<object>(parseVoiceWebhook({ CallSid, From, To, CallStatus })).toEqual({
      ...parsed,
      accountSid: null,
      stirVerstat: null,
    })
  })

  test("every wrong field is named at once", () => {
    const error = thrownBy(() => parseVoiceWebhook(parseForm("CallSid=CAxyz&CallStatus=dancing&To=%2B1")))
    expect(error.code).toBe("INVALID_REQUEST")
    expect(error.details).toEqual([
      { field: "CallSid", message: "must be CA followed by 32 letters or digits" },
      { field: "From", message: expect.any(String) },
      { field: "CallStatus", message: expect.any(String) },
    ])
    expect(error.message).toContain("CallSid: must be CA")
    expect(error.message).toContain("From:")
  })

  test("values are not repeated in the message", () => {
    const error = thrownBy(() =>
      parseVoiceWebhook({ CallSid: "<script>", From: "+15550100001", CallStatus: "x".repeat(100_000) }),
    )
    expect(error.message).not.toContain("<script>")
    expect(error.message.length).toBeLessThan(600)
  })
})

describe("status", () => {
  const nothing: object = {
    callSid,
    accountSid: null,
    parentCallSid: null,
    from: null,
    to: null,
    callStatus: "completed",
    direction: null,
    sequenceNumber: null,
    at: null,
    durationSeconds: null,
    sipResponseCode: null,
    answeredBy: null,
  }

  test.each([
    ["the least", { CallSid: callSid, CallStatus: "completed" }, nothing],
    [
      "the end of a call",
      {
        CallSid: callSid,
        AccountSid: accountSid,
        CallStatus: "completed",
        From: "+15550100001",
        To: "+15550100002",
        Direction: "outbound-api",
        SequenceNumber: "3",
        Timestamp: "Sun, 30 Aug 2026 10:15:00 +0000",
        CallDuration: "42",
        Duration: "1",
        SipResponseCode: "200",
        CallbackSource: "call-progress-events",
      },
      {
        ...nothing,
        accountSid,
        from: "+15550100001",
        to: "+15550100002",
        direction: "outbound",
        sequenceNumber: 3,
        at: Date.UTC(2026, 7, 30, 10, 15),
        durationSeconds: 42,
        sipResponseCode: 200,
      },
    ],
    [
      "the first event",
      { CallSid: callSid, CallStatus: "initiated", SequenceNumber: "0" },
      { ...nothing, callStatus: "initiated", sequenceNumber: 0 },
    ],
    [
      "numbers and times that are none",
      {
        CallSid: callSid,
        CallStatus: "busy",
        SequenceNumber: "-1",
        Timestamp: "soon",
        CallDuration: "1e3",
        SipResponseCode: "9".repeat(400),
      },
      { ...nothing, callStatus: "busy" },
    ],
  ])("%s", (_, given, expected) => expect<object>(parseStatusWebhook(given)).toEqual(expected))

  test.each([
    ["no call", { CallStatus: "completed" }, "CallSid"],
    ["no status", { CallSid: callSid }, "CallStatus"],
    ["an unknown status", { CallSid: callSid, CallStatus: "exploded" }, "CallStatus"],
    ["a call in lower case", { CallSid: callSid.toLowerCase(), CallStatus: "busy" }, "CallSid"],
    ["another kind of SID", { CallSid: accountSid, CallStatus: "busy" }, "CallSid"],
    ["a huge call", { CallSid: `CA${"0".repeat(100_000)}`, CallStatus: "busy" }, "CallSid"],
    ["a list without a value", { CallSid: [], CallStatus: "busy" }, "CallSid"],
  ])("refused: %s", (_, given, field) => {
    const error = thrownBy(() => parseStatusWebhook(given))
    expect({ code: error.code, details: error.details }).toEqual({
      code: "INVALID_REQUEST",
      details: [{ field, message: expect.any(String) }],
    })
  })
})

describe("connect ended", () => {
  const form = {
    CallSid: callSid,
    CallStatus: "in-progress",
    SessionId: "VX01",
    SessionStatus: "ended",
    SessionDuration: "42",
  }
  const parsed: object = {
    callSid,
    accountSid: null,
    from: null,
    to: null,
    callStatus: "in-progress",
    direction: null,
    sessionId: "VX01",
    sessionStatus: "ended",
    durationSeconds: 42,
    handoffData: null,
    errorCode: null,
    errorMessage: null,
  }

  test.each([
    [
      "ended by us, with data",
      { ...form, HandoffData: `{"reason":"human"}` },
      { ...parsed, handoffData: `{"reason":"human"}` },
    ],
    [
      "ended by the caller",
      { ...form, CallStatus: "completed", SessionStatus: "completed" },
      { ...parsed, callStatus: "completed", sessionStatus: "completed" },
    ],
    [
      "a lost socket",
      { ...form, SessionStatus: "failed", ErrorCode: "64105", ErrorMessage: "Websocket ended" },
      { ...parsed, sessionStatus: "failed", errorCode: "64105", errorMessage: "Websocket ended" },
    ],
    [
      "an unknown status counts as failed",
      { ...form, SessionStatus: "exploded" },
      { ...parsed, sessionStatus: "failed" },
    ],
    [
      "no session at all",
      { CallSid: callSid, CallStatus: "in-progress" },
      { ...parsed, sessionId: null, sessionStatus: "failed", durationSeconds: null },
    ],
  ])("%s", (_, given, expected) => expect<object>(parseConnectEndedWebhook(given)).toEqual(expected))

  test("a form without a call is refused", () => {
    expect(thrownBy(() => parseConnectEndedWebhook({})).details).toEqual([
      { field: "CallSid", message: expect.any(String) },
      { field: "CallStatus", message: expect.any(String) },
    ])
  })
})
