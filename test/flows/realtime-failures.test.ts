import { expect, test } from "bun:test"
import { storedPrompt, type PromptName } from "../../src/audio/prompts.ts"
import { base64Ms } from "../../src/audio/mulaw.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import type { FakeConnection } from "../fakes/realtime-connection.ts"
import type { ResponseScript } from "../fakes/realtime-script.ts"
import {
  eventOf,
  frame,
  greeted,
  GREETING,
  realtimeHarness,
  sent,
  speaks,
  transcriptOf,
  type RealtimeHarness,
} from "./realtime-harness.ts"
import { textsIn } from "../lib/texts-in.ts"

/** Longest silence that a caller may meet, in milliseconds. */
const HOLD_PROMPT_MS = 3_000

/** Resolves when the stored sentence was sent to the caller. */
async function promptPlayed(call: SimulatedCall, name: PromptName): Promise<void> {
  const ms = base64Ms(storedPrompt(name).base64)
  await call.audio.frames.next((sent) => sent.from === "server" && sent.event === "media" && sent.ms === ms)
}

/**
 * Resolves when everything was received that Twilio has sent by now. Marks go out before the audio of the same moment, so
 * once the model has heard the latest audio, all marks have come.
 */
async function caughtUp({ stream }: SimulatedCall, model: FakeConnection): Promise<void> {
  await model.heard(Math.floor((stream?.nowMs ?? 0) / 20))
}

async function movedDown({ clock }: RealtimeHarness, call: SimulatedCall): Promise<string[]> {
  await promptPlayed(call, "technical-problem")
  await frame(call, "mark")
  await clock.pass(12_000)
  const verbs = []
  for (let count = 0; count < 3; count++) verbs.push((await call.verbs.next()).name)
  return verbs
}

test("a key that is refused: a stored sentence at once, then a goodbye, for the text model has the same key", async () => {
  await using harness = await realtimeHarness({ realtime: { refuse: 401 } })
  const before = await harness.app.counts()
  const call = harness.twilio.call()
  expect(await movedDown(harness, call)).toEqual(["Connect", "Redirect", "Say"])
  await harness.clock.pass(10_000)
  expect(await call.ended).toMatchObject({ status: "completed", problems: [] })
  expect(harness.realtime.attempts).toHaveLength(1)
  expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
    status: "completed",
    endedBy: "system",
  })
  expect(await harness.app.counts()).toEqual(before)
})

test.each(["keep-pcm", "name-none"] as const)(
  "a server that would take the caller's audio for PCM (%s): the call continues with the relay, and no audio goes there",
  async (onUpdate) => {
    await using harness = await realtimeHarness({ realtime: { onUpdate } })
    const call = harness.twilio.call()
    expect(await movedDown(harness, call)).toEqual(["Connect", "Redirect", "Connect"])
    expect(harness.realtime.connections.map(({ audio, noise }) => [...audio, ...noise])).toEqual([[]])
  },
)

test("a key that is refused, with a person to hand the caller to", async () => {
  await using harness = await realtimeHarness({
    realtime: { refuse: 403 },
    env: { TRANSFER_TO: "+15550100009" },
  })
  const call = harness.twilio.call()
  expect(await movedDown(harness, call)).toEqual(["Connect", "Redirect", "Dial"])
})

test("a model that is not there: the call continues with the relay, which does not greet again", async () => {
  await using harness = await realtimeHarness({
    realtime: { refuse: 404 },
    env: { MODEL_PROVIDER: "openai" },
  })
  const call = harness.twilio.call()
  expect(await movedDown(harness, call)).toEqual(["Connect", "Redirect", "Connect"])
  const setup = await call.frames.next(({ message }) => message?.type === "setup")
  expect(setup).toBeDefined()
  const line1 = await call.frames.next(({ from, message }) => from === "server" && message?.type === "text")
  expect(line1.message).toMatchObject({ token: "Sorry, we were cut off. Please go on." })
  expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ engine: "relay" })
})

test.each([429, 503])(
  "a refusal with %d that passes: the caller waits with a sentence and is greeted",
  async (refuse) => {
    await using harness = await realtimeHarness({ realtime: { refuse } })
    const call = harness.twilio.call()
    await eventOf(harness, "model.failed")
    delete harness.realtime.options.refuse
    harness.realtime.enqueue({ parts: [{ say: GREETING, ms: 200 }] })
    await harness.clock.pass(1_100)
    await sent(call, 200)
  },
)

test("a model that never accepts: a sentence within three seconds, then the relay", async () => {
  await using harness = await realtimeHarness({ realtime: { neverAccept: true } })
  const call = harness.twilio.call()
  await eventOf(harness, "session.opened")
  await harness.clock.pass(HOLD_PROMPT_MS)
  await promptPlayed(call, "one-moment")
  await harness.clock.pass(6_000)
  expect(await movedDown(harness, call)).toEqual(["Connect", "Redirect", "Connect"])
})

test("settings that are never confirmed count as no connection", async () => {
  await using harness = await realtimeHarness({ realtime: { onUpdate: "stall" } })
  const call = harness.twilio.call()
  await eventOf(harness, "session.opened")
  await harness.clock.pass(HOLD_PROMPT_MS)
  await promptPlayed(call, "one-moment")
  delete harness.realtime.options.onUpdate
  harness.realtime.enqueue({ parts: [{ say: GREETING, ms: 200 }] })
  await harness.clock.pass(2_500)
  await sent(call, 200)
})

test.each(["closed", "dropped"] as const)(
  "a connection that is %s in mid-sentence is replaced, with what was said",
  async (ending) => {
    await using harness = await realtimeHarness()
    const { realtime } = harness
    const { call, model } = await greeted(harness)
    speaks(model, "Tell me a story")
    await eventOf(harness, "caller.spoke")
    await model.respond({ parts: [{ say: "Once upon a time", ms: 600 }], ending })
    await promptPlayed(call, "one-moment")
    // What the caller says meanwhile is heard as well.
    harness.clock.advance(200)
    const next = await realtime.nextConnection()
    await next.heard(10)
    const history = [await next.next("conversation.item.create"), await next.next("conversation.item.create")]
    expect(textsIn(history)).toContainEqual(expect.stringContaining(GREETING))
    expect(textsIn(history)).toContainEqual(expect.stringContaining("Tell me a story"))
    await next.next("response.create")
    expect(next.errors).toEqual([])
  },
)

test("an answer that is begun and has no audio: a sentence within three seconds, then a new connection", async () => {
  await using harness = await realtimeHarness()
  const { clock, realtime } = harness
  const { call, model } = await greeted(harness)
  speaks(model, "Are you there?")
  await eventOf(harness, "caller.spoke")
  const stalled = model.respond({ parts: [], ending: "stalled" })
  await eventOf(harness, "reply.started")
  await clock.pass(HOLD_PROMPT_MS)
  await promptPlayed(call, "one-moment")
  await clock.pass(3_200)
  const next = await realtime.nextConnection()
  await next.next("response.create")
  await stalled
})

test("an answer that falls silent in the middle: a sentence within three seconds, then a new connection that knows what was heard", async () => {
  await using harness = await realtimeHarness()
  const { clock, realtime } = harness
  const { call, model } = await greeted(harness)
  speaks(model, "Tell me a story")
  await eventOf(harness, "caller.spoke")
  const never = Promise.withResolvers<void>()
  let pieces = 0
  const stalled = model.respond({
    parts: [{ say: "Once upon a time there was a king", ms: 4_000 }],
    pace: () => (++pieces > 8 ? never.promise : Promise.resolve()),
  })
  await sent(call, 1_600)
  await clock.pass(1_600)
  await caughtUp(call, model)
  await clock.pass(HOLD_PROMPT_MS)
  await promptPlayed(call, "one-moment")
  await clock.pass(8_000)
  const next = await realtime.nextConnection()
  const history = []
  for (let count = 0; count < 4; count++) history.push(await next.next("conversation.item.create"))
  expect(textsIn(history[2])).toContainEqual(expect.stringContaining("Once upon a time there"))
  expect(textsIn(history)).not.toContainEqual(expect.stringContaining("king"))
  await next.next("response.create")
  never.resolve()
  await stalled
})

test("answers that fail: a sentence, the question again, and after three the relay", async () => {
  await using harness = await realtimeHarness()
  const { clock, realtime } = harness
  const { call, model } = await greeted(harness)
  const failed = { code: "server_error", message: "overloaded" }
  realtime.enqueue({ parts: [], ending: { failed } }, { parts: [], ending: { failed } })
  speaks(model, "Hello?")
  await eventOf(harness, "caller.spoke")
  await model.respond({ parts: [], ending: { failed } })
  await promptPlayed(call, "one-moment")
  await model.next("response.create")
  await promptPlayed(call, "technical-problem")
  await frame(call, "mark")
  await clock.pass(6_500)
  await eventOf(harness, "session.ended")
  const verbs = [await call.verbs.next(), await call.verbs.next(), await call.verbs.next()]
  expect(verbs.map(({ name }) => name)).toEqual(["Connect", "Redirect", "Connect"])
})

test("an answer that fails once is asked for again and heard", async () => {
  await using harness = await realtimeHarness()
  const { realtime } = harness
  const { call, model } = await greeted(harness)
  realtime.enqueue({ parts: [{ say: "Here I am.", ms: 400 }] })
  speaks(model, "Hello?")
  await eventOf(harness, "caller.spoke")
  await model.respond({ parts: [], ending: { failed: { code: "server_error", message: "overloaded" } } })
  await promptPlayed(call, "one-moment")
  await sent(call, 400)
})

/** The caller says a sentence and is silent for half a second. Everything has come to the app by then. */
async function says({ clock, app }: RealtimeHarness, call: SimulatedCall): Promise<void> {
  const { audio, base64 } = storedPrompt("goodbye")
  const said = call.stream?.say(audio)
  for (let ms = 0; ms < base64Ms(base64) + 500; ms += 100) {
    clock.advance(100)
    await app.counts()
  }
  await said
}

test("a model that falls silent and still answers pings: a sentence within three seconds of the caller's words, and the next connection gets these words and answers", async () => {
  await using harness = await realtimeHarness()
  const { call, model } = await greeted(harness)
  model.mute()
  await says(harness, call)
  await harness.clock.pass(HOLD_PROMPT_MS)
  await promptPlayed(call, "one-moment")
  expect((await eventOf(harness, "model.failed")).event).toMatchObject({
    message: "no reaction of the model to the caller's speech for 2000 ms",
    retried: true,
  })
  const next = await harness.realtime.nextConnection()
  expect(textsIn(await next.next("conversation.item.create"))).toContainEqual(
    expect.stringContaining(GREETING),
  )
  await next.next("response.create")
  // The caller's words come again, whole.
  await next.heard(90)
  const heard = Buffer.concat(next.audio.map((payload) => Buffer.from(payload, "base64")))
  expect(heard.includes(storedPrompt("goodbye").audio.subarray(2_000, 12_000))).toBe(true)
  speaks(next, "Goodbye.")
  await next.respond({ parts: [{ say: "Take care.", ms: 400 }] })
  await sent(call, 400)
})

test.each<[string, (model: FakeConnection) => void]>([
  ["that answers pings and nothing else", (model) => model.mute()],
  ["that neither reads nor answers", (model) => model.halfOpen()],
])(
  "every connection to a model %s: the caller hears a sentence every three seconds, then the relay",
  async (_, die) => {
    await using harness = await realtimeHarness({ env: { FIRST_TOKEN_TIMEOUT_MS: "3000" } })
    const { call, model } = await greeted(harness)
    die(model)
    await says(harness, call)
    for (let connection = 2; connection <= 3; connection++) {
      await harness.clock.pass(HOLD_PROMPT_MS)
      await promptPlayed(call, "one-moment")
      const next = await harness.realtime.nextConnection()
      await next.next("response.create")
      die(next)
      await harness.clock.pass(1_100)
    }
    await harness.clock.pass(HOLD_PROMPT_MS)
    expect(await movedDown(harness, call)).toEqual(["Connect", "Redirect", "Connect"])
  },
)

test("a silent caller and a model that is gone: another connection, which the caller does not notice", async () => {
  await using harness = await realtimeHarness({ env: { MODEL_PING_MS: "5000" } })
  const { call, model } = await greeted(harness)
  const heard = call.audio.heard.count
  model.halfOpen()
  await harness.clock.pass(15_000)
  const next = await harness.realtime.nextConnection()
  expect(textsIn(await next.next("conversation.item.create"))).toContainEqual(
    expect.stringContaining(GREETING),
  )
  expect(call.audio.heard.count).toBe(heard)
})

const SILENT: readonly (readonly [string, ResponseScript])[] = [
  ["empty", { parts: [] }],
  ["cut off before the first audio", { parts: [], ending: { incomplete: "max_output_tokens" } }],
  ["held back by a filter", { parts: [{ write: "I" }], ending: { incomplete: "content_filter" } }],
  ["text only", { parts: [{ write: "You owe me nothing." }] }],
  ["a part of a call", { parts: [{ call: "find", arguments: "{", callId: "c_1", status: "incomplete" }] }],
]

test.each(SILENT)(
  "an answer that is %s is asked for once more, and the caller hears the second one",
  async (_, script) => {
    await using harness = await realtimeHarness()
    const { call, model } = await greeted(harness)
    harness.realtime.enqueue({ parts: [{ say: "Here I am.", ms: 400 }] })
    speaks(model, "Hello?")
    await eventOf(harness, "caller.spoke")
    await model.respond(script)
    await model.next("response.create")
    await sent(call, 400)
    harness.clock.advance(500)
    expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: "Here I am." })
    expect(model.errors).toEqual([])
  },
)

test.each(SILENT)(
  "answers that are %s twice: a stored sentence, and nothing is said that was not spoken",
  async (_, script) => {
    await using harness = await realtimeHarness()
    const { call, model } = await greeted(harness)
    harness.realtime.enqueue(script)
    speaks(model, "Hello?")
    await eventOf(harness, "caller.spoke")
    await model.respond(script)
    await promptPlayed(call, "not-caught")
    await frame(call, "mark")
    await harness.clock.pass(6_000)
    expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({
      text: storedPrompt("not-caught").text,
    })
    const outcomes = harness.app.events.all.flatMap(({ event }) =>
      event.type === "reply.finished" ? [event.outcome] : [],
    )
    expect(outcomes).toEqual(["said", "failed", "failed"])
    expect(await transcriptOf(harness, call)).toEqual([
      `agent: ${GREETING}`,
      "caller: Hello?",
      `agent: ${storedPrompt("not-caught").text}`,
    ])
    // The model forgets what it has only written.
    const deleted = model.received.filter(({ type }) => type === "conversation.item.delete")
    expect(deleted).toHaveLength(script.parts.some((part) => "write" in part) ? 2 : 0)
  },
)

test("garbage from the model changes nothing", async () => {
  await using harness = await realtimeHarness()
  const { clock } = harness
  const { call, model } = await greeted(harness)
  for (const text of ["", "{", "[]", "null", '{"type":7}', '{"type":"response.done"}', "x".repeat(70_000)])
    model.sendRaw(text)
  speaks(model, "Still there?")
  await eventOf(harness, "caller.spoke")
  await model.respond({ parts: [{ say: "Yes.", ms: 200 }] })
  await sent(call, 200)
  clock.advance(300)
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: "Yes." })
})

test("a session that expires is followed by another one", async () => {
  await using harness = await realtimeHarness()
  const { model } = await greeted(harness)
  model.expire()
  const next = await harness.realtime.nextConnection()
  expect(textsIn(await next.next("conversation.item.create"))).toContainEqual(
    expect.stringContaining(GREETING),
  )
})

test("before its end a session is renewed between two turns, which the caller does not notice", async () => {
  const expiresAt = Date.UTC(2026, 10, 20) / 1000 + 40
  await using harness = await realtimeHarness({ realtime: { expiresAt } })
  const { clock, realtime } = harness
  const { call, model } = await greeted(harness)
  realtime.options.expiresAt = expiresAt + 3_600
  const heard = call.audio.heard.count
  await clock.pass(20_000)
  const next = await realtime.nextConnection()
  expect(textsIn(await next.next("conversation.item.create"))).toContainEqual(
    expect.stringContaining(GREETING),
  )
  expect(await model.closed).toMatchObject({ code: 1000 })
  expect(call.audio.heard.count).toBe(heard)
  await clock.pass(200)
  await next.heard(10)
  speaks(next, "Still you?")
  await eventOf(harness, "caller.spoke")
  await next.respond({ parts: [{ say: "Still me.", ms: 200 }] })
  await sent(call, 200)
})

test("a lost stream is no lost conversation: the same engine, no greeting, one short line", async () => {
  await using harness = await realtimeHarness()
  const { clock, realtime, app } = harness
  const before = await app.counts()
  const { call, model } = await greeted(harness)
  realtime.enqueue({ parts: [{ say: "Sorry, we were cut off. Please go on.", ms: 200 }] })
  call.dropSocket()
  await model.closed
  const next = await realtime.nextConnection()
  expect(textsIn(await next.next("conversation.item.create"))).toContainEqual(
    expect.stringContaining(GREETING),
  )
  expect(textsIn(await next.next("response.create"))).toContainEqual(expect.stringContaining("Please go on."))
  await sent(call, 200)
  clock.advance(300)
  await eventOf(harness, "agent.spoke")
  call.hangup()
  expect(await call.ended).toMatchObject({ problems: [] })
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ resumes: 1 })
  await clock.pass(10_000)
  expect(await app.counts()).toEqual(before)
})

test("a stream that is lost again and again ends with a sentence", async () => {
  await using harness = await realtimeHarness()
  const { clock, app } = harness
  const call = harness.twilio.call()
  for (let loss = 0; loss < 4; loss++) {
    await eventOf(harness, "session.opened")
    call.dropSocket()
  }
  await call.verbs.next(({ name }) => name === "Say")
  await clock.pass(10_000)
  await call.ended
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ resumes: 3, endedBy: "system" })
})

test("without a key the server that is built in is the other side", async () => {
  await using harness = await realtimeHarness({ env: { MODEL_PROVIDER: "demo" } })
  const { clock } = harness
  const call = harness.twilio.call()
  await eventOf(harness, "reply.started")
  await clock.pass(2_000)
  await sent(call, 3_500)
  await clock.pass(4_000)
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: storedPrompt("greeting").text })
  void call.stream?.say(storedPrompt("you-said").audio)
  await clock.pass(4_000)
  await eventOf(harness, "caller.spoke")
  call.hangup()
  await call.ended
  expect(await transcriptOf(harness, call)).not.toEqual([])
})
