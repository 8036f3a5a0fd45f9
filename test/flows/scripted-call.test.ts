/** One call with everything in it: every frame in its form and order, every webhook, and the whole transcript. */

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { callsTool, says, type Script } from "../fakes/openai-script.ts"
import { answered, connected, linesOf, relayHarness, received } from "./relay-harness.ts"
import { textsIn } from "../lib/texts-in.ts"

const GREETING = "Welcome to Acme."
const TOOLS = [
  "end-call",
  "live-agent-handoff",
  "send-dtmf",
  "send-sms",
  "switch-language",
  "set-listen-mode",
]

function folder(files: Record<string, unknown>) {
  const dir = mkdtempSync(join(tmpdir(), "parley-flow-"))
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(dir, name), typeof content === "string" ? content : JSON.stringify(content))
  }
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}

const spanish = { code: "es-ES", ttsProvider: "ElevenLabs", voice: "v2" }
const FILES = {
  "serverConfig.json": {
    ConversationRelay: {
      Configuration: {
        welcomeGreeting: GREETING,
        language: "en-US",
        ttsProvider: "ElevenLabs",
        voice: "v1",
        events: "speaker-events tokens-played",
        dtmfDetection: true,
        languages: [{ code: "en-US", ttsProvider: "ElevenLabs", voice: "v1" }, spanish],
      },
    },
    AssetLoader: { context: "frontDesk", manifest: "deskTools" },
    agents: { default: { transfer: { to: "+15550100088", timeoutSeconds: 15 } } },
  },
  "frontDesk.md": "You sit at the front desk.",
  "billing.md": "You handle bills.",
  "deskTools.json": {
    tools: [
      ...TOOLS.map((name) => ({ type: "function", name, description: name })),
      {
        type: "function",
        name: "find-order",
        description: "Finds an order",
        parameters: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
        http: {
          url: "${SHOP}/orders/{id}",
          method: "GET",
          headers: { Authorization: "Bearer ${SHOP_TOKEN}" },
        },
      },
    ],
  },
}

test("greeting, question, service, language, keys, message, listening, another role, a person who does not answer", async () => {
  const asked: string[] = []
  const shop = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      asked.push(`${new URL(request.url).pathname} ${request.headers.get("authorization") ?? ""}`)
      return Response.json({ state: "on its way" })
    },
  })
  using files = folder(FILES)
  await using harness = await relayHarness({
    env: {
      ASSETS_DIR: files.dir,
      TOOL_SECRET_SHOP: shop.url.origin,
      TOOL_SECRET_SHOP_TOKEN: "fake-token",
      TWILIO_FROM_NUMBER: "+15550100002",
    },
  })
  const { clock, openai, twilio, app, rest } = harness
  const call = twilio.call({ dialStatus: "no-answer" })
  await connected(call)
  clock.advance(3000)
  expect(await call.agentTurn()).toBe(GREETING)

  const exchange = async (words: string, ...scripts: Script[]) => {
    openai.enqueue(...scripts)
    call.say(words)
    await answered(call)
    await received(app, call)
    clock.advance(5000)
  }

  await exchange("Where is order 7/a?", callsTool("find-order", { id: "7/a" }), says("On its way."))
  expect(asked).toEqual(["/orders/7%2Fa Bearer fake-token"])
  await exchange(
    "En español, por favor",
    callsTool("switch-language", { ttsLanguage: "es-ES", transcriptionLanguage: "es-ES" }),
    says("Claro."),
  )
  await exchange("Press one and two", callsTool("send-dtmf", { dtmfDigit: "1w2" }), says("Done."))
  await exchange("Text me", callsTool("send-sms", { to: call.from, message: "Order 7/a" }), says("Sent."))
  expect(rest.messages.all).toMatchObject([{ to: call.from, from: "+15550100002", body: "Order 7/a" }])
  await exchange("Be quiet", callsTool("set-listen-mode", { enabled: true }), says("You cannot hear this."))
  await exchange("Speak", callsTool("set-listen-mode", { enabled: false }), says("Here I am."))

  const changed = await app.api(`/v1/calls/${call.callSid}/agent`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ contextKey: "billing" }),
  })
  expect(await changed.json()).toEqual({
    contextKey: "billing",
    manifestKey: "deskTools",
    listenMode: false,
    silenceDetection: false,
  })
  await exchange("And my bill?", says("It is paid."))
  const last = openai.requests.at(-1)
  expect(String(last?.body["instructions"])).toStartWith("You handle bills.")
  expect(linesOf(last?.body ?? {})).toContain("assistant: On its way.")
  expect(textsIn(last?.body["input"])).not.toContainEqual(expect.stringContaining("You cannot hear this."))

  // Handed over, and back again: no answer.
  await exchange("A person, please", {
    steps: [
      { say: ["One moment."] },
      { call: "live-agent-handoff", arguments: { summary: "Asks about a bill." } },
    ],
  })
  await connected(call)
  const dial = call.verbs.all.find(({ name }) => name === "Dial")
  expect({
    timeout: dial?.attributes["timeout"],
    callerId: dial?.attributes["callerId"],
    text: dial?.children[0]?.text,
  }).toEqual({ timeout: "15", callerId: undefined, text: "+15550100088" })
  const whisper = await twilio.post(dial?.children[0]?.attributes["url"] ?? "", { CallSid: call.callSid })
  expect(textsIn(whisper)).toContainEqual(expect.stringContaining("Asks about a bill."))
  await answered(call)
  await received(app, call)
  clock.advance(10_000)

  await exchange("Then later", {
    steps: [{ say: ["Goodbye."] }, { call: "end-call", arguments: { conversationSummary: "Settled." } }],
  })
  clock.advance(5000)
  const summary = await call.ended
  expect(summary).toMatchObject({ status: "completed", sockets: 2, problems: [] })
  expect(serverFrames(call)).toEqual([
    "text On",
    "text  its",
    "text  way.",
    "last",
    "language es-ES es-ES",
    "text Claro.",
    "last",
    "sendDigits 1w2",
    "text Done.",
    "last",
    "text Sent.",
    "last",
    "last",
    "text Here",
    "text  I",
    "text  am.",
    "last",
    "text It",
    "text  is",
    "text  paid.",
    "last",
    "text One moment.",
    "last",
    'end {"reasonCode":"live-agent-handoff","reason":"Asks about a bill."}',
    "whole I am sorry, nobody could take your call just now. How else can I help you?",
    "text Goodbye.",
    "last",
    'end {"reasonCode":"end-call","reason":"Ending the call","conversationSummary":"Settled."}',
  ])
  const { turns } = await app.json(`/v1/calls/${call.callSid}/transcript`)
  expect(turns.map(({ speaker, text }: { speaker: string; text: string }) => `${speaker}: ${text}`)).toEqual([
    `agent: ${GREETING}`,
    "caller: Where is order 7/a?",
    "agent: On its way.",
    "caller: En español, por favor",
    "agent: Claro.",
    "caller: Press one and two",
    "agent: Done.",
    "caller: Text me",
    "agent: Sent.",
    "caller: Be quiet",
    "caller: Speak",
    "agent: Here I am.",
    "caller: And my bill?",
    "agent: It is paid.",
    "caller: A person, please",
    "agent: One moment.",
    "agent: I am sorry, nobody could take your call just now. How else can I help you?",
    "caller: Then later",
    "agent: Goodbye.",
  ])
  await shop.stop(true)
})

/** What the server sent, one harness a frame. */
function serverFrames(call: SimulatedCall): string[] {
  return call.frames.all.flatMap(({ from, text }) => {
    if (from !== "server") return []
    const { type, ...frame } = JSON.parse(text)
    if (type !== "text") return [[type, ...Object.values(frame)].join(" ")]
    if (frame.last) return [frame.token === "" ? "last" : `whole ${frame.token}`]
    return [`text ${frame.token}`]
  })
}
