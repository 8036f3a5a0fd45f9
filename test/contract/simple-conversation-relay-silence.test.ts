/** What Simple Conversation Relay promised of silence, listen mode and languages, seen from Twilio's end of the socket. */

import { describe, expect, test } from "bun:test"
import { callsTool, says } from "../fakes/openai-script.ts"
import { inputOf, manifestOf, type RelayCaller, simpleRelayHarness } from "./simple-relay-harness.ts"

const UNRESPONSIVE = '{"reasonCode":"unresponsive","reason":"The caller was not speaking"}'

function configured(silence: Record<string, unknown>, rest: Record<string, unknown> = {}) {
  return {
    "serverConfig.json": {
      ConversationRelay: {
        Configuration: { welcomeGreeting: "" },
        SilenceDetection: { enabled: true, secondsThreshold: 20, messages: ["One?", "Two?"], ...silence },
      },
      ...rest,
    },
    "toolsManifest.json": manifestOf(
      "send-dtmf",
      "play-media",
      "set-listen-mode",
      "set-silence-detection",
      "switch-language",
      "end-call",
    ),
  }
}

const KEYS = { manifestKey: "toolsManifest" }
const silent = (silence: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) =>
  simpleRelayHarness({ assets: configured(silence, rest) })

/** What is sent in each of these times, in milliseconds. */
async function over(call: RelayCaller, ...times: number[]): Promise<string[][]> {
  const seen: string[][] = []
  for (const ms of times) {
    await call.pass(ms)
    seen.push(await call.lines())
  }
  return seen
}

describe("silence", () => {
  test("reminders come one threshold after the last speech, each a whole text frame", async () => {
    await using harness = await silent()
    const call = await harness.call()
    await call.pass(41_000)
    expect(await call.frames()).toEqual([
      { type: "text", token: "One?", last: true },
      { type: "text", token: "Two?", last: true },
    ])
  })

  test("one threshold after the last reminder the session is ended as unresponsive", async () => {
    await using harness = await silent()
    const call = await harness.call()
    // The words of a reminder take 0.8 seconds.
    expect(await over(call, 19_999, 1, 20_500, 500)).toEqual([[], ["One?"], [], ["Two?"]])
    harness.app.clock.advance(20_000)
    harness.app.clock.advance(1000)
    expect(await call.frameOf("end")).toEqual({ type: "end", handoffData: UNRESPONSIVE })
  })

  test("a prompt, an interruption and a key restart the reminders", async () => {
    await using harness = await silent()
    const call = await harness.call()
    for (const frame of [
      { type: "interrupt", utteranceUntilInterrupt: "", durationUntilInterruptMs: 1 },
      { type: "prompt", voicePrompt: "partial", lang: "en-US", last: false },
      { type: "dtmf", digit: "1" },
    ]) {
      expect(await over(call, 21_000)).toEqual([["One?"]])
      call.send(frame)
    }
    // The key is answered after a pause by the model, which has nothing to say.
    harness.openai.enqueue({ steps: [] })
    await call.pass(2000)
    await harness.app.events.next(({ event }) => event.type === "reply.finished")
    expect(await over(call, 17_000, 1000)).toEqual([[], ["One?"]])
  })

  test("information and errors of the telephone system are no sign of life", async () => {
    await using harness = await silent()
    const call = await harness.call()
    await call.pass(15_000)
    call.send({ type: "info", name: "clientSpeaking", value: "off" })
    call.send({ type: "error", description: "something" })
    expect(await over(call, 5000)).toEqual([["One?"]])
  })

  test("nothing is counted before the setup", async () => {
    await using harness = await silent()
    const { attributes } = await harness.relay()
    const socket = harness.app.socket(attributes["url"] ?? "")
    await socket.opened
    harness.app.clock.advance(9000)
    expect(socket.frames.all).toEqual([])
  })

  test("an answer of thirty seconds is not broken by a reminder", async () => {
    await using harness = await silent()
    const call = await harness.call()
    await call.ask("Tell me everything", says("word ".repeat(91).trim()))
    await call.lines()
    expect(await over(call, 30_000, 19_000, 2000)).toEqual([[], [], ["One?"]])
  })

  test("a running tool holds the clock", async () => {
    const held = Promise.withResolvers<Response>()
    const asked = Promise.withResolvers<void>()
    const service = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch() {
        asked.resolve()
        return held.promise
      },
    })
    await using harness = await simpleRelayHarness({
      env: { TOOL_TIMEOUT_MS: "600000", WAIT_PHRASE_AFTER_MS: "600000" },
      assets: {
        ...configured({}),
        "slowTools.json": {
          tools: [{ name: "find-order", http: { url: service.url.href, timeoutMs: 60_000 } }],
        },
      },
    })
    const call = await harness.call({ manifestKey: "slowTools" })
    harness.openai.enqueue(callsTool("find-order", {}), says("Found."))
    call.say("Where is my order?")
    await asked.promise
    expect(await over(call, 20_000, 20_000, 15_000)).toEqual([[], [], []])
    held.resolve(Response.json({}))
    await call.answered()
    expect(await call.lines()).toEqual(["Found."])
    await service.stop(true)
  })

  test("switched off there is neither reminder nor end; without messages the end comes at once", async () => {
    await using off = await silent({ enabled: false })
    expect(await over(await off.call(), 300_000)).toEqual([[]])
    await using bare = await silent({ messages: [] })
    const call = await bare.call()
    expect(await over(call, 19_000)).toEqual([[]])
    bare.app.clock.advance(1000)
    expect(await call.frameOf("end")).toEqual({ type: "end", handoffData: UNRESPONSIVE })
  })

  test("the watch ends with the session", async () => {
    await using harness = await silent()
    const call = await harness.call()
    call.socket.close()
    await harness.app.events.next(({ event }) => event.type === "session.closed")
    harness.app.clock.advance(100_000)
    expect(call.socket.frames.all).toEqual([])
  })

  test("both spellings of the setting are read, and a change holds from the next call", async () => {
    await using harness = await silent()
    harness.write("serverConfig.json", {
      ConversationRelay: {
        Configuration: { welcomeGreeting: "" },
        silenceDetection: { enabled: true, secondsThreshold: 5, messages: ["Quick test - still there?"] },
      },
    })
    await using other = await simpleRelayHarness({
      assets: { "serverConfig.json": await Bun.file(`${harness.dir}/serverConfig.json`).json() },
    })
    expect(await over(await other.call(), 5000)).toEqual([["Quick test - still there?"]])
    const changed = await other.app.post("/api/sync/serverconfig", {
      ConversationRelay: { silenceDetection: { messages: ["Other?"] } },
    })
    expect(changed.status).toBe(200)
    expect(await over(await other.call(), 5000)).toEqual([["Other?"]])
  })

  test("a fresh start has the documented threshold and messages, switched off", async () => {
    await using harness = await simpleRelayHarness()
    expect((await harness.app.json("/api/sync/serverconfig")).ConversationRelay.SilenceDetection).toEqual({
      enabled: false,
      secondsThreshold: 20,
      messages: ["Still there?", "Just checking you are still there?", "Hello? Are you still on the line?"],
    })
  })

  test("reminders are part of what the model knows it said", async () => {
    await using harness = await silent()
    const call = await harness.call()
    expect(await over(call, 20_000)).toEqual([["One?"]])
    const [request] = await call.ask("Yes", says("Good."))
    expect(inputOf(request)).toContainEqual(expect.stringContaining("One?"))
  })

  test("a tool switches reminders off and on again during the call", async () => {
    await using harness = await silent()
    const call = await harness.call(KEYS)
    await call.ask("I look for it", callsTool("set-silence-detection", { enabled: false }), says("Fine."))
    await call.lines()
    expect(await over(call, 60_000)).toEqual([[]])
    await call.ask("Found it", callsTool("set-silence-detection", { enabled: true }), says("Good."))
    await call.lines()
    expect(await over(call, 21_000)).toEqual([["One?"]])
  })
})

describe("listen mode", () => {
  const listening = () => silent({}, { Server: { ListenMode: { enabled: true } } })

  test("mutes words, audio files and languages, but neither keys nor the end", async () => {
    await using harness = await listening()
    const call = await harness.call(KEYS)
    await call.ask(
      "For sales press two",
      {
        steps: [
          { say: ["Silent."] },
          { call: "send-dtmf", arguments: { dtmfDigit: "2" } },
          { call: "play-media", arguments: { source: "https://example.com/a.mp3" } },
          { call: "switch-language", arguments: { ttsLanguage: "en-US" } },
        ],
      },
      says("Still silent."),
    )
    expect(await call.frames()).toEqual([
      { type: "sendDigits", digits: "2" },
      { type: "text", token: "", last: true },
    ])
    harness.openai.enqueue(callsTool("end-call", { conversationSummary: "Menu walked." }))
    call.say("Goodbye")
    expect(await call.frameOf("end")).toMatchObject({ handoffData: expect.stringContaining("Menu walked.") })
  })

  test("is switched on and off by the tool, and the voice comes back", async () => {
    await using harness = await silent()
    const call = await harness.call(KEYS)
    await call.ask("Hush", callsTool("set-listen-mode", { enabled: true }), says("Not heard."))
    await call.ask("Talk", callsTool("set-listen-mode", { enabled: false }), says("Heard again."))
    expect((await call.lines()).join("")).toBe("Heard again.")
  })

  test("holds reminders back while it is on, also from the start of a call", async () => {
    await using harness = await listening()
    const call = await harness.call(KEYS)
    expect(await over(call, 100_000)).toEqual([[]])
    await call.ask("Talk", callsTool("set-listen-mode", { enabled: false }), says("Here."))
    await call.lines()
    expect(await over(call, 21_000)).toEqual([["One?"]])
  })

  test("may be asked for by a parameter of one call", async () => {
    await using harness = await silent()
    const call = await harness.call({ listenMode: "true" })
    await call.ask("Hello", says("Not heard."))
    expect(await call.lines()).toEqual([])
    const loud = await harness.call({ listenMode: "false" })
    await loud.ask("Hello", says("Heard."))
    expect(await loud.lines()).toEqual(["Heard."])
  })
})
