import { expect, test } from "bun:test"
import { SimulatedRest, type SimulatedRestOptions } from "../../src/sim/simulated-rest.ts"
import { createTwilioRest } from "../../src/twilio/rest.ts"
import { fixture, type Script } from "./fixture.ts"

const REQUEST = {
  to: "+15550100077",
  from: "+15550100002",
  url: "https://parley.test/twilio/voice?id=1",
  statusCallback: "https://parley.test/status",
}

/** An account with its REST side, and the program's own client for it. */
function account(script: Script, options: Omit<SimulatedRestOptions, "twilio"> = {}) {
  const base = fixture(script)
  const rest = new SimulatedRest({ twilio: base.twilio, ...options })
  const { accountSid, authToken } = base.twilio
  const client = createTwilioRest({
    accountSid,
    authToken,
    baseUrl: rest.url,
    sleep: () => Promise.resolve(),
  })
  return {
    ...base,
    rest,
    client,
    async [Symbol.asyncDispose]() {
      await rest[Symbol.asyncDispose]()
      await base[Symbol.asyncDispose]()
    },
  }
}

const answering: Script = ({ path }) =>
  path === "/status" ? new Response(null, { status: 204 }) : "<Pause length='60'/>"

test("a call that is placed is dialled, runs its TwiML and reports its statuses until it is ended", async () => {
  await using it = account(answering)
  const placed = await it.client.placeCall(REQUEST)
  const call = await it.rest.calls.next()
  await call.verbs.next()
  const during = await it.client.fetchCall(placed.sid)
  await it.clock.pass(5_000)
  await it.client.endCall(placed.sid)
  const { status, seconds } = await call.ended
  const after = await it.client.fetchCall(placed.sid)
  expect({ placedStatus: placed.status, placedSid: placed.sid, status, seconds }).toEqual({
    placedStatus: "queued",
    placedSid: call.callSid,
    status: "completed",
    seconds: 5,
  })
  expect({
    duringStatus: during.status,
    duringDirection: during.direction,
    afterStatus: after.status,
    afterDurationSeconds: after.durationSeconds,
  }).toEqual({
    duringStatus: "in-progress",
    duringDirection: "outbound",
    afterStatus: "completed",
    afterDurationSeconds: 5,
  })
  const posts = it.server.posts.all
  expect(posts.filter(({ path }) => path === "/status").map(({ form }) => form["CallStatus"])).toEqual([
    "initiated",
    "ringing",
    "in-progress",
    "completed",
  ])
  expect(posts.find(({ path }) => path === "/twilio/voice?id=1")?.form["To"]).toBe("+15550100077")
})

test.each(["busy", "no-answer", "failed"] as const)(
  "the script decides that a call is %s",
  async (outcome) => {
    await using it = account(answering, { script: () => ({ outcome }) })
    const { sid } = await it.client.placeCall(REQUEST)
    await (
      await it.rest.calls.next()
    ).ended
    expect((await it.client.fetchCall(sid)).status).toBe(outcome)
  },
)

test("a call that rings is given up; ending it once more is no fault", async () => {
  await using it = account(answering, { script: () => ({ outcome: "ring" }) })
  const { sid } = await it.client.placeCall(REQUEST)
  await it.client.endCall(sid)
  await it.client.endCall(sid)
  expect((await it.client.fetchCall(sid)).status).toBe("canceled")
})

test("new instructions end what is running", async () => {
  await using it = account(answering)
  const { sid } = await it.client.placeCall(REQUEST)
  const call = await it.rest.calls.next()
  await call.verbs.next()
  await it.client.updateCall(sid, { twiml: "<Response><Hangup/></Response>" })
  expect((await call.ended).verbs).toEqual(["Pause", "Hangup"])
})

test("an answer that is lost leaves the call placed, one that is refused does not", async () => {
  await using it = account(answering)
  it.rest.refuseNext({ status: 503, code: 20503, message: "down", carriedOut: true })
  const [lost] = await Promise.allSettled([it.client.placeCall(REQUEST)])
  await it.rest.calls.next()
  it.rest.refuseNext({ status: 400, code: 21211, message: "The 'To' number is not a valid phone number." })
  const [refused] = await Promise.allSettled([it.client.placeCall({ ...REQUEST, to: "+1" })])
  const recent = await it.client.recentCalls({ to: REQUEST.to, from: REQUEST.from, startedAfter: 0 })
  expect({ lost: lost.status, refused: refused.status }).toEqual({ lost: "rejected", refused: "rejected" })
  expect({ recentCount: recent.length, count: it.rest.calls.count }).toEqual({ recentCount: 1, count: 1 })
})

test("numbers are listed and pointed at an address", async () => {
  await using it = account(answering, { numbers: ["+15550100002", "+15550100003"] })
  const numbers = await it.client.numbers()
  expect(numbers.map(({ phoneNumber }) => phoneNumber)).toEqual(["+15550100002", "+15550100003"])
  const response = await ask(it, `IncomingPhoneNumbers/${numbers[1]?.sid}.json`, {
    VoiceUrl: "https://parley.test/v",
  })
  expect({ status: response.status, numbers: it.rest.numbers.map(({ voiceUrl }) => voiceUrl) }).toEqual({
    status: 200,
    numbers: ["", "https://parley.test/v"],
  })
})

test("a message is accepted and kept", async () => {
  await using it = account(answering)
  const { status } = await it.client.sendMessage({ to: "+15550100077", from: "+15550100002", body: "Hi" })
  const sent = await it.rest.messages.next()
  expect({ status, to: sent.to, body: sent.body }).toEqual({
    status: "queued",
    to: "+15550100077",
    body: "Hi",
  })
})

test("an API key is valid beside the token, a wrong one is refused", async () => {
  await using it = account(answering, { apiKeys: { SK1: "secret" } })
  const statuses = await Promise.all(
    [
      ["SK1", "secret"],
      ["SK1", "wrong"],
      ["SK2", "secret"],
      ["toString", ""],
      ["", ""],
    ].map(
      async ([user = "", password = ""]) =>
        (await ask(it, "Calls.json", undefined, `${user}:${password}`)).status,
    ),
  )
  expect(statuses).toEqual([200, 401, 401, 401, 401])
})

test.each([
  ["no number to call", "Calls.json", { From: "+1", Url: "https://parley.test/" }, 400, 21211],
  ["no number to call from", "Calls.json", { To: "+1", Url: "https://parley.test/" }, 400, 21212],
  ["no instructions", "Calls.json", { To: "+1", From: "+1" }, 400, 21205],
  ["an unknown call", "Calls/CA1.json", { Status: "completed" }, 404, 20404],
  ["an unknown number", "IncomingPhoneNumbers/PN1.json", {}, 404, 20404],
  ["an unknown resource", "Conferences.json", {}, 404, 20404],
] as const)("%s is refused", async (_, path, form, status, code) => {
  await using it = account(answering)
  const response = await ask(it, path, form)
  expect({ status: response.status, body: await response.json() }).toEqual({
    status,
    body: expect.objectContaining({ code, status }),
  })
})

/** A request without the client; a form makes it a POST. */
function ask(
  { rest, twilio }: { rest: SimulatedRest; twilio: { accountSid: string; authToken: string } },
  path: string,
  form?: Record<string, string>,
  login = `${twilio.accountSid}:${twilio.authToken}`,
): Promise<Response> {
  return fetch(`${rest.url}/2010-04-01/Accounts/${twilio.accountSid}/${path}`, {
    headers: { Authorization: `Basic ${Buffer.from(login).toString("base64")}` },
    ...(form ? { method: "POST", body: new URLSearchParams(form) } : {}),
  })
}
