/** Calls with the pipeline that are cut off, pressed into and hung up at every moment: what is recorded is what was heard. */

import { expect, test } from "bun:test"
import { storedPrompt } from "../../src/audio/prompts.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { says } from "../fakes/openai-script.ts"
import { greeted, GREETING, pipelineHarness, spokenMs, type PipelineHarness } from "./pipeline-harness.ts"
import { eventOf, frame, sent, transcriptOf } from "./realtime-harness.ts"
import { linesOf, received } from "./relay-harness.ts"

/** `text` of each `agent.spoke`, with a dash where it was cut off. */
function spokenBy({ app }: PipelineHarness): string[] {
  return app.events.all.flatMap(({ event }) =>
    event.type === "agent.spoke" ? [event.interrupted ? `${event.text}–` : event.text] : [],
  )
}

/** The caller coughs for 400 ms, and is silent for 1.2 s. */
async function cough({ app, clock }: PipelineHarness, call: SimulatedCall): Promise<void> {
  void call.stream?.say(storedPrompt("long-story").audio.subarray(8_000, 8_000 + 3_200))
  for (const ms of [200, 200, 1_200]) {
    clock.advance(ms)
    await received(app, call)
  }
}

test("who hangs up before a clause is complete has heard nothing of it", async () => {
  await using harness = await pipelineHarness()
  const { call, caller } = await greeted(harness)
  const rest = Promise.withResolvers<void>()
  harness.openai.enqueue({ steps: [{ say: ["We open at"] }, { wait: rest.promise }, { say: [" nine."] }] })
  caller.end("When do you open?")
  await eventOf(harness, "reply.first-token")
  call.hangup()
  await call.ended
  rest.resolve()
  await eventOf(harness, "session.closed")
  expect(await transcriptOf(harness, call)).toEqual([`agent: ${GREETING}`, "caller: When do you open?"])
  expect(spokenBy(harness)).toEqual([GREETING, "–"])
})

test.each(["a turn", "a key"])("%s before a clause is complete replaces the answer", async (what) => {
  await using harness = await pipelineHarness()
  const { clock, openai, deepgram } = harness
  const { call, caller } = await greeted(harness)
  openai.enqueue({ steps: [{ say: ["We open at"] }, { wait: new Promise(() => {}) }] }, says("Never."))
  caller.end("When do you open?")
  await eventOf(harness, "reply.first-token")
  await openai.nextRequest()
  if (what === "a key") {
    call.press("7#")
    await eventOf(harness, "digits.received")
  } else caller.end("And on Sunday?")
  const { body } = await openai.nextRequest()
  await sent(call, spokenMs("Never."))
  await clock.pass(500)
  const said = deepgram.peers.all.map((peer) =>
    peer.url.pathname === "/v2/speak" ? deepgram.speechOf(peer).said : "",
  )
  expect(said.join("")).toBe(`${GREETING}Never.`)
  expect(linesOf(body)).not.toContain("assistant: We open at")
  call.hangup()
  await call.ended
})

test("interrupted before the first audio, nothing was heard", async () => {
  await using harness = await pipelineHarness()
  const { deepgram, openai } = harness
  const { call, caller } = await greeted(harness)
  deepgram.speaks = deepgram.confirms = false
  openai.enqueue(says("We open at nine. Come in."))
  caller.end("When do you open?")
  await eventOf(harness, "reply.finished")
  caller.update("no stop it")
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: "", interrupted: true })
  deepgram.speaks = deepgram.confirms = true
  openai.enqueue(says("Fine."))
  caller.end("No, stop it.")
  await openai.nextRequest()
  expect(linesOf((await openai.nextRequest()).body).slice(1)).toEqual([
    "user: When do you open?",
    "user: No, stop it.",
  ])
  await sent(call, spokenMs("Fine."))
  call.hangup()
  await call.ended
})

test("interrupted twice in a row, and in the last moment: the words that were heard, each time", async () => {
  await using harness = await pipelineHarness()
  const { app, clock, openai } = harness
  const { call, caller } = await greeted(harness)
  for (const [answer, heardMs, heard] of [
    ["We open at nine today.", spokenMs("We open at nine today.") - 20, "We open at nine"],
    ["Fine then, my friend.", spokenMs("Fine the"), "Fine"],
    ["Let me see.", spokenMs("L"), ""],
  ] as const) {
    openai.enqueue(says(answer))
    caller.end("And now?")
    await sent(call, spokenMs(answer))
    clock.advance(heardMs)
    await received(app, call)
    caller.update("stop that please")
    await frame(call, "clear")
    expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: heard, interrupted: true })
  }
  call.hangup()
  await call.ended
})

test("a call that the model has ended ends, though the caller interrupts before the answer is complete", async () => {
  await using harness = await pipelineHarness()
  const { clock, openai } = harness
  const { call, caller } = await greeted(harness)
  openai.enqueue({
    steps: [{ say: ["Bye now, my friend. ", "END_THE_CALL", " and"] }, { wait: new Promise(() => {}) }],
  })
  caller.end("Goodbye.")
  await sent(call, spokenMs("Bye now, my friend. "))
  caller.end("Bye bye.")
  await frame(call, "clear")
  expect(await call.ended).toMatchObject({ status: "completed", problems: [] })
  expect(clock.errors).toEqual([])
})

test("a goodbye is reported once, as it was heard", async () => {
  await using harness = await pipelineHarness()
  const { app, clock, openai } = harness
  const { call, caller } = await greeted(harness)
  openai.enqueue(says("Bye now, my friend. END_THE_CALL"))
  caller.end("Goodbye.")
  await sent(call, spokenMs("Bye now, my friend."))
  await eventOf(harness, "reply.finished")
  clock.advance(spokenMs("Bye now, m"))
  await received(app, call)
  caller.end("Bye bye.")
  await call.ended
  expect(spokenBy(harness)).toEqual([GREETING, "Bye now,–"])
})

test("a goodbye is heard to its end, however often noise pauses it", async () => {
  await using harness = await pipelineHarness({}, { interruption: { voiceMs: 100 } })
  const { clock, openai } = harness
  const { call, caller } = await greeted(harness)
  const goodbye =
    "Thank you so very much for your call, it was a pleasure, and have a nice day. I will send you the papers by mail, and my colleague calls you on Monday."
  openai.enqueue(says(`${goodbye} END_THE_CALL`))
  caller.end("Goodbye.")
  await sent(call, spokenMs(goodbye))
  await eventOf(harness, "reply.finished")
  for (let noise = 0; noise < 3; noise++) {
    await cough(harness, call)
    await frame(call, "clear")
  }
  await clock.pass(5_000)
  await call.ended
  expect(spokenBy(harness)).toEqual([GREETING, goodbye])
  const heardMs = call.audio.heard.all.reduce((sum, { audio }) => sum + audio.length / 8, 0)
  expect(heardMs).toBeGreaterThanOrEqual(spokenMs(GREETING) + spokenMs(goodbye) - 20)
})

test("after calls that ended at every moment no connection to a provider is left", async () => {
  await using harness = await pipelineHarness()
  const { app, clock, deepgram, openai } = harness
  const moments: Record<string, (it: Awaited<ReturnType<typeof greeted>>) => Promise<unknown>> = {
    async idle() {},
    async speaking({ call, caller }) {
      openai.enqueue(says("We open at nine. Come in."))
      caller.end("When?")
      await sent(call, 50)
    },
    async synthesizing({ caller }) {
      deepgram.speaks = deepgram.confirms = false
      openai.enqueue(says("We open at nine. Come in."))
      caller.end("When?")
      await eventOf(harness, "reply.finished")
      deepgram.speaks = deepgram.confirms = true
    },
    async thinking({ caller }) {
      openai.enqueue({ steps: [{ wait: new Promise(() => {}) }] })
      caller.end("When?")
      await eventOf(harness, "reply.started")
    },
    async listening({ caller }) {
      caller.update("when do you")
    },
  }
  for (const moment of Object.values(moments)) {
    const it = await greeted(harness)
    await moment(it)
    it.call.hangup()
    await it.call.ended
    await eventOf(harness, "session.closed")
    await clock.pass(2_000)
    await Promise.all(deepgram.peers.all.map(({ closed }) => closed))
    const { counts } = await app.json("/metrics")
    expect(counts).toMatchObject({ activeSessions: 0, openSockets: 0, expectedSockets: 0 })
  }
})

test("a lone provider that says nothing: within 5 s a stored sentence, cut where the caller interrupts it", async () => {
  await using harness = await pipelineHarness({ SPEECH_STALL_MS: "800" })
  const { app, clock, deepgram, openai } = harness
  const { call, caller } = await greeted(harness)
  deepgram.speaks = deepgram.confirms = false
  openai.enqueue(says("We open at nine."))
  caller.end("When do you open?")
  await eventOf(harness, "reply.finished")
  clock.advance(4_800)
  expect((await eventOf(harness, "speech.failed")).event).toMatchObject({
    what: "speaking",
    reason: "stalled",
  })
  const { audio, text } = storedPrompt("technical-problem")
  await sent(call, audio.length / 8)
  // Nearly all of it.
  clock.advance((audio.length / 8) * 0.95)
  await received(app, call)
  caller.update("what is that now")
  await eventOf(harness, "session.closed")
  expect(spokenBy(harness).at(-1)).toBe(text.replace(" line.", "–"))
  call.hangup()
  await call.ended
})
