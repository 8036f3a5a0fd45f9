import { expect, test } from "bun:test"
import {
  eventOf,
  frame,
  greeted,
  GREETING,
  realtimeHarness,
  sent,
  speaks,
  transcriptOf,
} from "./realtime-harness.ts"
import { textsIn } from "../lib/texts-in.ts"

test("a call from its webhook to its transcript: greeting, an answer, a tool, the farewell", async () => {
  await using harness = await realtimeHarness()
  const { clock, app } = harness
  const before = await app.counts()
  const { call, model } = await greeted(harness)
  expect(model.received[0]).toMatchObject({
    type: "session.update",
    session: { type: "realtime", audio: { input: { format: { type: "audio/pcmu" } } } },
  })
  expect(textsIn(model.received[1])).toContainEqual(expect.stringContaining(GREETING))
  expect(model.noise).toEqual([])
  await model.heard(50)

  speaks(model, "When do you open?")
  await eventOf(harness, "caller.spoke")
  const answer = model.respond({ parts: [{ say: "We open at nine.", ms: 1_000 }] })
  await sent(call, 1_000)
  await answer
  clock.advance(1_100)
  await eventOf(harness, "agent.spoke")

  harness.realtime.enqueue({ parts: [{ say: "Done.", ms: 400 }] })
  speaks(model, "Press one two")
  await eventOf(harness, "caller.spoke")
  await model.respond({ parts: [{ call: "send-dtmf", arguments: '{"dtmfDigit":"12"}', callId: "call_1" }] })
  const output = await model.next("conversation.item.create")
  expect(output).toMatchObject({ item: { type: "function_call_output", call_id: "call_1" } })
  await model.next("response.create")
  await sent(call, 800)
  clock.advance(1_000)
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: "Done.", interrupted: false })

  speaks(model, "Thank you, bye")
  await eventOf(harness, "caller.spoke")
  await model.respond({
    parts: [
      { say: "Goodbye.", ms: 600 },
      { call: "end-call", arguments: '{"conversationSummary":"Asked for hours."}', callId: "call_2" },
    ],
  })
  await sent(call, 600)
  await eventOf(harness, "tool.finished")
  await frame(call, "mark")
  clock.advance(700)
  expect((await eventOf(harness, "session.ended")).event).toMatchObject({ reason: "agent-ended" })
  const summary = await call.ended
  expect(summary).toMatchObject({
    status: "completed",
    sockets: 1,
    problems: [],
    verbs: ["Connect", "Redirect", "Hangup"],
  })
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ status: "completed", endedBy: "agent" })
  expect(await transcriptOf(harness, call)).toEqual([
    `agent: ${GREETING}`,
    "caller: When do you open?",
    "agent: We open at nine.",
    "caller: Press one two",
    "agent: Done.",
    "caller: Thank you, bye",
    "agent: Goodbye.",
  ])
  expect(model.errors).toEqual([])
  await clock.pass(10_000)
  expect(await app.counts()).toEqual(before)
})

test("a barge-in in the middle of ten seconds: silence at once, and everybody knows what was heard", async () => {
  await using harness = await realtimeHarness()
  const { clock, app } = harness
  const { call, model } = await greeted(harness)
  speaks(model, "Count to twenty")
  await eventOf(harness, "caller.spoke")
  const words =
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
  await model.respond({ parts: [{ say: words, ms: 10_000, itemId: "item_count" }] })
  await sent(call, 10_000)
  clock.advance(4_000)
  await model.heard(200)

  const framesBefore = call.audio.frames.count
  const itemId = model.speechStarted(4_000)
  const cut = await model.next("conversation.item.truncate")
  await frame(call, "clear")
  expect(cut).toMatchObject({ item_id: "item_count", content_index: 0 })
  expect(Math.abs(Number(cut["audio_end_ms"]) - 4_000)).toBeLessThanOrEqual(40)
  const { event: spoke } = await eventOf(harness, "agent.spoke")
  const heard = spoke.type === "agent.spoke" && spoke.interrupted ? spoke.text : ""
  expect(heard).toMatch(/^one two three/)

  model.speechStopped(itemId)
  model.transcribe(itemId, "Stop")
  await eventOf(harness, "caller.spoke")
  await model.respond({ parts: [{ say: "All right.", ms: 400 }] })
  await sent(call, 400)
  const after = call.audio.frames.all
    .slice(framesBefore)
    .filter(({ from, event }) => from === "server" && event === "media")
  expect(after).toHaveLength(2)
  clock.advance(500)
  await eventOf(harness, "agent.spoke")
  expect((await transcriptOf(harness, call)).slice(1)).toEqual([
    "caller: Count to twenty",
    `agent: ${heard}`,
    "caller: Stop",
    "agent: All right.",
  ])
  expect(heard).not.toContain("twelve")
  expect(model.errors).toEqual([])
  call.hangup()
  await call.ended
  expect(await app.counts()).toMatchObject({ openSockets: 0, activeSessions: 0 })
})

test("deltas of a cancelled answer that come late are not played", async () => {
  await using harness = await realtimeHarness()
  const { clock } = harness
  const { call, model } = await greeted(harness)
  speaks(model, "Tell me a story")
  const gates: (() => void)[] = []
  const said = model.respond({
    parts: [{ say: "Once upon a time", ms: 1_000 }],
    pace: () => new Promise<void>((resolve) => gates.push(resolve)),
  })
  await eventOf(harness, "reply.started")
  gates.shift()?.()
  await sent(call, 200)
  clock.advance(100)
  const count = call.audio.heard.count
  const id = model.activeId
  const itemId = model.speechStarted()
  await model.next("conversation.item.truncate")
  const delta = Buffer.alloc(1_600, 0x20).toString("base64")
  model.emit("response.output_audio.delta", {
    response_id: id,
    item_id: "item_late",
    output_index: 0,
    content_index: 0,
    delta,
  })
  model.speechStopped(itemId)
  model.transcribe(itemId, "No")
  await eventOf(harness, "caller.spoke")
  await said
  clock.advance(1_000)
  expect(call.audio.heard.count - count).toBeLessThanOrEqual(1)
  // The item of the late audio is unknown to this server.
  model.errors.splice(0)
})

test("a caller who hangs up on a number that reports no statuses has a call that is over", async () => {
  await using harness = await realtimeHarness()
  const { call } = await greeted(harness)
  call.hangup()
  await eventOf(harness, "session.closed")
  await call.ended
  expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ status: "in-progress" })
  await harness.clock.pass(5_000)
  expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ status: "completed" })
})

test("keys are collected and sent to the model", async () => {
  await using harness = await realtimeHarness()
  const { call, model } = await greeted(harness)
  call.press("42#")
  const item = await model.next("conversation.item.create")
  expect(textsIn(item)).toContainEqual(expect.stringContaining("The caller pressed 42# on the keypad."))
  await model.next("response.create")
  expect((await eventOf(harness, "digits.received")).event).toMatchObject({ digits: "42#" })
})

test("a hand-over to a person dials after the last word, and the agent is back without an answer", async () => {
  await using harness = await realtimeHarness({ env: { TRANSFER_TO: "+15550100009" } })
  const { clock, realtime } = harness
  realtime.enqueue({ parts: [{ say: GREETING, ms: 200 }] })
  const call = harness.twilio.call({ dialStatus: "no-answer" })
  const model = await realtime.nextConnection()
  await model.next("response.create")
  await sent(call, 200)
  clock.advance(300)
  await eventOf(harness, "agent.spoke")
  speaks(model, "A person, please")
  await eventOf(harness, "caller.spoke")
  await model.respond({
    parts: [
      { say: "One second.", ms: 400 },
      { call: "live-agent-handoff", arguments: '{"summary":"Wants a person."}', callId: "call_1" },
    ],
  })
  await sent(call, 400)
  await eventOf(harness, "tool.finished")
  await frame(call, "mark")
  clock.advance(500)
  await eventOf(harness, "transfer.started")
  const back = await realtime.nextConnection()
  const note = await back.next("conversation.item.create")
  expect(textsIn(note)).toContainEqual(expect.stringContaining(GREETING))
  const create = await back.next("response.create")
  expect(textsIn(create)).toContainEqual(expect.stringContaining("nobody could take your call"))
  expect(call.verbs.all.map(({ name }) => name)).toEqual(["Connect", "Redirect", "Dial", "Connect"])
})

test("a hundred calls at once are greeted, and leave nothing behind", async () => {
  await using harness = await realtimeHarness()
  const { clock, realtime, twilio, app } = harness
  const before = await app.counts()
  const calls = Array.from({ length: 100 }, () => {
    realtime.enqueue({ parts: [{ say: GREETING, ms: 200 }] })
    return twilio.call()
  })
  await Promise.all(calls.map((call) => sent(call, 200)))
  clock.advance(300)
  await Promise.all(calls.map(() => eventOf(harness, "agent.spoke")))
  for (const call of calls) call.hangup()
  const summaries = await Promise.all(calls.map((call) => call.ended))
  expect(summaries.flatMap(({ problems }) => problems)).toEqual([])
  await clock.pass(10_000)
  expect(await app.counts()).toEqual(before)
  expect(realtime.connections).toHaveLength(100)
})

test("a silent caller has a whole threshold of silence after speech has ended, before each reminder and before the end", async () => {
  await using harness = await realtimeHarness()
  const { clock, app } = harness
  const silenceDetection = { enabled: true, secondsThreshold: 1, messages: ["Are you there?", "Hello?"] }
  const patched = await app.api("/v1/config", {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ agents: { default: { silenceDetection } } }),
  })
  expect(patched.status).toBe(200)
  const { call, model } = await greeted(harness)
  /** Lets time pass until this has happened; in milliseconds. */
  const silentUntil = async (happened: () => boolean) => {
    const startedMs = clock.monotonic()
    while (!happened() && clock.monotonic() - startedMs < 10_000) {
      clock.advance(50)
      await app.api("/health")
    }
    return clock.monotonic() - startedMs
  }
  const requests = () => model.received.filter(({ type }) => type === "response.create").length
  const silences: number[] = []
  for (const [index, text] of silenceDetection.messages.entries()) {
    harness.realtime.enqueue({ parts: [{ say: text, ms: 2_000 }] })
    silences.push(await silentUntil(() => requests() === index + 2))
    expect(textsIn(await model.next("response.create")).join()).toContain(text)
    await sent(call, 2_000)
    clock.advance(2_000)
    expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text, interrupted: false })
  }
  const hasEnded = () => app.events.all.some(({ event }) => event.type === "session.ended")
  silences.push(await silentUntil(hasEnded))
  expect((await eventOf(harness, "session.ended")).event).toMatchObject({ reason: "silence" })
  for (const silenceMs of silences) {
    expect(silenceMs).toBeGreaterThanOrEqual(950)
    expect(silenceMs).toBeLessThanOrEqual(2_000)
  }
})
