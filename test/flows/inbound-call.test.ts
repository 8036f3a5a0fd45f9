import { expect, test } from "bun:test"
import { callsTool, says } from "../fakes/openai-script.ts"
import { answered, connected, linesOf, relayHarness, received } from "./relay-harness.ts"
import { textsIn } from "../lib/texts-in.ts"

const GREETING = "Hello there! How can I assist you today?"

type Turn = { speaker: string; text: string; interrupted: boolean }

test("a call from its webhook to its transcript: greeting, answers, a tool, the goodbye", async () => {
  await using harness = await relayHarness()
  const { clock, openai, twilio, app } = harness
  const call = twilio.call()
  await connected(call)
  clock.advance(6000)
  expect(await call.agentTurn()).toBe(GREETING)

  openai.enqueue(says("We open at nine."))
  call.say("When do you open?")
  const first = await openai.nextRequest()
  await answered(call)
  clock.advance(3000)
  expect(await call.agentTurn()).toBe("We open at nine.")
  expect(linesOf(first.body)).toEqual([`assistant: ${GREETING}`, "user: When do you open?"])

  openai.enqueue(callsTool("send-dtmf", { dtmfDigit: "12#" }), says("Done."))
  call.say("Press one two hash")
  const tool = await openai.nextRequest()
  const after = await openai.nextRequest()
  await answered(call)
  clock.advance(3000)
  expect(linesOf(tool.body).slice(2)).toEqual(["assistant: We open at nine.", "user: Press one two hash"])
  expect(linesOf(after.body).slice(4)).toMatchObject(["calls send-dtmf", expect.stringContaining("result")])
  expect(call.spoken.all.find(({ source }) => source === "digits")?.text).toBe("12#")

  openai.enqueue({
    steps: [
      { say: ["Good", "bye."] },
      { call: "end-call", arguments: { conversationSummary: "Asked for hours." } },
    ],
  })
  call.say("Thank you, bye")
  await answered(call)
  clock.advance(1000)
  await received(app, call)
  clock.advance(10_000)
  const summary = await call.ended
  expect(summary).toMatchObject({ status: "completed", sockets: 1, problems: [] })
  expect(summary.sessions).toMatchObject([
    { status: "ended", handoffData: expect.stringContaining("Asked for hours.") },
  ])
  expect(summary.heard.split("\n")).toEqual([GREETING, "We open at nine.", "Done.", "Goodbye."])

  const record = await app.json(`/v1/calls/${call.callSid}`)
  expect(record).toMatchObject({ status: "completed", endedBy: "agent", live: false, resumes: 0 })
  const { turns } = await app.json(`/v1/calls/${call.callSid}/transcript`)
  expect(turns.map(({ speaker, text }: Turn) => `${speaker}: ${text}`)).toEqual([
    `agent: ${GREETING}`,
    "caller: When do you open?",
    "agent: We open at nine.",
    "caller: Press one two hash",
    "agent: Done.",
    "caller: Thank you, bye",
    "agent: Goodbye.",
  ])
  const { events } = await app.json(`/v1/calls/${call.callSid}/events`)
  const types = events.map(({ type }: { type: string }) => type)
  expect(types.filter((type: string) => type.startsWith("tool."))).toEqual([
    "tool.started",
    "tool.finished",
    "tool.started",
    "tool.finished",
  ])
  expect(types.slice(-2)).toEqual(["call.ended", "call.status-changed"])
})

test("an interruption cuts history, transcript and events at what was heard, and hangs up on the model", async () => {
  await using harness = await relayHarness()
  const { clock, openai, twilio, app } = harness
  const call = twilio.call()
  await connected(call)
  clock.advance(6000)
  await call.agentTurn()

  const words = "One two three four five six seven eight nine ten. "
  openai.enqueue({ steps: [{ say: [words, "Eleven twelve."] }], ending: "stalled" })
  call.say("Count, please")
  const counting = await openai.nextRequest()
  await call.frames.next(({ from, message }) => from === "server" && message?.type === "text")
  const heardFour = call.heardWords(4)
  clock.advance(2000)
  await heardFour
  openai.enqueue(says("All right."))
  const { cut } = call.say("Stop, that is enough")
  expect(cut).toMatch(/^One two three four/)
  expect(cut?.length).toBeLessThan(words.length)

  const second = await openai.nextRequest()
  expect(await counting.closed).toBe("aborted")
  await answered(call)
  clock.advance(3000)
  const heard = cut?.trim() ?? ""
  expect(linesOf(second.body).slice(1)).toEqual([
    "user: Count, please",
    `assistant: ${heard}`,
    "user: Stop, that is enough",
  ])
  const { turns } = await app.json(`/v1/calls/${call.callSid}/transcript`)
  expect(turns.map(({ speaker, text, interrupted }: Turn) => [speaker, text, interrupted])).toEqual([
    ["agent", GREETING, false],
    ["caller", "Count, please", false],
    ["agent", heard, true],
    ["caller", "Stop, that is enough", false],
    ["agent", "All right.", false],
  ])
  const { events } = await app.json(`/v1/calls/${call.callSid}/events`)
  const spoken = events.filter(({ type }: { type: string }) => type === "agent.spoke")
  expect(spoken[1]).toMatchObject({ text: heard, interrupted: true })
  expect(events).toContainEqual(expect.objectContaining({ type: "reply.finished", outcome: "interrupted" }))
  expect(textsIn(turns)).not.toContainEqual(expect.stringContaining("Eleven"))
})

test("a caller who hangs up in the middle of an answer leaves nothing behind", async () => {
  await using harness = await relayHarness()
  const { clock, openai, twilio, app } = harness
  const before = await app.counts()
  const call = twilio.call({ statusCallback: { url: "https://parley.test/twilio/status" } })
  await connected(call)
  openai.enqueue({ steps: [{ say: ["Once upon a time "] }], ending: "stalled" })
  clock.advance(6000)
  call.say("Tell me a story")
  const request = await openai.nextRequest()
  await call.frames.next(({ from, message }) => from === "server" && message?.type === "text")
  call.hangup()
  const summary = await call.ended
  expect(await request.closed).toBe("aborted")
  expect(summary).toMatchObject({ status: "completed", problems: [] })
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
    status: "completed",
    endedBy: "caller",
    live: false,
  })
  clock.advance(10_000)
  expect(await app.counts()).toEqual({ ...before, models: 1 })
})

test("a lost socket is no lost conversation: one short harness, no greeting, the model knows what was said", async () => {
  await using harness = await relayHarness()
  const { clock, openai, twilio, app } = harness
  const call = twilio.call()
  await connected(call)
  clock.advance(6000)
  await call.agentTurn()
  openai.enqueue(says("Nice to meet you, Ada."))
  call.say("My name is Ada")
  await answered(call)
  clock.advance(3000)
  await call.agentTurn()

  call.dropSocket()
  const setup = await connected(call)
  expect(setup.message).toMatchObject({ callStatus: "IN_PROGRESS" })
  await answered(call)
  clock.advance(4000)
  expect(await call.agentTurn()).toBe("Sorry, we were cut off. Please go on.")

  openai.enqueue(says("Ada."))
  call.say("What is my name?")
  await openai.nextRequest()
  const request = await openai.nextRequest()
  await answered(call)
  expect(linesOf(request.body)).toEqual([
    `assistant: ${GREETING}`,
    "user: My name is Ada",
    "assistant: Nice to meet you, Ada.",
    "assistant: Sorry, we were cut off. Please go on.",
    "user: What is my name?",
  ])
  call.hangup()
  const summary = await call.ended
  expect(summary.sessions.map(({ status }) => status)).toEqual(["failed", "completed"])
  expect(summary.heard.split(GREETING)).toHaveLength(2)
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ resumes: 1, status: "completed" })
})

test("a harness that is lost again and again ends with a sentence", async () => {
  await using harness = await relayHarness()
  const { clock, twilio, app } = harness
  const call = twilio.call()
  for (let loss = 0; loss < 4; loss++) {
    await connected(call)
    call.dropSocket()
  }
  await call.verbs.next(({ name }) => name === "Say")
  await clock.pass(10_000)
  const summary = await call.ended
  expect(summary.verbs).toEqual(["Connect", "Connect", "Connect", "Connect", "Say", "Hangup"])
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
    resumes: 3,
    status: "completed",
    endedBy: "system",
  })
})

test("a call can be ended through the API in the middle of a conversation", async () => {
  await using harness = await relayHarness()
  const { clock, twilio, app } = harness
  const call = twilio.call()
  await connected(call)
  clock.advance(1000)
  expect((await app.post(`/v1/calls/${call.callSid}/end`)).status).toBe(200)
  const summary = await call.ended
  expect(summary.sessions).toMatchObject([{ status: "completed" }])
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
    status: "completed",
    endedBy: "api",
    live: false,
  })
})
