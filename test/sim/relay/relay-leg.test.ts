import { expect, test } from "bun:test"
import { fixture, relay, type Script } from "../fixture.ts"

/** Answers the voice webhook with a relay, and its end with a hang-up. */
const relayed =
  (attributes = "", children = ""): Script =>
  ({ path }) =>
    path === "/ended" ? "<Hangup/>" : relay(attributes, children)

const ALL_EVENTS = 'events="speaker-events tokens-played" dtmfDetection="true"'

/** A call whose session is open, with both ends of the socket. */
async function talking(it: ReturnType<typeof fixture>) {
  const call = it.twilio.call()
  const peer = await it.server.peers.next()
  const setup = await peer.frame("setup")
  return { call, peer, setup }
}

const types = (frames: readonly Record<string, unknown>[]) =>
  frames.map(({ type, name, value }) => (type === "info" ? [name, value].join(" ") : type))

test("the handshake is signed for the public wss address, and setup comes first", async () => {
  await using it = fixture(
    relayed(
      'language="de-DE"',
      '<Parameter name="agent" value="a &amp; b"/><Parameter name="empty" value=""/>',
    ),
  )
  const { call, peer, setup } = await talking(it)
  const signature = peer.data.headers.get("x-twilio-signature")
  expect({ path: peer.data.path, signed: peer.data.signed }).toEqual({ path: "/relay/t1", signed: true })
  expect(peer.data.headers.get("x-amzn-bedrock-agentcore-runtime-custom-twilio-signature")).toBe(signature)
  expect(peer.data.headers.get("sec-websocket-extensions")).toBeNull()
  expect(setup).toEqual({
    type: "setup",
    sessionId: expect.stringMatching(/^VX[0-9a-f]{32}$/),
    accountSid: it.twilio.accountSid,
    parentCallSid: "",
    callSid: call.callSid,
    from: "+15550100001",
    to: "+15550100002",
    forwardedFrom: "",
    callType: "PSTN",
    callerName: "",
    direction: "inbound",
    callStatus: "RINGING",
    customParameters: { agent: "a & b", empty: "" },
  })
})

test("the greeting and a reply are heard, reported and waited for", async () => {
  await using it = fixture(relayed(`welcomeGreeting="Hello, you." ${ALL_EVENTS}`))
  const { call, peer } = await talking(it)
  it.clock.advance(1_100)
  expect(await call.agentTurn()).toBe("Hello, you.")
  expect(call.say("Hi").delivered).toBe(true)
  await peer.frame("prompt")
  peer.send({ type: "text", token: "How are ", last: false })
  peer.send({ type: "text", token: "you?", last: true })
  await call.frames.next(({ text }) => text.includes("you?"))
  it.clock.advance(1_200)
  expect(await call.agentTurn()).toBe("How are you?")
  call.hangup()
  await call.ended
  expect(types(peer.frames.all)).toEqual([
    "setup",
    "agentSpeaking on",
    "tokensPlayed Hello,",
    "tokensPlayed you.",
    "agentSpeaking off",
    "clientSpeaking on",
    "prompt",
    "clientSpeaking off",
    "agentSpeaking on",
    "tokensPlayed How are you?",
    "agentSpeaking off",
  ])
})

test("without events nothing is reported of them", async () => {
  await using it = fixture(relayed('welcomeGreeting="Hello."'))
  const { call, peer } = await talking(it)
  it.clock.advance(1_000)
  call.say("Hi", { lang: "en" })
  expect(await peer.frame("prompt")).toEqual({ type: "prompt", voicePrompt: "Hi", lang: "en", last: true })
  expect(types(peer.frames.all)).toEqual(["setup", "prompt"])
})

test("speech that cuts in purges the queue and reports exactly what was heard", async () => {
  await using it = fixture(relayed(ALL_EVENTS))
  const { call, peer } = await talking(it)
  peer.send({ type: "text", token: "Once upon a time, there was a king.", last: true })
  peer.send({ type: "text", token: "This is not heard.", last: true })
  await call.frames.next(({ text }) => text.includes("not heard"))
  it.clock.advance(2_300)
  expect(call.say("Stop")).toEqual({ delivered: true, cut: "Once upon a time, there" })
  await peer.frame("prompt")
  it.clock.advance(10_000)
  call.hangup()
  const { heard } = await call.ended
  expect(heard).toBe("Once upon a time, there")
  expect(types(peer.frames.all)).toEqual([
    "setup",
    "agentSpeaking on",
    "tokensPlayed Once upon a time,",
    "clientSpeaking on",
    "tokensPlayed there",
    "interrupt",
    "agentSpeaking off",
    "prompt",
    "clientSpeaking off",
  ])
  expect(peer.frames.all.find(({ type }) => type === "interrupt")).toEqual({
    type: "interrupt",
    utteranceUntilInterrupt: "Once upon a time, there",
    durationUntilInterruptMs: 2300,
  })
})

test("a noise without words interrupts without a prompt, and silence cannot be interrupted", async () => {
  await using it = fixture(relayed('welcomeGreeting="Hello there."'))
  const { call, peer } = await talking(it)
  it.clock.advance(600)
  expect([call.interrupt(), call.interrupt()]).toEqual(["Hello", undefined])
  await peer.frame("interrupt")
  expect(types(peer.frames.all)).toEqual(["setup", "interrupt"])
})

test("a key that cuts in is reported before the cut", async () => {
  await using it = fixture(relayed(`welcomeGreeting="Hello there." ${ALL_EVENTS}`))
  const { call, peer } = await talking(it)
  it.clock.advance(600)
  expect(call.press("5#")).toBe(2)
  await peer.frames.next(({ digit }) => digit === "#")
  expect(types(peer.frames.all).slice(2)).toEqual([
    "dtmf",
    "tokensPlayed Hello",
    "interrupt",
    "agentSpeaking off",
    "dtmf",
  ])
})

test.each([
  [
    "speech that may not cut in is not reported",
    'interruptible="none"',
    { delivered: false, cut: undefined },
  ],
  [
    "unless it is to be reported",
    'interruptible="none" reportInputDuringAgentSpeech="speech"',
    { delivered: true, cut: undefined },
  ],
  ["an old boolean counts", 'interruptible="true"', { delivered: true, cut: "One two" }],
  ["keys alone may cut in", 'interruptible="dtmf"', { delivered: false, cut: undefined }],
] as const)("while the agent speaks: %s", async (_, attributes, expected) => {
  await using it = fixture(relayed(attributes))
  const { call, peer } = await talking(it)
  peer.send({ type: "text", token: "One two three.", last: true })
  await call.frames.next(({ from }) => from === "server")
  it.clock.advance(800)
  expect(call.say("Stop")).toEqual(expected)
})

test("keys are reported only where they are detected", async () => {
  await using it = fixture(relayed())
  const { call } = await talking(it)
  expect(call.press("1")).toBe(0)
})

test("a message's own flag stands above the attribute", async () => {
  await using it = fixture(relayed())
  const { call, peer } = await talking(it)
  peer.send({ type: "text", token: "Important words.", last: true, interruptible: false })
  await call.frames.next(({ from }) => from === "server")
  it.clock.advance(900)
  expect(call.say("Stop")).toEqual({ delivered: false, cut: undefined })
})

test("partials grow and the last one repeats the text", async () => {
  await using it = fixture(relayed('partialPrompts="true"'))
  const { call, peer } = await talking(it)
  call.say("one two three four", { partials: 2 })
  await peer.frames.next(({ last }) => last === true)
  expect(peer.frames.all.slice(1).map(({ voicePrompt, last }) => [voicePrompt, last])).toEqual([
    ["one", false],
    ["one two three", false],
    ["one two three four", true],
  ])
})

test("an end with hand-over closes politely, and the action's TwiML runs", async () => {
  await using it = fixture(({ path }) => (path === "/ended" ? "<Say>Moving on.</Say>" : relay()))
  const { call, peer, setup } = await talking(it)
  it.clock.advance(4_200)
  peer.send({ type: "end", handoffData: '{"reason":"human"}' })
  const post = await it.server.post("/ended")
  await call.verbs.next(({ name }) => name === "Say")
  it.clock.advance(5_000)
  const { heard, status, sessions } = await call.ended
  expect(await peer.closed.promise).toEqual({ code: 1000, reason: "Closing websocket session" })
  expect({ signed: post.signed, heard, status }).toEqual({
    signed: true,
    heard: "Moving on.",
    status: "completed",
  })
  expect(post.form).toMatchObject({
    CallSid: call.callSid,
    CallStatus: "in-progress",
    SessionId: setup["sessionId"],
    SessionStatus: "ended",
    SessionDuration: "4",
    HandoffData: '{"reason":"human"}',
  })
  expect(sessions).toEqual([
    { sessionId: String(setup["sessionId"]), status: "ended", seconds: 4, handoffData: '{"reason":"human"}' },
  ])
})

test("a caller who hangs up completes the session and the call; the answer is not run", async () => {
  await using it = fixture(({ path }) => (path === "/ended" ? "<Say>This is not heard.</Say>" : relay()))
  const { call, peer } = await talking(it)
  call.hangup()
  const { form } = await it.server.post("/ended")
  const { heard, verbs } = await call.ended
  expect(await peer.closed.promise).toEqual({ code: 1000, reason: "Closing websocket session" })
  expect({ callStatus: form["CallStatus"], sessionStatus: form["SessionStatus"], heard, verbs }).toEqual({
    callStatus: "completed",
    sessionStatus: "completed",
    heard: "",
    verbs: ["Connect"],
  })
})

test("a lost socket fails the session, and a new one on the same call is in progress", async () => {
  let sessions = 0
  await using it = fixture(({ path, form }) => {
    if (path === "/ended" && form["SessionStatus"] !== "failed") return "<Hangup/>"
    sessions += 1
    return relay(`welcomeGreeting="Number ${sessions}."`)
  })
  const { call, peer, setup } = await talking(it)
  call.dropSocket()
  const { form } = await it.server.post("/ended")
  const again = await it.server.peers.next()
  const resumed = await again.frame("setup")
  expect((await peer.closed.promise).code).toBe(1006)
  expect(form).toMatchObject({
    SessionStatus: "failed",
    CallStatus: "in-progress",
    ErrorCode: "64105",
    ErrorMessage: "Websocket ended",
  })
  expect({ callSid: resumed["callSid"], callStatus: resumed["callStatus"] }).toEqual({
    callSid: call.callSid,
    callStatus: "IN_PROGRESS",
  })
  expect(resumed["sessionId"]).not.toBe(setup["sessionId"])
  again.send({ type: "end" })
  const { sockets, sessions: ends } = await call.ended
  expect({ sockets, ends: ends.map(({ status }) => status) }).toEqual({
    sockets: 2,
    ends: ["failed", "ended"],
  })
})

test("a socket that the server closes is lost as well", async () => {
  await using it = fixture(relayed())
  const { call, peer } = await talking(it)
  peer.close()
  const { form } = await it.server.post("/ended")
  await call.ended
  expect({ sessionStatus: form["SessionStatus"], errorCode: form["ErrorCode"] }).toEqual({
    sessionStatus: "failed",
    errorCode: "64105",
  })
})

test.each([
  ["refused by the server", undefined, "64102"],
  ["not wss", "<Connect action='/ended'><ConversationRelay url='ws://parley.test/x'/></Connect>", "64101"],
  [
    "on another host",
    "<Connect action='/ended'><ConversationRelay url='wss://x.test/x'/></Connect>",
    "64101",
  ],
] as const)("a socket %s fails the session", async (_, document, code) => {
  await using it = fixture(({ path }) => (path === "/ended" ? "<Hangup/>" : (document ?? relay())), {
    refuseSockets: true,
  })
  const call = it.twilio.call()
  const { form } = await it.server.post("/ended")
  const { problems } = await call.ended
  expect({ sessionStatus: form["SessionStatus"], errorCode: form["ErrorCode"] }).toEqual({
    sessionStatus: "failed",
    errorCode: code,
  })
  expect(problems).toEqual([expect.stringContaining(code)])
})

test("malformed frames are answered, a good one resets the count, ten in a row close the socket", async () => {
  await using it = fixture(relayed())
  const { call, peer } = await talking(it)
  for (let count = 0; count < 9; count += 1) peer.send('{"type":"txt"}')
  peer.send({ type: "text", token: "Good.", last: true })
  for (let count = 0; count < 9; count += 1) peer.send("not json")
  peer.sendBinary(new Uint8Array([1, 2, 3]))
  const { form } = await it.server.post("/ended")
  expect(await peer.closed.promise).toEqual({
    code: 1007,
    reason: "Too many consecutive malformed messages.",
  })
  const errors = peer.frames.all.filter(({ type }) => type === "error")
  expect(errors).toHaveLength(19)
  expect(errors[0]).toEqual({
    type: "error",
    description: 'Invalid message received, code: 64107, {"type":"txt"}',
  })
  expect({ sessionStatus: form["SessionStatus"], errorCode: form["ErrorCode"] }).toEqual({
    sessionStatus: "failed",
    errorCode: "64107",
  })
  await call.ended
})

test("languages are declared before they are spoken", async () => {
  await using it = fixture(relayed("language='en-US'", "<Language code='es-ES'/>"))
  const { call, peer } = await talking(it)
  peer.send({ type: "language", ttsLanguage: "es-ES", transcriptionLanguage: "es-ES" })
  peer.send({ type: "text", token: "Hola.", last: true })
  await call.frames.next(({ text }) => text.includes("Hola"))
  it.clock.advance(1_000)
  call.say("Buenas")
  expect((await peer.frame("prompt"))["lang"]).toBe("es-ES")
  expect(call.spoken.all.map(({ text, lang }) => [text, lang])).toEqual([["Hola.", "es-ES"]])
  peer.send({ type: "language", ttsLanguage: "fr-FR" })
  const error = await peer.frame("error")
  const { form } = await it.server.post("/ended")
  expect(String(error["description"])).toContain("64106")
  expect({ sessionStatus: form["SessionStatus"], errorCode: form["ErrorCode"] }).toEqual({
    sessionStatus: "failed",
    errorCode: "64106",
  })
})

test("digits and audio wait their turn behind speech", async () => {
  await using it = fixture(relayed(ALL_EVENTS))
  const { call, peer } = await talking(it)
  peer.send({ type: "text", token: "Hello.", last: true })
  peer.send({ type: "sendDigits", digits: "w12" })
  peer.send({ type: "play", source: "https://parley.test/a.mp3", loop: 2 })
  await call.frames.next(({ text }) => text.includes("a.mp3"))
  it.clock.advance(10_000)
  const start = call.frames.all[0]?.at ?? 0
  expect(call.spoken.all.map(({ source, text, at }) => [source, text, at - start])).toEqual([
    ["reply", "Hello.", 600],
    ["digits", "w12", 1300],
    ["audio", "https://parley.test/a.mp3", 3300],
  ])
})

test("new instructions by REST end the session without its action", async () => {
  await using it = fixture(relayed())
  const { call, peer } = await talking(it)
  call.redirect({ twiml: "<Response><Hangup/></Response>" })
  const { verbs } = await call.ended
  expect((await peer.closed.promise).code).toBe(1000)
  expect(verbs).toEqual(["Connect", "Hangup"])
  expect(it.server.posts.all.map(({ path }) => path)).toEqual(["/twilio/voice"])
})

test("a raw frame goes out as it is, and every frame is kept with its time", async () => {
  await using it = fixture(relayed())
  const { call, peer } = await talking(it)
  it.clock.advance(250)
  call.sendRaw('{"type":"odd"}')
  await peer.frame("odd")
  expect(
    call.frames.all.map(({ at, from, text }) => [
      at - (call.frames.all[0]?.at ?? 0),
      from,
      text.slice(0, 14),
    ]),
  ).toEqual([
    [0, "twilio", '{"type":"setup'],
    [250, "twilio", '{"type":"odd"}'],
  ])
})

test("what the caller does without a session is not sent", async () => {
  await using it = fixture(() => "<Pause length='10'/>")
  const call = it.twilio.call()
  await call.verbs.next()
  call.dropSocket()
  call.sendRaw("x")
  await call.heardWords(3)
  expect({
    say: call.say("hello"),
    press: call.press("1"),
    interrupt: call.interrupt(),
    agentSpeaking: call.agentSpeaking,
  }).toEqual({
    say: { delivered: false, cut: undefined },
    press: 0,
    interrupt: undefined,
    agentSpeaking: false,
  })
})

test("three hundred calls at once talk, and nothing of them stays", async () => {
  await using it = fixture(relayed('welcomeGreeting="Hello."'), {
    charactersPerSecond: Number.POSITIVE_INFINITY,
    onPeer: (peer) =>
      peer.frames.listen(({ type, voicePrompt }) => {
        if (type !== "prompt") return
        if (voicePrompt === "bye") peer.send({ type: "end" })
        else peer.send({ type: "text", token: `You said ${String(voicePrompt)}.`, last: true })
      }),
  })
  const calls = Array.from({ length: 300 }, () => it.twilio.call())
  const heard = await Promise.all(
    calls.map(async (call, index) => {
      await call.agentTurn()
      call.say(`number ${index}`)
      const turn = await call.agentTurn()
      call.say("bye")
      await call.ended
      return turn
    }),
  )
  expect(heard).toEqual(calls.map((_, index) => `You said number ${index}.`))
  expect(it.clock.sweep.size).toBe(0)
}, 20_000)
