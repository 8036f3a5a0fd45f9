/** Calls that have to pass the phone menu of the called party before somebody answers. */

import { expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { says } from "../fakes/openai-script.ts"
import { jsonOf } from "../server/client.ts"
import { answered, connected, linesOf, relayHarness, type RelayHarness } from "./relay-harness.ts"

const MENU = [
  { intent: "department", triggers: ["dental provider"], response: "dental provider" },
  { intent: "npi", triggers: ["npi number", "national provider"], response: "{providerNpi}#" },
  { intent: "representative", triggers: ["speak to a representative"], response: "0" },
]
const BODY = {
  to: "+15550100003",
  ivrMenu: MENU,
  parameters: { providerNpi: "1234567890" },
  prompt: "You ask about an enrolment.",
  firstMessage: "",
}

async function place(harness: RelayHarness, body: Record<string, unknown> = {}) {
  const placed = await jsonOf(await harness.app.post("/v1/calls", { ...BODY, ...body }))
  const call = await harness.rest.calls.next()
  expect(placed.callSid).toBe(call.callSid)
  await connected(call)
  // Callbacks are answered before the clock moves on.
  await call.webhooks.next(({ form }) => form["CallStatus"] === "in-progress" && "SequenceNumber" in form)
  await eventOf(harness, call, "ivr.started")
  return call
}

function eventOf<T extends CallEvent["type"]>(
  { app }: RelayHarness,
  call: SimulatedCall,
  ...types: T[]
): Promise<Extract<CallEvent, { type: T }>> {
  return app.events
    .next(({ callSid, event }) => callSid === call.callSid && types.some((type) => type === event.type))
    .then(({ event }) => event as Extract<CallEvent, { type: T }>)
}

/** The phone menu says something; what the program does about it. */
async function menu(harness: RelayHarness, call: SimulatedCall, words: string): Promise<string> {
  call.say(words)
  const event = await eventOf(harness, call, "ivr.answered", "ivr.waited", "ivr.human-reached", "ivr.gave-up")
  // The simulated phone has the answer before the clock moves on.
  if (event.type === "ivr.answered") await (event.action === "press" ? pressed(call) : answered(call))
  harness.clock.advance(3000)
  switch (event.type) {
    case "ivr.answered":
      return `${event.action} ${event.text}`
    case "ivr.waited":
      return event.why
    case "ivr.human-reached":
      return "person"
    case "ivr.gave-up":
      return `gave up: ${event.reason}`
    default:
      return event satisfies never
  }
}

function pressed(call: SimulatedCall) {
  return call.frames.next(({ from, message }) => from === "server" && message?.type === "sendDigits")
}

test("three levels, a queue with music, then a person, who talks to the agent", async () => {
  await using harness = await relayHarness()
  const { app, clock, openai } = harness
  const call = await place(harness)
  expect(await menu(harness, call, "Welcome to Acme Health. Calls may be recorded.")).toBe("hold")
  expect(await menu(harness, call, "Are you a member or a Dental Provider?")).toBe("say dental provider")
  expect(await menu(harness, call, "Please enter your N.P.I. number, then press pound.")).toBe(
    "press 1234567890#",
  )
  expect(await menu(harness, call, "To speak to a representative, press zero.")).toBe("press 0")
  expect(openai.requests).toHaveLength(0)

  // No request for what only a machine says; one for what a person might have said.
  expect(await menu(harness, call, "All agents are currently busy. Your call is important to us.")).toBe(
    "hold",
  )
  expect(openai.requests).toHaveLength(0)
  openai.enqueue(says("No"))
  expect(await menu(harness, call, "Did you know that you can visit us online?")).toBe("no-match")
  clock.advance(60_000)
  openai.enqueue(says("No"))
  expect(await menu(harness, call, "Are you still there?")).toBe("say Yes, I am still here.")
  openai.enqueue(says("Yes"), says("Hello Maria, I am calling about an enrolment."))
  call.say("Thank you for holding, this is Maria, how can I help you?")
  const words = "Thank you for holding, this is Maria, how can I help you?"
  expect(await eventOf(harness, call, "ivr.human-reached")).toEqual({ type: "ivr.human-reached", words })
  await answered(call)
  clock.advance(8000)
  openai.enqueue({
    steps: [
      { say: ["Thank you, goodbye."] },
      { call: "end-call", arguments: { conversationSummary: "Pending." } },
    ],
  })
  call.say("It is in process.")
  await answered(call)
  clock.advance(8000)
  const summary = await call.ended
  expect(summary).toMatchObject({ status: "completed", sockets: 1, problems: [] })
  expect(call.spoken.all.map(({ source, text }) => `${source}: ${text}`)).toEqual([
    "reply: dental provider",
    "digits: 1234567890#",
    "digits: 0",
    "reply: Yes, I am still here.",
    "reply: Hello Maria, I am calling about an enrolment.",
    "reply: Thank you, goodbye.",
  ])

  const request = openai.requests.at(-1)
  expect(String(request?.body["instructions"])).toStartWith("You ask about an enrolment.")
  expect(linesOf(request?.body ?? {})).toEqual([
    `user: ${words}`,
    "assistant: Hello Maria, I am calling about an enrolment.",
    "user: It is in process.",
  ])
  const { turns } = await app.json(`/v1/calls/${call.callSid}/transcript`)
  expect(turns.map(lineOf)).toEqual([
    `caller: ${words}`,
    "agent: Hello Maria, I am calling about an enrolment.",
    "caller: It is in process.",
    "agent: Thank you, goodbye.",
  ])
  const ivr = await app.json(`/v1/calls/${call.callSid}/transcript?part=ivr`)
  expect(ivr.turns.map(lineOf)).toEqual([
    "caller: Welcome to Acme Health. Calls may be recorded.",
    "caller: Are you a member or a Dental Provider?",
    "agent: dental provider",
    "caller: Please enter your N.P.I. number, then press pound.",
    "agent: 1234567890#",
    "caller: To speak to a representative, press zero.",
    "agent: 0",
    "caller: All agents are currently busy. Your call is important to us.",
    "caller: Did you know that you can visit us online?",
    "caller: Are you still there?",
    "agent: Yes, I am still here.",
    `caller: ${words}`,
  ])
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ ivrState: "human-reached" })
})

test("the first words of the call are said to the person, and not to the menu", async () => {
  await using harness = await relayHarness()
  const call = await place(harness, { firstMessage: "Good day, this is Parley." })
  expect(await menu(harness, call, "To speak to a representative, press zero.")).toBe("press 0")
  harness.openai.enqueue(says("yes"))
  expect(await menu(harness, call, "Maria speaking.")).toBe("person")
  await answered(call)
  harness.clock.advance(3000)
  expect(call.spoken.all.map(({ text }) => text)).toEqual(["0", "Good day, this is Parley."])
  expect(harness.openai.requests).toHaveLength(1)
})

test("a model that fails counts as no person, and the menu that starts over is passed again", async () => {
  await using harness = await relayHarness()
  const call = await place(harness)
  const levels = [
    ["Are you a member or a dental provider?", "say dental provider"],
    ["Please say or enter your NPI number.", "press 1234567890#"],
    ["To speak to a representative, press zero.", "press 0"],
  ] as const
  for (const [words, step] of levels) expect(await menu(harness, call, words)).toBe(step)
  for (const [words, step] of levels) {
    harness.openai.enqueue({ http: { status: 500 } })
    expect(await menu(harness, call, words)).toBe(step)
  }
  const restarts = harness.app.events.all.flatMap(({ event }) =>
    event.type === "ivr.answered" && event.restarted ? [event.intent] : [],
  )
  expect(restarts).toEqual(["department"])
})

test("a voicemail ends the call, with the reason", async () => {
  await using harness = await relayHarness()
  const call = await place(harness)
  expect(await menu(harness, call, "Please leave your message after the tone.")).toBe("gave up: voicemail")
  expect(await call.ended).toMatchObject({ status: "completed", problems: [] })
  expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
    ivrState: "gave-up",
    endedBy: "agent",
    endReason: "the phone menu led to a voicemail",
  })
  expect(call.spoken.all).toEqual([])
})

test("a menu in which nothing is known ends the call after the time that the agent allows", async () => {
  await using harness = await relayHarness()
  const call = await place(harness)
  expect(await menu(harness, call, "Our offices are closed for lunch.")).toBe("no-match")
  harness.clock.advance(180_000)
  expect(await eventOf(harness, call, "ivr.gave-up")).toEqual({ type: "ivr.gave-up", reason: "stuck" })
  expect((await call.ended).status).toBe("completed")
})

test("two calls at once, each with its own menu", async () => {
  await using harness = await relayHarness()
  const first = await place(harness)
  const second = await place(harness, {
    to: "+15550100004",
    ivrMenu: [{ intent: "claims", triggers: ["claims"], response: "3" }],
  })
  expect(await menu(harness, second, "Dental provider, or claims?")).toBe("press 3")
  expect(await menu(harness, first, "Dental provider, or claims?")).toBe("say dental provider")
  const transcripts = await Promise.all(
    [first, second].map(({ callSid }) => harness.app.json(`/v1/calls/${callSid}/transcript?part=ivr`)),
  )
  expect(transcripts.map(({ turns }) => turns.map(lineOf))).toEqual([
    ["caller: Dental provider, or claims?", "agent: dental provider"],
    ["caller: Dental provider, or claims?", "agent: 3"],
  ])
})

test("a socket that is lost in the menu continues there, without a word", async () => {
  await using harness = await relayHarness()
  const call = await place(harness)
  expect(await menu(harness, call, "Dental provider?")).toBe("say dental provider")
  call.dropSocket()
  await connected(call)
  await eventOf(harness, call, "ivr.started")
  expect(await menu(harness, call, "Please enter your NPI number.")).toBe("press 1234567890#")
  expect(call.spoken.all.map(({ text }) => text)).toEqual(["dental provider", "1234567890#"])
})

test("a program says something to the menu, and its messages are not answered there", async () => {
  await using harness = await relayHarness()
  const call = await place(harness)
  const path = `/v1/calls/${call.callSid}`
  expect((await harness.app.post(`${path}/say`, { text: "claims" })).status).toBe(202)
  await answered(call)
  const message = { role: "system", text: "The menu is new.", respond: true }
  expect((await harness.app.post(`${path}/messages`, message)).status).toBe(202)
  harness.clock.advance(3000)
  expect(call.spoken.all.map(({ text }) => text)).toEqual(["claims"])
  expect(harness.openai.requests).toHaveLength(0)
  const { turns } = await harness.app.json(`${path}/transcript?part=ivr`)
  expect(turns.map(lineOf)).toEqual(["agent: claims"])
})

function lineOf({ speaker, text }: { speaker: string; text: string }): string {
  return `${speaker}: ${text}`
}
