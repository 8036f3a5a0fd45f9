import { expect, test } from "bun:test"
import { AppUnderTest } from "../server/app-under-test.ts"
import { endedForm, prompt, relayOf, setupFrame } from "../server/client.ts"

/** A call that was spoken to. */
async function spokenCall(app: AppUnderTest) {
  const call = await app.incoming()
  const socket = app.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  socket.send(prompt("Hello"))
  await socket.frames.next(({ last }) => last === true)
  return { ...call, socket }
}

const ended = { status: "completed", endedAt: "2026-11-20T00:00:00.000Z" }

test.each<[string, Record<string, string>, string[], Record<string, unknown>]>([
  [
    "the caller hung up",
    { SessionStatus: "completed", CallStatus: "completed" },
    [],
    { ...ended, endedBy: "caller", endReason: "the caller hung up" },
  ],
  [
    "the call is over whatever the session says",
    { SessionStatus: "failed", CallStatus: "completed" },
    [],
    { ...ended, endedBy: "caller" },
  ],
  [
    "a terminal status of another kind",
    { SessionStatus: "completed", CallStatus: "failed" },
    [],
    { status: "failed", endedBy: "system", endReason: "the call could not be connected" },
  ],
  [
    "the session is completed though the call is said to run",
    { SessionStatus: "completed", CallStatus: "in-progress" },
    [],
    { ...ended, endedBy: "caller" },
  ],
  [
    "the agent ended it",
    { HandoffData: '{"reasonCode":"end-call","reason":"Ending the call","conversationSummary":"short"}' },
    ["Hangup"],
    { ...ended, endedBy: "agent", endReason: "Ending the call" },
  ],
  [
    "no words before",
    { HandoffData: '{"reasonCode":"unresponsive","reason":"The caller was not speaking"}' },
    ["Hangup"],
    { ...ended, endedBy: "silence", endReason: "The caller was not speaking" },
  ],
  [
    "the time is over",
    { HandoffData: '{"reasonCode":"time-limit"}' },
    ["Hangup"],
    { endedBy: "limit", endReason: "time-limit" },
  ],
  ["the API ended it", { HandoffData: '{"reasonCode":"api","reason":"x"}' }, ["Hangup"], { endedBy: "api" }],
  ["no data at all", {}, ["Hangup"], { ...ended, endedBy: "agent", endReason: "the session was ended" }],
  ["data that is no JSON", { HandoffData: "{" }, ["Hangup"], { endReason: "the session was ended" }],
  [
    "data of another program",
    { HandoffData: '{"queue":"billing"}' },
    ["Hangup"],
    { endReason: "the session was ended" },
  ],
  ["data that is a list", { HandoffData: "[]" }, ["Hangup"], { endReason: "the session was ended" }],
  [
    "a word of the language itself",
    { HandoffData: '{"reasonCode":"constructor","reason":"__proto__"}' },
    ["Hangup"],
    { endedBy: "agent", endReason: "__proto__" },
  ],
  [
    "data near the limit of a request",
    { HandoffData: JSON.stringify({ reasonCode: "end-call", reason: "x".repeat(60_000) }) },
    ["Hangup"],
    { endedBy: "agent", endReason: "x".repeat(500) },
  ],
])("%s", async (_, fields, verbs, expected) => {
  await using app = await AppUnderTest.start()
  const { callSid, actionPath } = await app.incoming()
  const answer = await app.twiml(actionPath, endedForm(callSid, fields))
  expect(answer.map(({ name }) => name)).toEqual(verbs)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject(expected)
})

test.each(["failed", "no-such-word", ""])(
  "after SessionStatus %p the conversation continues without a greeting",
  async (word) => {
    await using app = await AppUnderTest.start()
    const { callSid, actionPath, socketUrl, socket } = await spokenCall(app)
    socket.close()
    await socket.closed
    const fields = { SessionStatus: word, ErrorCode: "64105", ErrorMessage: "Websocket ended" }
    const relay = relayOf(await app.twiml(actionPath, endedForm(callSid, fields)))
    expect(relay.attributes["welcomeGreeting"]).toBeUndefined()
    expect(relay.attributes["url"]).not.toBe(socketUrl)
    const resumed = app.socket(relay.attributes["url"] ?? "")
    await resumed.opened
    resumed.send(setupFrame(callSid))
    expect(await resumed.frames.next()).toMatchObject({
      type: "text",
      token: "Sorry, we were cut off. Please go on.",
    })
    expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({
      status: "in-progress",
      resumes: 1,
      live: true,
      endedBy: null,
    })
  },
)

test("where no session ever opened, the next one greets", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, actionPath } = await app.incoming()
  const relay = relayOf(
    await app.twiml(actionPath, endedForm(callSid, { SessionStatus: "failed", ErrorCode: "64102" })),
  )
  expect(relay.attributes["welcomeGreeting"]).toBeString()
})

test("after an error of a speech provider the conversation resumes with another one", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, actionPath } = await app.incoming()
  const failed = endedForm(callSid, { SessionStatus: "failed", ErrorCode: "64111" })
  const { attributes } = relayOf(await app.twiml(actionPath, failed))
  expect([attributes["ttsProvider"], attributes["voice"]]).toEqual(["Google", undefined])
  expect(attributes["transcriptionProvider"]).toBe("Deepgram")
})

test("a speech provider that failed is not used again in the call, whatever follows", async () => {
  await using app = await AppUnderTest.start({ TRANSFER_TO: "+15550100088" })
  const { callSid, actionPath } = await app.incoming()
  const next = async (path: string, fields: Record<string, string>) => {
    const relay = relayOf(await app.twiml(path, endedForm(callSid, fields)))
    return { path: app.pathOf(relay.action), provider: relay.attributes["ttsProvider"] }
  }
  const speech = await next(actionPath, { SessionStatus: "failed", ErrorCode: "64111" })
  const lost = await next(speech.path, { SessionStatus: "failed", ErrorCode: "64105" })
  const handoff = JSON.stringify({ reasonCode: "live-agent-handoff", reason: "Wants a person." })
  const dial = await app.twiml(lost.path, endedForm(callSid, { HandoffData: handoff }))
  const transfer = app.pathOf(dial.at(-1)?.attributes["action"] ?? "")
  const back = await next(transfer, { DialCallStatus: "busy" })
  const second = await next(back.path, { SessionStatus: "failed", ErrorCode: "64112" })
  expect([speech.provider, lost.provider, back.provider, second.provider]).toEqual([
    "Google",
    "Google",
    "Google",
    "Amazon",
  ])
})

test("three losses are borne, also with reports that are the same to the letter; then a sentence ends the call", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, actionPath } = await app.incoming()
  const lost = endedForm(callSid, { SessionStatus: "failed", SessionId: "", SessionDuration: "0" })
  let path = actionPath
  for (const resumes of [1, 2, 3]) {
    const relay = relayOf(await app.twiml(path, lost))
    path = app.pathOf(relay.action)
    expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ resumes, status: "in-progress" })
  }
  const [say, hangup, ...others] = await app.twiml(path, lost)
  expect({ sayName: say?.name, sayText: say?.text, hangupName: hangup?.name, others }).toEqual({
    sayName: "Say",
    sayText: "I am sorry, I cannot continue this call. Goodbye.",
    hangupName: "Hangup",
    others: [],
  })
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({
    ...ended,
    resumes: 3,
    endedBy: "system",
    endReason: "the connection was lost 4 times: the connection was lost",
  })
})

test("a session that ends after its call is over changes nothing", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, actionPath } = await app.incoming()
  await app.webhook(actionPath, endedForm(callSid, { SessionStatus: "completed", CallStatus: "completed" }))
  const before = await app.json(`/v1/calls/${callSid}`)
  for (const SessionStatus of ["failed", "ended", "completed"]) {
    const answer = await app.twiml(actionPath, endedForm(callSid, { SessionStatus }))
    expect(answer.map(({ name }) => name)).toEqual(SessionStatus === "completed" ? [] : ["Hangup"])
  }
  expect(await app.json(`/v1/calls/${callSid}`)).toEqual(before)
})
