import { expect, test } from "bun:test"
import { says } from "../fakes/openai-script.ts"
import { jsonOf } from "../server/client.ts"
import { answered, connected, linesOf, relayHarness } from "./relay-harness.ts"
import { textsIn } from "../lib/texts-in.ts"

const BODY = { to: "+15550100003", firstMessage: "Good day, this is Parley.", prompt: "You remind people." }

test("a placed call goes through every status and has its own words", async () => {
  await using harness = await relayHarness()
  const { clock, openai, rest, app } = harness
  const placed = await jsonOf(await app.post("/v1/calls", { ...BODY, parameters: { callReference: "r-1" } }))
  const call = await rest.calls.next()
  expect({ callSid: placed.callSid, from: call.from }).toEqual({
    callSid: call.callSid,
    from: "+15550100002",
  })
  const setup = await connected(call)
  expect(setup.message).toMatchObject({
    direction: "outbound-api",
    customParameters: { callReference: "r-1" },
  })
  clock.advance(4000)
  expect(await call.agentTurn()).toBe("Good day, this is Parley.")
  openai.enqueue(says("Tomorrow at ten."))
  call.say("What is it about?")
  const request = await openai.nextRequest()
  await answered(call)
  clock.advance(3000)
  expect(textsIn(request.body)).toContainEqual(expect.stringContaining("You remind people."))
  expect(textsIn(request.body)).toContainEqual(expect.stringContaining("r-1"))
  expect(linesOf(request.body)).toEqual(["assistant: Good day, this is Parley.", "user: What is it about?"])
  call.hangup()
  expect(await call.ended).toMatchObject({ status: "completed", problems: [] })
  const { events } = await app.json(`/v1/calls/${placed.id}/events`)
  const statuses = events.flatMap(({ type, status }: Record<string, string>) =>
    type === "call.status-changed" ? [status] : [],
  )
  // The request for instructions may overtake the callback that says that it rings.
  expect(statuses.filter((status: string | undefined) => status !== "ringing")).toEqual([
    "initiated",
    "in-progress",
    "completed",
  ])
  expect(await app.json(`/v1/calls/${placed.id}`)).toMatchObject({
    status: "completed",
    endedBy: "caller",
    durationSeconds: 7,
    parameters: { callReference: "r-1" },
  })
})

test.each(["busy", "no-answer", "failed"] as const)(
  "a call that ends %s says why and opens no session",
  async (outcome) => {
    await using harness = await relayHarness({ script: () => ({ outcome }) })
    const { rest, app } = harness
    const { id } = await jsonOf(await app.post("/v1/calls", BODY))
    const summary = await (await rest.calls.next()).ended
    expect(summary).toMatchObject({ status: outcome, sockets: 0, problems: [] })
    expect(await app.json(`/v1/calls/${id}`)).toMatchObject({
      status: outcome,
      answeredAt: null,
      endedBy: "system",
      durationSeconds: 0,
    })
    expect(await app.counts()).toMatchObject({ activeSessions: 0, expectedSockets: 0, openSockets: 0 })
  },
)

test("a call can be ended while it rings", async () => {
  await using harness = await relayHarness({ script: () => ({ outcome: "ring" }) })
  const { rest, app } = harness
  const { callSid } = await jsonOf(await app.post("/v1/calls", BODY))
  const call = await rest.calls.next()
  await app.status(callSid, "ringing")
  expect((await app.post(`/v1/calls/${callSid}/end`)).status).toBe(200)
  expect(await call.ended).toMatchObject({ status: "canceled" })
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "canceled", endedBy: "api" })
})

test("a call whose answer from Twilio is lost while it is carried out is one call, and continues", async () => {
  await using harness = await relayHarness()
  const { clock, rest, app } = harness
  rest.refuseNext({ status: 503, code: 20503, message: "lost", carriedOut: true })
  const headers = { "Idempotency-Key": "k1" }
  const first = await app.post("/v1/calls", { ...BODY, from: "+15550100002" }, headers)
  const call = await rest.calls.next()
  await connected(call)
  const again = await jsonOf(await app.post("/v1/calls", { ...BODY, from: "+15550100002" }, headers))
  expect([201, 502]).toContain(first.status)
  expect(again).toMatchObject({ callSid: call.callSid, status: "in-progress", live: true })
  clock.advance(4000)
  expect(await call.agentTurn()).toBe("Good day, this is Parley.")
  expect(rest.calls.count).toBe(1)
})
