import { expect, test } from "bun:test"
import { newSid } from "../../../src/sim/sids.ts"
import { FakeTwilio } from "../../fakes/fake-twilio.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { jsonOf, prompt, setupFrame, voiceForm } from "../client.ts"

type Listed = { callSid: string; to: string; userId: string | null }

/** A call in which the caller has asked and the agent has answered. */
async function talk(app: AppUnderTest) {
  const call = await app.incoming()
  const socket = app.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  socket.send(prompt("What are your opening hours?"))
  await socket.frames.next(({ last }) => last === true)
  return { ...call, socket }
}

test("calls are listed newest first, page by page, and no call twice or never", async () => {
  await using app = await AppUnderTest.start()
  const sids: string[] = []
  for (let count = 0; count < 5; count++) {
    sids.unshift((await app.incoming()).callSid)
    // Two of them begin in the same millisecond.
    if (count !== 2) app.clock.advance(1)
  }
  const pages: string[][] = []
  let cursor: string | null = ""
  while (cursor !== null) {
    const page: { calls: Listed[]; nextCursor: string | null } = await app.json(
      `/v1/calls?limit=2${cursor && `&cursor=${cursor}`}`,
    )
    pages.push(page.calls.map(({ callSid }) => callSid))
    cursor = page.nextCursor
  }
  expect(pages.map(({ length }) => length)).toEqual([2, 2, 1])
  expect(pages.flat()).toEqual(sids)
})

test("a call that begins between two pages does not disturb them", async () => {
  await using app = await AppUnderTest.start()
  const [first, second] = [await app.incoming(), (app.clock.advance(1), await app.incoming())]
  const { nextCursor } = await app.json("/v1/calls?limit=1")
  app.clock.advance(1)
  await app.incoming()
  const { calls } = await app.json(`/v1/calls?limit=1&cursor=${nextCursor}`)
  expect(calls).toMatchObject([{ callSid: first.callSid }])
  expect(second.callSid).not.toBe(first.callSid)
})

test.each([
  ["status=completed", ["a"]],
  ["status=ringing", ["c", "b"]],
  ["to=%2B15550100003", ["b"]],
  ["from=%2B15550100009", ["c"]],
  ["direction=outbound", ["c"]],
  ["direction=inbound&status=ringing", ["b"]],
  ["agent=default", ["c", "b", "a"]],
  ["agent=unknown", []],
  ["userId=ann", []],
])("the list can be asked for %s", async (query, expected) => {
  await using app = await AppUnderTest.start()
  const a = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: a.callSid, CallStatus: "completed" }))
  app.clock.advance(1)
  const b = await app.incoming({ To: "+15550100003" })
  app.clock.advance(1)
  const c = await app.incoming({ From: "+15550100009", Direction: "outbound-api" })
  const names = new Map([a, b, c].map(({ callSid }, at) => [callSid, "abc"[at]]))
  const { calls } = await app.json(`/v1/calls?${query}`)
  expect(calls.map(({ callSid }: Listed) => names.get(callSid))).toEqual(expected)
})

test.each([
  "status=dreaming",
  "direction=up",
  "limit=0",
  "limit=201",
  "limit=x",
  "cursor=x",
  `cursor=${"x".repeat(257)}`,
])("a list cannot be asked for %s", async (query) => {
  await using app = await AppUnderTest.start()
  const answer = await app.api(`/v1/calls?${query}`)
  expect({ status: answer.status, code: (await jsonOf(answer)).error.code }).toEqual({
    status: 400,
    code: "INVALID_REQUEST",
  })
})

test.each([
  ["a name that is none", "nothing", 400],
  ["a SID of something else", newSid("SM"), 400],
  ["a SID that is not ours", newSid("CA"), 404],
  ["an id that is not ours", crypto.randomUUID(), 404],
])("%s leads to no call", async (_, name, status) => {
  await using app = await AppUnderTest.start()
  for (const path of ["", "/transcript", "/events"]) {
    expect((await app.api(`/v1/calls/${name}${path}`)).status).toBe(status)
  }
  expect((await app.post(`/v1/calls/${name}/end`)).status).toBe(status)
})

test("a call is found by its SID and by our id", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const call = await app.json(`/v1/calls/${callSid}`)
  expect(await app.json(`/v1/calls/${call.id}`)).toEqual(call)
})

test("the transcript can be read during the call and is the same after it", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socket } = await talk(app)
  const during = await app.json(`/v1/calls/${callSid}/transcript`)
  expect(during).toMatchObject({ callSid, status: "in-progress" })
  expect(during.turns.map(({ speaker, kind }: Record<string, string>) => [speaker, kind])).toEqual([
    ["agent", "speech"],
    ["caller", "speech"],
    ["agent", "speech"],
  ])
  expect(during.turns[1]).toMatchObject({
    text: "What are your opening hours?",
    interrupted: false,
    lang: "en-US",
  })
  socket.send({ type: "dtmf", digit: "4" })
  socket.send({ type: "dtmf", digit: "#" })
  await socket.frames.next(({ last }) => last === true)
  const text = await (await app.api(`/v1/calls/${callSid}/transcript?format=text`)).text()
  expect(text.split("\n\n")).toMatchObject([
    expect.stringMatching(/^Agent: /),
    "Caller: What are your opening hours?",
    expect.stringMatching(/^Agent: /),
    expect.stringMatching(/^Caller: \[keypad\] 4#?$/),
    expect.stringMatching(/^Agent: .*\n$/),
  ])
  const before = await app.json(`/v1/calls/${callSid}/transcript`)
  // The last answer is spoken to its end.
  app.clock.advance(15_000)
  socket.close()
  await socket.closed
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  expect(await app.json(`/v1/calls/${callSid}/transcript`)).toEqual({ ...before, status: "completed" })
})

test("a call in which nothing was said has an empty transcript", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  expect(await app.json(`/v1/calls/${callSid}/transcript`)).toEqual({ callSid, status: "ringing", turns: [] })
  expect(await (await app.api(`/v1/calls/${callSid}/transcript?format=text`)).text()).toBe("")
  expect((await app.api(`/v1/calls/${callSid}/transcript?format=xml`)).status).toBe(400)
})

test("events come page by page, in order, during the call", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await talk(app)
  const all = await app.json(`/v1/calls/${callSid}/events`)
  expect(all.nextAfterId).toBeNull()
  expect(all.events.map(({ type }: { type: string }) => type)).toContainEqual("reply.finished")
  const paged = []
  let after: number | null = 0
  while (after !== null) {
    const page: { events: unknown[]; nextAfterId: number | null } = await app.json(
      `/v1/calls/${callSid}/events?limit=3&afterId=${after}`,
    )
    paged.push(...page.events)
    after = page.nextAfterId
  }
  expect(paged).toEqual(all.events)
  for (const query of ["limit=0", "limit=1001", "afterId=-1", "afterId=x"]) {
    expect((await app.api(`/v1/calls/${callSid}/events?${query}`)).status).toBe(400)
  }
})

test("an idle number of parameters is too many, and their values are text", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  })
  const place = (fields: Record<string, unknown>) =>
    app.post("/v1/calls", { to: "+15550100003", from: "+15550100002", ...fields })
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`p${at}`, at]))
  for (const parameters of [
    many,
    { long: "x".repeat(4001) },
    { ["n".repeat(65)]: "x" },
    { "": "x" },
    [],
    "x",
  ]) {
    expect((await place({ parameters })).status).toBe(400)
  }
  const placed = await jsonOf(
    await place({ parameters: { n: 0, no: false, text: "" }, contextKey: "defaultContext" }),
  )
  expect(placed.parameters).toEqual({ n: "0", no: "false", text: "", contextKey: "defaultContext" })
  const alias = await jsonOf(await place({ first_message: "Hi", agent: "default" }))
  expect(alias.callSid).toStartWith("CA")
})

test.each([
  ["no JSON", "{", "application/json", 400],
  ["a list", "[]", "application/json", 400],
  ["nothing", "", "application/json", 400],
  ["a form", "to=%2B15550100003", "application/x-www-form-urlencoded", 415],
  [
    "JSON that says it is text, as pages of other sites can send it",
    '{"to":"+15550100003"}',
    "text/plain",
    415,
  ],
])("a body that is %s is refused", async (_, body, type, status) => {
  await using app = await AppUnderTest.start()
  const answer = await app.api("/v1/calls", { method: "POST", body, headers: { "Content-Type": type } })
  expect(answer.status).toBe(status)
})
