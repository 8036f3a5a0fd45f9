/** Every engine passes the same list of expectations. */

import type { SimulatedTwilio } from "../../src/sim/simulated-twilio.ts"
import { callHarness, realtimeService, simulatedRestService, textModelService } from "../call-harness.ts"
import {
  describeEngine,
  GREETING,
  type EngineCall,
  type OpenEngineCall,
} from "../contract/engine.contract.ts"
import { fluxListener } from "../fakes/fake-deepgram.ts"
import { callsTool, says, type Script } from "../fakes/openai-script.ts"
import { deepgramService, spokenMs } from "../flows/pipeline-harness.ts"
import { frame, sent } from "../flows/realtime-harness.ts"
import { answered, connected, linesOf, received } from "../flows/relay-harness.ts"
import { textsIn } from "../lib/texts-in.ts"
import { assetsWith } from "../server/assets-with.ts"

type Options = Parameters<OpenEngineCall>[0]

/** How fast the simulated Twilio speaks text. */
const CHARACTERS_PER_SECOND = 20
/** How long the realtime model speaks a word. */
const WORD_MS = 250

function assetsOf(engine: string, options: Options) {
  const silent = { silenceDetection: { enabled: false } }
  return assetsWith({ agents: { default: { engine, greeting: GREETING, ...silent, ...options?.agent } } })
}

function farewellOf(words: string): Script {
  return { steps: [{ say: [words] }, { call: "end-call", arguments: { conversationSummary: "Done." } }] }
}

async function agentSpoke({ app }: Pick<EngineCall, "app">): Promise<void> {
  await app.events.next(({ event }) => event.type === "agent.spoke")
}

async function openRelay(options: Options = {}): Promise<EngineCall> {
  const stack = new AsyncDisposableStack()
  const assets = stack.use(assetsOf("relay", options))
  const rest = simulatedRestService({
    // REST is up before the app, and the simulated Twilio after it.
    get twilio(): SimulatedTwilio {
      return harness.twilio
    },
    numbers: ["+15550100002"],
  })
  const harness = stack.use(
    await callHarness({
      services: { openai: textModelService(), rest },
      env: { ASSETS_DIR: assets.dir, ...options.env },
      charactersPerSecond: CHARACTERS_PER_SECOND,
    }),
  )
  const { app, clock, openai, twilio } = harness
  const call = twilio.call(options.dialStatus ? { dialStatus: options.dialStatus } : {})
  const requests: Record<string, unknown>[] = []
  const ask = async (text: string, ...scripts: Script[]) => {
    openai.enqueue(...scripts)
    call.say(text)
    for (const _ of scripts) requests.push((await openai.nextRequest()).body)
    await answered(call)
  }
  const play = async (text: string) => {
    await clock.pass((text.length / CHARACTERS_PER_SECOND) * 1000 + 500)
    if (call.status === "in-progress") await received(app, call)
  }
  return {
    app,
    clock,
    call,
    // The end of the greeting is an estimate.
    remindedAfterMs: 10_000,
    async greeted() {
      await connected(call)
      await play(GREETING)
    },
    exchange: (text, answer) => ask(text, says(answer)),
    tool: (text, { name, arguments: given }, answer) => ask(text, callsTool(name, given), says(answer)),
    farewell: (text, words) => ask(text, farewellOf(words)),
    sent: async () => void (await answered(call)),
    heard: play,
    async interrupt({ answer, part, text, next }) {
      openai.enqueue(says(answer))
      call.say("Count, please")
      await openai.nextRequest()
      await answered(call)
      const heard = call.heardWords(part.trim().split(" ").length)
      clock.advance((part.length / CHARACTERS_PER_SECOND) * 1000)
      await heard
      await ask(text, says(next))
    },
    async answersDigits(_, answer) {
      openai.enqueue(says(answer))
      await openai.nextRequest()
      await answered(call)
    },
    shown: async () => linesOf(requests.at(-1) ?? {}),
    async reopened() {
      await connected(call)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function openPipeline(options: Options = {}): Promise<EngineCall> {
  const stack = new AsyncDisposableStack()
  const assets = stack.use(assetsOf("pipeline", options))
  const harness = stack.use(
    await callHarness({
      services: { openai: textModelService(), deepgram: deepgramService() },
      env: { ASSETS_DIR: assets.dir, ...options.env },
    }),
  )
  const { app, clock, openai, deepgram, twilio } = harness
  const call = twilio.call(options.dialStatus ? { dialStatus: options.dialStatus } : {})
  const listener = async () =>
    fluxListener(await deepgram.peers.next(({ url }) => url.pathname === "/v2/listen"))
  let caller = await listener()
  const requests: Record<string, unknown>[] = []
  const ask = async (text: string, answer: string, ...scripts: Script[]) => {
    openai.enqueue(...scripts)
    caller.end(text)
    for (const _ of scripts) requests.push((await openai.nextRequest()).body)
    await sent(call, spokenMs(answer))
  }
  return {
    app,
    clock,
    call,
    remindedAfterMs: 6_000,
    async greeted() {
      await sent(call, spokenMs(GREETING))
      clock.advance(spokenMs(GREETING) + 100)
      await agentSpoke({ app })
    },
    exchange: (text, answer) => ask(text, answer, says(answer)),
    async tool(text, { name, arguments: given }, answer) {
      openai.enqueue(callsTool(name, given), says(answer))
      caller.end(text)
      await openai.nextRequest()
      await openai.nextRequest()
      // The tones of two keys come first.
      await sent(call, 400 + spokenMs(answer))
      clock.advance(400)
    },
    farewell: (text, words) => ask(text, words, farewellOf(words)),
    sent: (text) => sent(call, spokenMs(text)),
    async heard(text) {
      clock.advance(spokenMs(text) + 100)
      await agentSpoke({ app })
    },
    async interrupt({ answer, part, text, next }) {
      await ask("Count, please", answer, says(answer))
      clock.advance(spokenMs(part))
      await received(app, call)
      caller.start()
      caller.update(text)
      await frame(call, "clear")
      await agentSpoke({ app })
      await ask(text, next, says(next))
    },
    async answersDigits(_, answer) {
      openai.enqueue(says(answer))
      await openai.nextRequest()
      await sent(call, spokenMs(answer))
    },
    shown: async () => linesOf(requests.at(-1) ?? {}),
    async reopened() {
      caller = await listener()
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function openRealtime(options: Options = {}): Promise<EngineCall> {
  const stack = new AsyncDisposableStack()
  const assets = stack.use(assetsOf("realtime", options))
  const harness = stack.use(
    await callHarness({
      services: { realtime: realtimeService() },
      env: { ASSETS_DIR: assets.dir, ...options.env },
    }),
  )
  const { app, clock, realtime, twilio } = harness
  const msOf = (text: string) => text.trim().split(" ").length * WORD_MS
  const speech = (text: string) => ({ say: text, ms: msOf(text) })
  realtime.enqueue({ parts: [speech(GREETING)] })
  const call = twilio.call(options.dialStatus ? { dialStatus: options.dialStatus } : {})
  let model = await realtime.nextConnection()
  const says = async (text: string) => {
    const itemId = model.speechStarted()
    model.speechStopped(itemId)
    model.transcribe(itemId, text)
    await app.events.next(({ event }) => event.type === "caller.spoke")
  }
  const ask = async (text: string, answer: string) => {
    await says(text)
    const done = model.respond({ parts: [speech(answer)] })
    await sent(call, msOf(answer))
    await done
  }
  return {
    app,
    clock,
    call,
    remindedAfterMs: 6_000,
    async greeted() {
      await model.next("response.create")
      await sent(call, msOf(GREETING))
      clock.advance(msOf(GREETING) + 100)
      await agentSpoke({ app })
    },
    exchange: ask,
    async tool(text, { name, arguments: given }, answer) {
      await says(text)
      realtime.enqueue({ parts: [speech(answer)] })
      await model.respond({
        parts: [{ call: name, arguments: JSON.stringify(given), callId: "call_1" }],
      })
      await sent(call, 400 + msOf(answer))
      clock.advance(400)
    },
    async farewell(text, words) {
      await says(text)
      const end = { call: "end-call", arguments: '{"conversationSummary":"Done."}', callId: "call_2" }
      await model.respond({ parts: [speech(words), end] })
      await sent(call, msOf(words))
      await app.events.next(({ event }) => event.type === "tool.finished" && event.name === "end-call")
      // The one that says that all of it was heard.
      await frame(call, "mark")
    },
    async sent(text) {
      // The model is asked to say what a program says.
      await model.next("response.create")
      await model.respond({ parts: [speech(text)] })
      await sent(call, msOf(text))
    },
    async heard(text) {
      clock.advance(msOf(text) + 100)
      await agentSpoke({ app })
    },
    async interrupt({ answer, part, text, next }) {
      await ask("Count, please", answer)
      clock.advance(msOf(part))
      await received(app, call)
      const itemId = model.speechStarted()
      await frame(call, "clear")
      await agentSpoke({ app })
      model.speechStopped(itemId)
      model.transcribe(itemId, text)
      await app.events.next(({ event }) => event.type === "caller.spoke")
      await model.respond({ parts: [speech(next)] })
      await sent(call, msOf(next))
    },
    async answersDigits(digits, answer) {
      const item = await model.next("conversation.item.create")
      if (!textsIn(item).some((text) => text.includes(digits))) throw new Error("the model has no digits")
      await model.next("response.create")
      await model.respond({ parts: [speech(answer)] })
      await sent(call, msOf(answer))
    },
    async shown() {
      return model.received.flatMap(({ type, ...event }) => {
        if (type !== "conversation.item.create") return []
        const { role } = event["item"] as { role?: string }
        return role === undefined
          ? []
          : [`${role}: ${textsIn((event["item"] as { content: unknown }).content).at(-1)}`]
      })
    },
    async reopened() {
      model = await realtime.nextConnection()
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

describeEngine("relay", openRelay)
describeEngine("pipeline", openPipeline)
describeEngine("realtime", openRealtime)
