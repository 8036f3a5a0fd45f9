import { expect, test } from "bun:test"
import { fixture, relay, twiml } from "./fixture.ts"

const GEO = ["From", "To", "Caller", "Called"].flatMap((who) =>
  ["City", "State", "Zip", "Country"].map((part) => `${who}${part}`),
)

test("a call asks for its instructions with the real parameters, signed, and says the verbs", async () => {
  await using it = fixture(() => "<Say>Hello there.</Say><Pause length='2'/><Hangup/>")
  const call = it.twilio.call({ from: "+15550100009", parameters: { CallerName: "", Extra: "ü&=+" } })
  const post = await it.server.post("/twilio/voice")
  await call.verbs.next(({ name }) => name === "Say")
  it.clock.advance(1_200)
  await call.verbs.next(({ name }) => name === "Pause")
  await it.clock.pass(2_000)
  const summary = await call.ended
  expect(post.signed).toBe(true)
  expect(post.form).toMatchObject({
    AccountSid: it.twilio.accountSid,
    CallSid: call.callSid,
    CallStatus: "ringing",
    ApiVersion: "2010-04-01",
    Direction: "inbound",
    From: "+15550100009",
    Caller: "+15550100009",
    To: "+15550100002",
    Called: "+15550100002",
    CallerName: "",
    Extra: "ü&=+",
  })
  expect(Object.keys(post.form)).toEqual(expect.arrayContaining(GEO))
  expect(post.headers.get("I-Twilio-Idempotency-Token")).toMatch(/^[0-9a-f-]{36}$/)
  expect(post.headers.get("Host")).toBe("parley.test")
  expect(summary).toEqual({
    callSid: call.callSid,
    status: "completed",
    seconds: 3,
    verbs: ["Say", "Pause", "Hangup"],
    heard: "Hello there.",
    frames: 0,
    sockets: 0,
    sessions: [],
    streams: [],
    problems: [],
  })
})

test("redirects are followed, relative ones too, with the method they name", async () => {
  await using it = fixture(({ path }) =>
    path === "/twilio/voice"
      ? '<Redirect method="GET">next?tenant=a</Redirect>'
      : path.startsWith("/twilio/next")
        ? "<Redirect>https://parley.test/last</Redirect>"
        : "<Reject reason='busy'/>",
  )
  const summary = await it.twilio.call().ended
  const posts = it.server.posts.all
  expect(posts.map(({ method, path }) => [method, path.split("&")[0]])).toEqual([
    ["POST", "/twilio/voice"],
    ["GET", "/twilio/next?tenant=a"],
    ["POST", "/last"],
  ])
  expect({ first: posts[0]?.signed, third: posts[2]?.signed }).toEqual({ first: true, third: true })
  expect({ status: summary.status, seconds: summary.seconds }).toEqual({ status: "busy", seconds: 0 })
})

test("a circle of redirects comes to an end", async () => {
  await using it = fixture(() => "<Redirect/>")
  const summary = await it.twilio.call().ended
  expect({ count: it.server.posts.count, problems: summary.problems }).toEqual({
    count: 100,
    problems: ["too many documents"],
  })
})

test.each([
  ["an error of the server", () => new Response("oops", { status: 500 }), "answered 500"],
  ["a redirect answer", () => Response.redirect("https://elsewhere.test/"), "answered 302"],
  ["no XML", () => new Response("{}", { headers: { "Content-Type": "application/json" } }), "12300"],
  ["broken TwiML", () => twiml("<Say>"), "12100"],
] as const)("%s is reported to the caller and kept as a problem", async (_, answer, problem) => {
  await using it = fixture(answer, { charactersPerSecond: Number.POSITIVE_INFINITY })
  const { status, heard, problems } = await it.twilio.call().ended
  expect({ status, heard }).toEqual({
    status: "completed",
    heard: "We are sorry, an application error has occurred. Goodbye.",
  })
  expect(problems).toEqual([expect.stringContaining(problem)])
})

test("a webhook that takes longer than 15 seconds is given up", async () => {
  const never = Promise.withResolvers<string>()
  await using it = fixture(() => never.promise, { charactersPerSecond: Number.POSITIVE_INFINITY })
  const call = it.twilio.call()
  await it.server.post("/twilio/voice")
  it.clock.advance(15_000)
  expect((await call.ended).problems).toEqual([expect.stringContaining("no answer within 15000 ms")])
  never.resolve("")
})

test("no host but the server's is ever called", async () => {
  await using it = fixture(() => "<Redirect>https://elsewhere.test/x</Redirect>", {
    charactersPerSecond: Infinity,
  })
  const { problems } = await it.twilio.call().ended
  expect(problems).toEqual([expect.stringContaining("reaches only https://parley.test")])
})

test("a gather takes keys while its prompt is played, and the prompt stops", async () => {
  await using it = fixture(({ path }) =>
    path === "/menu"
      ? "<Hangup/>"
      : "<Gather action='/menu' numDigits='2'><Say>Press two keys now please.</Say></Gather><Say>Nothing.</Say>",
  )
  const call = it.twilio.call()
  await call.verbs.next(({ name }) => name === "Gather")
  it.clock.advance(1_000)
  expect(call.press("12")).toBe(2)
  const { form, signed } = await it.server.post("/menu")
  expect({ digits: form["Digits"], signed }).toEqual({ digits: "12", signed: true })
  expect((await call.ended).heard).toBe("Press two")
})

test("a gather without input lets the next verb run; spoken input goes to the same document by default", async () => {
  await using it = fixture(({ form }) =>
    form["SpeechResult"]
      ? `<Say>${form["SpeechResult"]}</Say>`
      : "<Gather input='speech' timeout='3'/><Redirect/>",
  )
  const call = it.twilio.call()
  await call.verbs.next(({ name }) => name === "Gather")
  it.clock.advance(3_000)
  await call.verbs.next(({ name }) => name === "Redirect")
  await call.verbs.next(({ name }) => name === "Gather")
  expect(call.say("yes").delivered).toBe(true)
  await call.verbs.next(({ name }) => name === "Say")
  it.clock.advance(300)
  expect((await call.ended).heard).toBe("yes")
})

test("speech for a gather is reported before it has ended, where that is asked for", async () => {
  await using it = fixture(({ path }) =>
    path === "/"
      ? "<Gather input='speech' action='/done' partialResultCallback='/partial'><Say>Well?</Say></Gather>"
      : path === "/done"
        ? "<Hangup/>"
        : "<Gather input='speech' action='/done' partialResultCallback='/partial'/>",
  )
  const call = it.twilio.call()
  await call.questions.next()
  call.say("a table for two")
  await call.ended
  // Two requests of their own: either may arrive first.
  const formOf = (path: string) => it.server.posts.all.find((post) => post.path === path)?.form
  expect(formOf("/partial")).toMatchObject({ UnstableSpeechResult: "a table for two" })
  expect(formOf("/done")).toMatchObject({ SpeechResult: "a table for two" })
})

test("a message is recorded, reported, and its step requested; a silent one lets the next verb run", async () => {
  await using it = fixture(({ path }) => {
    if (path === "/again") return "<Record timeout='2'/><Redirect>/silent</Redirect>"
    if (path === "/done") return "<Redirect>/again</Redirect>"
    if (path === "/silent") return "<Hangup/>"
    return "<Record action='/done' finishOnKey='#' transcribe='true' recordingStatusCallback='/rec' transcribeCallback='/text'/>"
  })
  const call = it.twilio.call()
  await call.questions.next()
  call.say("Please call me back.")
  expect(call.press("#")).toBe(1)
  const { form } = await it.server.post("/rec")
  expect(form).toMatchObject({
    RecordingStatus: "completed",
    RecordingSource: "RecordVerb",
    RecordingDuration: "2",
  })
  expect((await it.server.post("/text")).form["TranscriptionText"]).toBe("Please call me back.")
  expect((await it.server.post("/done")).form).toMatchObject({ Digits: "#", RecordingDuration: "2" })
  await call.questions.next()
  it.clock.advance(2_000)
  await it.server.post("/silent")
  await call.ended
})

test("a dial is kept for the reader and reports what it came to", async () => {
  await using it = fixture(({ path }) =>
    path === "/dialled" ? "<Hangup/>" : "<Dial action='/dialled'><Number>+15550100077</Number></Dial>",
  )
  const call = it.twilio.call({ dialStatus: "no-answer" })
  const { form } = await it.server.post("/dialled")
  await call.ended
  expect(form["DialCallStatus"]).toBe("no-answer")
  expect(call.verbs.all[0]?.children).toEqual([
    { name: "Number", attributes: {}, text: "+15550100077", children: [] },
  ])
})

test("an outgoing call reports every status that was asked for, numbered in order", async () => {
  await using it = fixture(({ path }) =>
    path === "/status" ? new Response(null, { status: 204 }) : "<Pause length='90'/>",
  )
  const call = it.twilio.call({
    direction: "outbound",
    voiceUrl: "/out?id=7",
    statusCallback: {
      url: "https://parley.test/status",
      events: ["initiated", "ringing", "answered", "completed"],
    },
  })
  await call.verbs.next(({ name }) => name === "Pause")
  // Each is given up where an answer takes too long, also in the time of this clock.
  while (call.webhooks.all.length < 4) await call.webhooks.next()
  await it.clock.pass(90_000, 1_000)
  await call.ended
  // As with Twilio, they may arrive in another order than they were sent.
  const posts = it.server.posts.all
    .filter(({ path }) => path === "/status")
    .toSorted((a, b) => Number(a.form["SequenceNumber"]) - Number(b.form["SequenceNumber"]))
  expect(posts.every(({ signed }) => signed)).toBe(true)
  expect(posts.map(({ form }) => [form["CallStatus"], form["SequenceNumber"], form["CallDuration"]])).toEqual(
    [
      ["initiated", "0", undefined],
      ["ringing", "1", undefined],
      ["in-progress", "2", undefined],
      ["completed", "3", "90"],
    ],
  )
  expect(posts[3]?.form).toMatchObject({
    Timestamp: "Fri, 20 Nov 2026 00:01:30 +0000",
    CallbackSource: "call-progress-events",
    SipResponseCode: "200",
    Duration: "2",
    Direction: "outbound-api",
  })
  expect(it.server.posts.all.find(({ path }) => path === "/out?id=7")?.form["CallStatus"]).toBe("in-progress")
})

test.each([
  ["busy", "486"],
  ["no-answer", "487"],
  ["failed", "404"],
] as const)("an outgoing call that is %s asks for no instructions", async (outcome, sip) => {
  await using it = fixture(() => new Response(null, { status: 204 }))
  const call = it.twilio.call({
    direction: "outbound",
    outcome,
    statusCallback: { url: "https://parley.test/status" },
  })
  const { status, seconds } = await call.ended
  expect({ status, seconds }).toEqual({ status: outcome, seconds: 0 })
  expect(
    it.server.posts.all.map(({ path, form }) => [path, form["CallStatus"], form["SipResponseCode"]]),
  ).toEqual([["/status", outcome, sip]])
})

test("a call that rings can be picked up, or given up", async () => {
  await using it = fixture(() => "<Hangup/>")
  const first = it.twilio.call({ direction: "outbound", outcome: "ring" })
  const second = it.twilio.call({ direction: "outbound", outcome: "ring" })
  expect(first.status).toBe("ringing")
  first.answer()
  second.hangup()
  expect({ first: (await first.ended).status, second: (await second.ended).status }).toEqual({
    first: "completed",
    second: "canceled",
  })
})

test("an outgoing call is dialled when it is let, and not at all when it ended before", async () => {
  await using it = fixture(({ path }) => (path === "/status" ? new Response() : "<Hangup/>"))
  const dialling = Promise.withResolvers<void>()
  const outgoing = { direction: "outbound", startWhen: dialling.promise } as const
  const first = it.twilio.call(outgoing)
  const second = it.twilio.call(outgoing)
  second.hangup()
  expect({
    second: (await second.ended).status,
    first: first.status,
    postCount: it.server.posts.count,
  }).toEqual({ second: "canceled", first: "queued", postCount: 0 })
  dialling.resolve()
  expect((await first.ended).status).toBe("completed")
})

test("an incoming call reports only its end, once, with number 0", async () => {
  await using it = fixture(({ path }) => (path === "/number" ? new Response() : "<Hangup/>"))
  await it.twilio.call({ statusCallback: { url: "https://parley.test/number" } }).ended
  const posts = it.server.posts.all.filter(({ path }) => path === "/number")
  expect(posts.map(({ form }) => [form["CallStatus"], form["SequenceNumber"]])).toEqual([["completed", "0"]])
})

test("the longest length ends a call", async () => {
  await using it = fixture(() => "<Pause length='600'/>")
  const call = it.twilio.call({ timeLimitSeconds: 20, direction: "outbound" })
  await call.verbs.next(({ name }) => name === "Pause")
  it.clock.advance(20_000)
  expect((await call.ended).seconds).toBe(20)
})

test("inline TwiML needs no webhook, and new instructions replace it", async () => {
  await using it = fixture(() => "<Say>New.</Say>")
  const call = it.twilio.call({ direction: "outbound", twiml: "<Response><Pause length='60'/></Response>" })
  await call.verbs.next(({ name }) => name === "Pause")
  call.redirect({ url: "https://parley.test/new" })
  await call.verbs.next(({ name }) => name === "Say")
  it.clock.advance(1_000)
  const { verbs, heard } = await call.ended
  expect({ verbs, heard }).toEqual({ verbs: ["Pause", "Say"], heard: "New." })
})

test("hanging up before the server answered ends the call", async () => {
  const never = Promise.withResolvers<string>()
  await using it = fixture(() => never.promise)
  const call = it.twilio.call()
  await it.server.post("/twilio/voice")
  call.hangup()
  call.hangup()
  const { status, problems } = await call.ended
  expect({ status, problems }).toEqual({ status: "completed", problems: [] })
  never.resolve("")
})

test("a callback that belongs to no call is signed as well", async () => {
  await using it = fixture(() => new Response(null, { status: 204 }))
  const answer = await it.twilio.post("/twilio/sms", { Body: "", From: "+15550100009" })
  const post = await it.server.post("/twilio/sms")
  expect({ status: answer.status, signed: post.signed, body: post.form["Body"] }).toEqual({
    status: 204,
    signed: true,
    body: "",
  })
})

test("a server that is not there is a problem, not an error", async () => {
  await using it = fixture(() => "")
  await it.server[Symbol.asyncDispose]()
  const call = it.twilio.call()
  await call.verbs.next(({ name }) => name === "Say")
  await it.clock.pass(10_000)
  expect((await call.ended).problems).toEqual([
    expect.stringContaining("11200: https://parley.test/twilio/voice"),
  ])
})

test("the end of the account ends its calls and leaves no deadline", async () => {
  const it = fixture(({ path }) =>
    path === "/ended" ? "" : relay('welcomeGreeting="Hello, this is a long one."'),
  )
  const calls = Array.from({ length: 20 }, () => it.twilio.call())
  for (const call of calls) await call.frames.next()
  await it.twilio[Symbol.asyncDispose]()
  expect(it.clock.sweep.size).toBe(0)
  expect(calls.map(({ status }) => status)).toEqual(calls.map(() => "completed"))
  await it[Symbol.asyncDispose]()
})
