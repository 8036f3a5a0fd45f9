/** The REST client against a Twilio on a local port: requests, answers, and every way of not getting one. */

import { describe, expect, test } from "bun:test"
import type { AddressInfo } from "node:net"
import { createServer } from "node:net"
import { CallSid } from "../../src/call/ids.ts"
import { createHttpClient, type Fetch } from "../../src/twilio/http-client.ts"
import { createTwilioRest } from "../../src/twilio/rest.ts"
import type { TwilioSdkOptions } from "../../src/twilio/sdk.ts"
import { TwilioRestError } from "../../src/twilio/rest-error.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"

const asked = {
  to: "+15550100001",
  from: "+15550100002",
  url: "https://voice.example.com/twilio/voice",
  statusCallback: "https://voice.example.com/twilio/status",
}
const T0 = Date.UTC(2026, 10, 20, 12)

/** A client of the fake that does not wait; `waits` are the pauses it asked for. */
function clientOf(twilio: FakeTwilio, options: Partial<TwilioSdkOptions> = {}) {
  const waits: number[] = []
  const rest = createTwilioRest({
    accountSid: twilio.accountSid,
    authToken: twilio.authToken,
    baseUrl: twilio.baseUrl,
    random: () => 0.5,
    sleep: async (ms) => {
      waits.push(ms)
    },
    ...options,
  })
  return { rest, waits }
}

async function failureOf(promise: Promise<unknown>): Promise<TwilioRestError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof TwilioRestError) return error
  throw new Error("did not fail as expected", { cause: error })
}

function newSid(digit: string): CallSid {
  return CallSid.parse(`CA${digit.repeat(32)}`)
}

describe("requests and answers", () => {
  test("a call is placed with every status reported", async () => {
    await using twilio = new FakeTwilio()
    const { rest } = clientOf(twilio)
    const placed = await rest.placeCall({ ...asked, timeLimitSeconds: 3600, timeoutSeconds: 30 })
    expect(placed).toEqual({ sid: expect.stringMatching(/^CA[0-9a-f]{32}$/), status: "queued" })
    expect(twilio.requests).toEqual([
      {
        method: "POST",
        path: `/2010-04-01/Accounts/${twilio.accountSid}/Calls.json`,
        query: {},
        form: {
          To: asked.to,
          From: asked.from,
          Url: asked.url,
          Method: "POST",
          StatusCallback: asked.statusCallback,
          StatusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
          StatusCallbackMethod: "POST",
          TimeLimit: "3600",
          Timeout: "30",
        },
        headers: expect.objectContaining({ "content-type": "application/x-www-form-urlencoded" }),
      },
    ])
  })

  test("limits that are not given are not sent", async () => {
    await using twilio = new FakeTwilio()
    await clientOf(twilio).rest.placeCall(asked)
    expect(Object.keys(twilio.requests[0]?.form ?? {})).not.toContain("Timeout")
    expect(Object.keys(twilio.requests[0]?.form ?? {})).not.toContain("TimeLimit")
  })

  test("a call is read in our words", async () => {
    await using twilio = new FakeTwilio()
    const sid = newSid("a")
    twilio.addCall({
      sid,
      status: "completed",
      start_time: "Fri, 20 Nov 2026 12:00:00 +0000",
      end_time: "Fri, 20 Nov 2026 12:01:30 +0000",
      duration: "90",
      price: "-0.02800",
    })
    expect(await clientOf(twilio).rest.fetchCall(sid)).toEqual({
      sid,
      status: "completed",
      from: asked.from,
      to: asked.to,
      direction: "outbound",
      startedAt: T0,
      endedAt: T0 + 90_000,
      durationSeconds: 90,
      price: { amount: 0.028, currency: "USD" },
    })
  })

  test("a call that waits has no times, and an unknown status is the earliest", async () => {
    await using twilio = new FakeTwilio()
    const sid = newSid("a")
    twilio.addCall({ sid, status: "teleporting", direction: "inbound", duration: "" })
    expect(await clientOf(twilio).rest.fetchCall(sid)).toMatchObject({
      status: "queued",
      direction: "inbound",
      startedAt: null,
      endedAt: null,
      durationSeconds: null,
      price: null,
    })
  })

  test("a call is ended, and ending it again is no error", async () => {
    await using twilio = new FakeTwilio()
    const { sid } = twilio.addCall({ status: "in-progress" })
    const { rest } = clientOf(twilio)
    await rest.endCall(CallSid.parse(sid))
    await rest.endCall(CallSid.parse(sid))
    expect(twilio.calls.get(sid)?.status).toBe("completed")
    expect(twilio.requests.map(({ form }) => form)).toEqual([
      { Status: "completed" },
      { Status: "completed" },
    ])
  })

  test("a call that Twilio does not know cannot be ended", async () => {
    await using twilio = new FakeTwilio()
    const error = await failureOf(clientOf(twilio).rest.endCall(newSid("f")))
    expect({ code: error.code, kind: error.kind, twilioCode: error.twilioCode, http: error.http }).toEqual({
      code: "NOT_FOUND",
      kind: "refused",
      twilioCode: 20404,
      http: 404,
    })
  })

  test.each([
    ["TwiML", { twiml: "<Response><Hangup/></Response>" }, { Twiml: "<Response><Hangup/></Response>" }],
    ["an address", { url: "https://a.example/b" }, { Url: "https://a.example/b", Method: "POST" }],
  ])("a call continues with %s", async (_, change, form) => {
    await using twilio = new FakeTwilio()
    const { sid } = twilio.addCall({ status: "in-progress" })
    await clientOf(twilio).rest.updateCall(CallSid.parse(sid), change)
    expect(twilio.requests[0]?.form).toEqual(form)
  })

  test("recent calls are those between the numbers from that second on, dialled or not", async () => {
    await using twilio = new FakeTwilio({ clock: { now: () => T0 } })
    twilio.addCall({ date_created: "Fri, 20 Nov 2026 11:59:59 +0000" })
    twilio.addCall({ to: "+15550100009" })
    const waiting = twilio.addCall()
    const dialled = twilio.addCall({ status: "ringing", start_time: "Fri, 20 Nov 2026 12:00:01 +0000" })
    const { rest } = clientOf(twilio)
    const found = await rest.recentCalls({ to: asked.to, from: asked.from, startedAfter: T0 + 900 })
    expect(found.map(({ sid }) => String(sid))).toEqual([dialled.sid, waiting.sid])
    expect(twilio.requests[0]?.query).toEqual({ To: asked.to, From: asked.from, PageSize: "50" })
  })

  test("a message is sent", async () => {
    await using twilio = new FakeTwilio()
    const sent = await clientOf(twilio).rest.sendMessage({
      to: "+15550100001",
      from: "+15550100002",
      body: "Olá & hi",
    })
    expect(sent).toEqual({ sid: expect.stringMatching(/^SM/), status: "queued" })
    expect(twilio.messages).toMatchObject([{ to: "+15550100001", from: "+15550100002", body: "Olá & hi" }])
  })

  test("a number is pointed to our addresses, away from its application", async () => {
    const sid = `PN${"7".repeat(32)}`
    const number = { sid, phone_number: "+15550100002", friendly_name: "Main", trunk_sid: null }
    await using twilio = new FakeTwilio({
      numbers: [{ ...number, voice_url: "https://old.example/", voice_application_sid: "AP1" }],
    })
    const { rest } = clientOf(twilio)
    expect(await rest.number(sid)).toMatchObject({
      voiceUrl: "https://old.example/",
      voiceApplicationSid: "AP1",
    })
    const to = { voiceUrl: "https://a.example/v", statusCallback: "https://a.example/s" }
    expect(await rest.pointNumber(sid, to)).toEqual({
      sid,
      phoneNumber: "+15550100002",
      friendlyName: "Main",
      voiceUrl: "https://a.example/v",
      voiceApplicationSid: null,
      trunkSid: null,
    })
    expect(twilio.requests.at(-1)?.form).toEqual({
      VoiceUrl: "https://a.example/v",
      VoiceMethod: "POST",
      StatusCallback: "https://a.example/s",
      StatusCallbackMethod: "POST",
      VoiceApplicationSid: "",
    })
    expect(await failureOf(rest.number(`PN${"8".repeat(32)}`))).toMatchObject({ code: "NOT_FOUND" })
  })

  test("numbers are listed up to the limit, in one request each", async () => {
    const numbers = Array.from({ length: 30 }, (_, index) => ({
      sid: `PN${String(index).padStart(32, "0")}`,
      phone_number: `+155501000${String(index).padStart(2, "0")}`,
      friendly_name: `Line ${index}`,
    }))
    await using twilio = new FakeTwilio({ numbers })
    const { rest } = clientOf(twilio)
    const listed = await rest.numbers()
    expect(listed).toHaveLength(20)
    expect(listed[3]).toEqual({
      sid: numbers[3]?.sid ?? "",
      phoneNumber: "+15550100003",
      friendlyName: "Line 3",
      voiceUrl: null,
      voiceApplicationSid: null,
      trunkSid: null,
    })
    expect(await rest.numbers(2)).toHaveLength(2)
    expect(await rest.numbers(5000)).toHaveLength(30)
    expect(twilio.requests.map(({ query }) => query["PageSize"])).toEqual(["20", "2", "1000"])
  })
})

describe("addresses and credentials", () => {
  const page = { incoming_phone_numbers: [], next_page_uri: null, page: 0, page_size: 20 }

  /** A fetch that answers an empty list and keeps what it was asked. */
  function recording(body: unknown = page) {
    const seen: { url: string; authorization: string | null }[] = []
    const fetch: Fetch = async (url, init) => {
      seen.push({ url, authorization: new Headers(init.headers).get("authorization") })
      return Response.json(body)
    }
    return { fetch, seen }
  }

  const accountSid = `AC${"1".repeat(32)}`
  const path = `/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers.json?PageSize=20`

  test.each([
    ["Twilio's own host", {}, "https://api.twilio.com"],
    ["edge and region", { edge: "dublin", region: "ie1" }, "https://api.dublin.ie1.twilio.com"],
    ["one address for all", { baseUrl: "http://127.0.0.1:4010" }, "http://127.0.0.1:4010"],
    ["one address with a path", { baseUrl: "https://proxy.example/twilio/" }, "https://proxy.example/twilio"],
    [
      "one address before edge and region",
      { baseUrl: "http://127.0.0.1:4010", edge: "dublin", region: "ie1" },
      "http://127.0.0.1:4010",
    ],
  ])("%s", async (_, options, origin) => {
    const { fetch, seen } = recording()
    await createTwilioRest({ accountSid, authToken: "t", fetch, ...options }).numbers()
    expect(seen.map(({ url }) => url)).toEqual([origin + path])
  })

  test.each([
    ["the auth token", { authToken: "token" }, `${accountSid}:token`],
    [
      "the API key where there is one",
      { authToken: "token", apiKey: "SK1", apiSecret: "secret" },
      "SK1:secret",
    ],
    ["the API key alone", { apiKey: "SK1", apiSecret: "secret" }, "SK1:secret"],
    [
      "the auth token where the key has no secret",
      { authToken: "token", apiKey: "SK1" },
      `${accountSid}:token`,
    ],
  ])("logs in with %s", async (_, options, login) => {
    const { fetch, seen } = recording()
    await createTwilioRest({ accountSid, fetch, ...options }).numbers()
    expect(seen[0]?.authorization).toBe(`Basic ${btoa(login)}`)
  })

  test.each([
    ["no secret", { accountSid }],
    ["an empty token", { accountSid, authToken: "" }],
    ["no account", { accountSid: "", authToken: "t" }],
    ["a key in place of the account", { accountSid: "SK1", authToken: "t" }],
  ])("is not configured with %s", async (_, options) => {
    const { fetch, seen } = recording()
    const asking = createTwilioRest({ ...options, fetch }).numbers()
    const reported = asking.catch((error: unknown) => error)
    expect(await reported).toMatchObject({
      code: "NOT_CONFIGURED",
      message: expect.stringContaining("TWILIO_ACCOUNT_SID"),
    })
    expect(seen).toEqual([])
  })

  test.each([
    ["another host", "https://evil.example/steal"],
    ["a host that ends alike", "https://eviltwilio.com/steal"],
    ["a host behind a user name", "https://api.twilio.com@evil.example/steal"],
  ])("credentials do not go to %s", async (_, uri) => {
    const { fetch, seen } = recording()
    const sleep = () => Promise.resolve()
    const client = createHttpClient({
      after: () => () => {},
      timeoutMs: 1000,
      fetch,
      sleep,
      random: Math.random,
    })
    const error = await failureOf(client.request({ method: "get", uri, username: "u", password: "p" }))
    expect({ kind: error.kind, seen }).toEqual({ kind: "refused", seen: [] })
  })
})

describe("failures", () => {
  test.each([
    [
      "a bad number",
      400,
      { code: 21211, message: "The 'To' number is not a valid phone number." },
      "refused",
      "UPSTREAM_FAILED",
      "Twilio refused to place the call: The 'To' number is not a valid phone number (error 21211). " +
        "Give the number in E.164 form, for example +15551234567. See https://www.twilio.com/docs/errors/21211",
    ],
    [
      "wrong credentials",
      401,
      { code: 20003, message: "Authenticate" },
      "refused",
      "UPSTREAM_FAILED",
      "Check TWILIO_ACCOUNT_SID",
    ],
    [
      "a missing permission",
      403,
      { code: 70051, message: "Permission voice:create" },
      "refused",
      "UPSTREAM_FAILED",
      "Permission voice:create",
    ],
    [
      "an account that does not exist",
      404,
      { code: 20404, message: "Not found" },
      "refused",
      "NOT_FOUND",
      "(error 20404)",
    ],
    ["a page that is not Twilio's", 404, "<html>", "refused", "NOT_FOUND", "404"],
    [
      "a problem document",
      403,
      { type: "about:x", title: "Forbidden", status: 403, code: 20006, detail: "Not yours" },
      "refused",
      "UPSTREAM_FAILED",
      "Not yours (error 20006)",
    ],
    ["a redirect", 302, "", "refused", "UPSTREAM_FAILED", "302"],
    [
      "an error of the server",
      500,
      { code: 20500, message: "Internal" },
      "uncertain",
      "UPSTREAM_FAILED",
      "whether it was carried out is unknown",
    ],
    ["a gateway without words", 502, "<html>Bad gateway</html>", "uncertain", "UPSTREAM_FAILED", "HTTP 502"],
    ["a success that cannot be read", 201, "<html>", "uncertain", "UPSTREAM_FAILED", "cannot be read"],
    ["a success without a call", 201, { sid: "nothing" }, "uncertain", "UPSTREAM_FAILED", "cannot be read"],
    ["an error of odd types", 400, { code: "x", message: 5 }, "refused", "UPSTREAM_FAILED", "HTTP 400"],
  ])("%s", async (_, status, body, kind, code, words) => {
    await using twilio = new FakeTwilio()
    twilio.fault({ kind: "answer", status, body })
    const error = await failureOf(clientOf(twilio).rest.placeCall(asked))
    expect<Record<string, string>>({ kind: error.kind, code: error.code }).toEqual({ kind, code })
    expect(error.message).toContain(words)
    expect(twilio.requests).toHaveLength(1)
  })

  test("a secret that an answer quotes is not repeated", async () => {
    await using twilio = new FakeTwilio()
    twilio.fault({
      kind: "answer",
      status: 400,
      body: { code: 20001, message: `bad token ${twilio.authToken}` },
    })
    const error = await failureOf(clientOf(twilio).rest.placeCall(asked))
    expect(error.message).toContain("bad token ***")
    expect(Bun.inspect(error)).not.toContain(twilio.authToken)
  })

  test("a wrong token is refused by name and advice, and stays secret", async () => {
    await using twilio = new FakeTwilio()
    const { rest } = clientOf(twilio, { authToken: "wrong-token" })
    const error = await failureOf(rest.numbers())
    expect({ kind: error.kind, twilioCode: error.twilioCode, httpStatus: error.httpStatus }).toEqual({
      kind: "refused",
      twilioCode: 20003,
      httpStatus: 401,
    })
    expect(Bun.inspect(error)).not.toContain("wrong-token")
  })

  test("a rate limit is waited out, longer each time, and the call is placed once", async () => {
    await using twilio = new FakeTwilio()
    const limit = {
      kind: "answer",
      status: 429,
      body: { code: 20429, message: "Too Many Requests" },
    } as const
    twilio.fault(limit, limit, limit)
    const { rest, waits } = clientOf(twilio)
    await rest.placeCall(asked)
    expect({ waits, requestCount: twilio.requests.length, callCount: twilio.calls.size }).toEqual({
      waits: [250, 500, 1000],
      requestCount: 4,
      callCount: 1,
    })
  })

  test("a rate limit that lasts is reported as one", async () => {
    await using twilio = new FakeTwilio()
    const limit = {
      kind: "answer",
      status: 429,
      body: { code: 20429, message: "Too Many Requests" },
    } as const
    twilio.fault(limit, limit, limit, limit)
    const { rest, waits } = clientOf(twilio)
    const error = await failureOf(rest.placeCall(asked))
    expect({
      kind: error.kind,
      httpStatus: error.httpStatus,
      waitCount: waits.length,
      callCount: twilio.calls.size,
    }).toEqual({ kind: "rate-limited", httpStatus: 429, waitCount: 3, callCount: 0 })
  })

  test.each([
    ["no answer in time", { kind: "hang", carriedOut: true }, "did not answer within 40 ms"],
    ["a connection lost after sending", { kind: "drop", carriedOut: true }, "closed the connection"],
  ] as const)("%s: uncertain, not repeated, and found among the recent calls", async (_, fault, words) => {
    await using twilio = new FakeTwilio()
    const { rest } = clientOf(twilio, { timeoutMs: 40 })
    const startedAfter = Date.now()
    twilio.fault(fault)
    const error = await failureOf(rest.placeCall(asked))
    expect({ kind: error.kind, code: error.code, httpStatus: error.httpStatus }).toEqual({
      kind: "uncertain",
      code: "UPSTREAM_FAILED",
      httpStatus: null,
    })
    expect(error.message).toContain(words)
    expect(twilio.requests).toHaveLength(1)
    const found = await clientOf(twilio).rest.recentCalls({ to: asked.to, from: asked.from, startedAfter })
    expect(found.map(({ sid }) => String(sid))).toEqual([...twilio.calls.keys()])
  })

  test("no listener: refused, because nothing was sent", async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
    })
    await new Promise((resolve) => server.close(resolve))
    const rest = createTwilioRest({
      accountSid: `AC${"1".repeat(32)}`,
      authToken: "t",
      baseUrl: `http://127.0.0.1:${port}`,
    })
    const error = await failureOf(rest.placeCall(asked))
    expect({ kind: error.kind, code: error.code }).toEqual({ kind: "refused", code: "UPSTREAM_FAILED" })
    expect(error.message).toContain(`127.0.0.1:${port}`)
  })

  test("an answer without end is not read to its end", async () => {
    const chunk = new Uint8Array(1024 * 1024)
    const fetch: Fetch = async () => new Response(new ReadableStream({ pull: (c) => c.enqueue(chunk) }))
    const rest = createTwilioRest({ accountSid: `AC${"1".repeat(32)}`, authToken: "t", fetch })
    expect((await failureOf(rest.numbers())).kind).toBe("uncertain")
  })

  test("requests at once share one client and keep their answers apart", async () => {
    await using twilio = new FakeTwilio()
    const { rest } = clientOf(twilio)
    const targets = Array.from({ length: 20 }, (_, index) => `+1555010${1000 + index}`)
    const placed = await Promise.all(targets.map((to) => rest.placeCall({ ...asked, to })))
    expect(placed.map(({ sid }) => twilio.calls.get(sid)?.to)).toEqual(targets)
  })

  test("a slow answer counts when it comes in time", async () => {
    await using twilio = new FakeTwilio()
    const gate = Promise.withResolvers<void>()
    twilio.fault({ kind: "wait", until: gate.promise })
    const placing = clientOf(twilio).rest.placeCall(asked)
    await twilio.received(1)
    expect(twilio.calls.size).toBe(0)
    gate.resolve()
    expect((await placing).status).toBe("queued")
  })
})

describe("the fake", () => {
  test.each([
    [
      "a misspelt name",
      { To: "+1", From: "+2", Url: "https://a.example", statusCallback: "https://a.example" },
      20001,
    ],
    ["a relative address", { To: "+1", From: "+2", Url: "/twilio/voice" }, 20001],
    [
      "a ringing time past the limit",
      { To: "+1", From: "+2", Url: "https://a.example", Timeout: "601" },
      20001,
    ],
    ["no target", { From: "+2", Url: "https://a.example" }, 21201],
    ["nothing to do", { To: "+1", From: "+2" }, 21205],
  ])("refuses as Twilio does: %s", async (_, form, code) => {
    await using twilio = new FakeTwilio()
    const answer = await fetch(`${twilio.baseUrl}/2010-04-01/Accounts/${twilio.accountSid}/Calls.json`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${twilio.accountSid}:${twilio.authToken}`)}` },
      body: new URLSearchParams(form),
    })
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 400,
      body: expect.objectContaining({ code, status: 400 }),
    })
  })
})
