/** Whole calls with a transcriber, a text model and a synthesizer. */

import { expect, test } from "bun:test"
import { says } from "../fakes/openai-script.ts"
import { dtmfTones } from "../../src/audio/dtmf.ts"
import type { CallEvent } from "../../src/call/events.ts"
import { fluxListener } from "../fakes/fake-deepgram.ts"
import { assetFolder } from "../server/assets-with.ts"
import { jsonOf } from "../server/client.ts"
import { greeted, GREETING, peerOf, pipelineHarness, spokenMs } from "./pipeline-harness.ts"
import { eventOf, frame, sent, transcriptOf } from "./realtime-harness.ts"
import { linesOf, received } from "./relay-harness.ts"

test("greeting, an answer, a tool, the goodbye: one socket, and the transcript of what was heard", async () => {
  await using harness = await pipelineHarness()
  const { clock, openai } = harness
  const { call, caller } = await greeted(harness)

  openai.enqueue(says("We open at nine."))
  caller.start("when do")
  caller.end("When do you open?")
  const first = await openai.nextRequest()
  await sent(call, spokenMs("We open at nine."))
  expect(linesOf(first.body)).toEqual([`assistant: ${GREETING}`, "user: When do you open?"])
  clock.advance(spokenMs("We open at nine.") + 100)
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: "We open at nine." })

  openai.enqueue({
    steps: [
      { say: ["Good", "bye."] },
      { call: "end-call", arguments: { conversationSummary: "Asked for hours." } },
    ],
  })
  caller.start("thank")
  caller.end("Thank you, bye")
  await sent(call, spokenMs("Goodbye."))
  await clock.pass(20_000)
  const summary = await call.ended
  expect(summary).toMatchObject({ status: "completed", problems: [] })
  expect(await transcriptOf(harness, call)).toEqual([
    `agent: ${GREETING}`,
    "caller: When do you open?",
    "agent: We open at nine.",
    "caller: Thank you, bye",
    "agent: Goodbye.",
  ])
})

test("an interruption clears the stream and cuts transcript and history at what was heard", async () => {
  await using harness = await pipelineHarness()
  const { app, clock, openai } = harness
  const { call, caller } = await greeted(harness)
  const story = "Once upon a time there was a king. He had three sons. They lived in a castle."
  openai.enqueue(says(story))
  caller.end("Tell me a story.")
  await openai.nextRequest()
  await sent(call, spokenMs(story))
  clock.advance(spokenMs("Once upon a time there was a king. "))
  await received(app, call)
  clock.advance(spokenMs("He had thr"))

  caller.start()
  caller.update("ok")
  caller.update("stop it please")
  await frame(call, "clear")
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({
    text: "Once upon a time there was a king. He had",
    interrupted: true,
  })
  openai.enqueue(says("Fine."))
  caller.end("Stop it, please.")
  const next = await openai.nextRequest()
  expect(linesOf(next.body)).toEqual([
    `assistant: ${GREETING}`,
    "user: Tell me a story.",
    "assistant: Once upon a time there was a king. He had",
    "user: Stop it, please.",
  ])
  call.hangup()
  await call.ended
})

test("a phone menu is passed with words and tones, then the agent talks to the person; one stream", async () => {
  await using harness = await pipelineHarness()
  const { app, clock, openai } = harness
  const entry = (trigger: string, response: string) => ({ intent: trigger, triggers: [trigger], response })
  const body = {
    to: "+15550100003",
    from: "+15550100002",
    ivrMenu: [
      entry("dental provider", "dental provider"),
      entry("npi number", "{npi}#"),
      entry("operator", "0"),
    ],
    parameters: { npi: "12345" },
    firstMessage: "",
  }
  await jsonOf(await app.post("/v1/calls", body))
  const call = await harness.rest.calls.next()
  const caller = fluxListener(await peerOf(harness, "/v2/listen"))
  await eventOf(harness, "ivr.started")
  const answer = async (heard: string) => {
    caller.end(heard)
    return (await eventOf(harness, "ivr.answered")).event as Extract<CallEvent, { type: "ivr.answered" }>
  }

  expect(await answer("Are you a member or a dental provider?")).toMatchObject({ action: "say" })
  await sent(call, spokenMs("dental provider"))
  expect(await answer("Please enter your N.P.I. number.")).toMatchObject({ action: "press", text: "12345#" })
  await sent(call, dtmfTones("12345#").length / 8)
  expect(await answer("For an operator press zero.")).toMatchObject({ action: "press", text: "0" })
  await sent(call, dtmfTones("0").length / 8)
  // What a menu says interrupts nothing.
  caller.update("Please hold, your call is important to us")
  await clock.pass(5_000)
  expect(call.audio.frames.all.filter(({ event }) => event === "clear")).toEqual([])

  openai.enqueue(says("Yes"), says("Hello Maria, I call about an enrolment."))
  caller.end("Hello, this is Maria, how can I help you?")
  await eventOf(harness, "ivr.human-reached")
  await sent(call, spokenMs("Hello Maria, I call about an enrolment."))
  await clock.pass(1_000)
  call.hangup()
  const summary = await call.ended
  expect(summary).toMatchObject({ sockets: 1, problems: [] })
  expect(await transcriptOf(harness, call)).toEqual([
    "caller: Hello, this is Maria, how can I help you?",
    "agent: Hello Maria, I call about an enrolment.",
  ])
})

test("a provider that refuses the key: the caller hears a stored sentence, and the call continues on the relay", async () => {
  await using harness = await pipelineHarness()
  const { app, clock, deepgram } = harness
  deepgram.refuse = 401
  const call = harness.twilio.call()
  expect((await eventOf(harness, "speech.failed")).event).toMatchObject({ reason: "refused", status: 401 })
  await sent(call, 1_000)
  await clock.pass(10_000)
  await app.events.next(({ event }) => event.type === "session.opened" && event.engine === "relay")
  call.hangup()
  await call.ended
})

test("END_THE_CALL hangs up after the goodbye was heard, and is neither spoken nor kept; an empty answer is silence", async () => {
  await using harness = await pipelineHarness()
  const { clock, openai } = harness
  const { call, caller } = await greeted(harness)
  openai.enqueue({ steps: [] })
  caller.end("Please stay on the line for a survey.")
  await eventOf(harness, "reply.finished")
  expect(harness.app.events.all.some(({ event }) => event.type === "model.failed")).toBeFalse()

  openai.enqueue({ steps: [{ say: ["Bye", " now. END", "_THE_", "CALL"] }] })
  caller.end("Goodbye.")
  await sent(call, spokenMs("Bye now."))
  expect(call.status).toBe("in-progress")
  await clock.pass(20_000)
  expect(await call.ended).toMatchObject({ status: "completed", problems: [] })
  expect((await transcriptOf(harness, call)).at(-1)).toBe("agent: Bye now.")
})

test("a text model that gives no answer ends the session where a menu takes over, as on the relay", async () => {
  using assets = assetFolder({
    "serverConfig.json": {
      agents: { default: { engine: "pipeline", greeting: GREETING, menus: { modelFailed: "receptionist" } } },
    },
  })
  await using harness = await pipelineHarness({ ASSETS_DIR: assets.dir })
  const { clock, openai } = harness
  const { call, caller } = await greeted(harness)
  openai.enqueue({ http: { status: 400, code: "model_not_found", message: "no such model" } })
  caller.end("When do you open?")
  expect((await eventOf(harness, "session.ended")).event).toMatchObject({ reason: "model-failed" })
  await clock.pass(5_000)
  call.hangup()
  await call.ended
})
