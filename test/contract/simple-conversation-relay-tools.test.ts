/** What Simple Conversation Relay promised of its tools: when their effect goes out, and in which form. */

import { describe, expect, test } from "bun:test"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"
import { callsTool, says } from "../fakes/openai-script.ts"
import { endedForm } from "../server/client.ts"
import {
  inputOf,
  instructionsOf,
  manifestOf,
  simpleRelayHarness,
  type SimpleRelayHarness,
  toolNamesOf,
} from "./simple-relay-harness.ts"
import { textsIn } from "../lib/texts-in.ts"

const ALL = [
  "end-call",
  "live-agent-handoff",
  "send-dtmf",
  "send-sms",
  "switch-language",
  "play-media",
  "change-context",
]

function harnessWith(env: Record<string, string> = {}, rest: Record<string, unknown> = {}) {
  return simpleRelayHarness({
    env,
    assets: {
      "serverConfig.json": {
        ConversationRelay: { Configuration: { welcomeGreeting: "" } },
        AssetLoader: { manifest: "allTools" },
        agents: { default: { changeTo: { contexts: ["billing"] } } },
        ...rest,
      },
      "allTools.json": manifestOf(...ALL),
      "billing.md": "You handle bills.",
    },
  })
}

describe("delivery", () => {
  test("digits, audio files and languages go out before the answer continues", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const requests = await call.ask(
      "Do it all",
      {
        steps: [
          { call: "send-dtmf", arguments: { dtmfDigit: "1w2#" } },
          { call: "switch-language", arguments: { ttsLanguage: "en-AU", transcriptionLanguage: "en-AU" } },
          { call: "play-media", arguments: { source: "https://example.com/a.mp3", loop: 2 } },
        ],
      },
      says("All done."),
    )
    expect(await call.frames()).toEqual([
      { type: "sendDigits", digits: "1w2#" },
      { type: "language", ttsLanguage: "en-AU", transcriptionLanguage: "en-AU" },
      { type: "play", source: "https://example.com/a.mp3", loop: 2 },
      { type: "text", token: "All", last: false },
      { type: "text", token: " done.", last: false },
      { type: "text", token: "", last: true },
    ])
    const results = inputOf(requests[1])
    for (const message of ["DTMF digits sent", "Language switched", "Media playback started"]) {
      expect(results).toContainEqual(expect.stringContaining(`${message} successfully`))
    }
  })

  test("the end goes out after the last words, once, and with no second goodbye", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const requests = await call.ask("Bye", {
      steps: [
        { say: ["Good", "bye."] },
        { call: "end-call", arguments: { conversationSummary: "All settled." } },
      ],
    })
    await call.heard()
    harness.app.clock.advance(5000)
    expect(await call.frameOf("end")).toEqual({
      type: "end",
      handoffData: JSON.stringify({
        reasonCode: "end-call",
        reason: "Ending the call",
        conversationSummary: "All settled.",
      }),
    })
    expect(call.socket.frames.all.map(({ type, last }) => [type, last])).toEqual([
      ["text", false],
      ["text", false],
      ["text", true],
      ["end", undefined],
    ])
    expect(requests).toHaveLength(1)
  })

  test("an interrupted goodbye still ends the session", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    await call.ask("Bye", {
      steps: [{ say: ["Good", "bye."] }, { call: "end-call", arguments: { summary: "Older name." } }],
    })
    call.send({ type: "interrupt", utteranceUntilInterrupt: "Good", durationUntilInterruptMs: 300 })
    expect(await call.frameOf("end")).toMatchObject({ handoffData: expect.stringContaining("Older name.") })
  })

  test("a tool without an action sends no frame; its result is for the model", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const args = { to: "+15550100001", message: "Your code is 7." }
    const [, after] = await call.ask("Text me", callsTool("send-sms", args), says("Sent."))
    expect(await call.lines()).toEqual(["Sent."])
    expect(harness.rest.messages).toMatchObject([
      { to: "+15550100001", from: "+15550100002", body: "Your code is 7." },
    ])
    expect(textsIn(after?.body["input"])).toContainEqual(expect.stringContaining("SMS sent successfully"))
  })

  test("a tool that fails is reported to the model, which continues", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const [, after] = await call.ask("Play", callsTool("play-media", {}), says("I cannot."))
    expect(textsIn(after?.body["input"])).toContainEqual(
      expect.stringContaining("Source URL is required to play media"),
    )
    expect(await call.lines()).toEqual(["I", " cannot."])
  })

  test("a language tool without a language says what is missing", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const [, after] = await call.ask("Switch", callsTool("switch-language", {}), says("Which?"))
    expect(textsIn(after?.body["input"])).toContainEqual(
      expect.stringContaining(
        "At least one language parameter (ttsLanguage or transcriptionLanguage) must be provided",
      ),
    )
  })
})

describe("send-sms", () => {
  test.each([
    ["to somebody else", { to: "+15550100099", message: "x" }, "messages may go to the caller only"],
    ["to something that is no number", { to: "me", message: "x" }, "not a phone number in E.164 form"],
    ["without words", { to: "+15550100001", message: "" }, "message"],
    ["of 1,601 characters", { to: "+15550100001", message: "x".repeat(1601) }, "message"],
  ])("%s is refused, and nothing is sent", async (_, args, reason) => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const [, after] = await call.ask("Text", callsTool("send-sms", args), says("No."))
    expect(textsIn(after?.body["input"])).toContainEqual(expect.stringContaining(reason))
    expect(harness.rest.messages).toEqual([])
  })

  test("may go to further numbers that are allowed, so many in a call", async () => {
    await using harness = await harnessWith({ SMS_ALLOWED_DESTINATIONS: "+1555", SMS_PER_CALL: "1" })
    const call = await harness.call()
    const args = { to: "+1 (555) 010-0099", message: "x" }
    await call.ask("Text", callsTool("send-sms", args), says("Sent."))
    const [, after] = await call.ask("Again", callsTool("send-sms", args), says("No more."))
    expect(textsIn(after?.body["input"])).toContainEqual(
      expect.stringContaining("SMS send failed: at most 1 messages"),
    )
    expect(harness.rest.messages.map(({ to }) => to)).toEqual(["+15550100099"])
  })

  test("that Twilio refuses is reported to the model", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const body = { code: 21610, message: "Attempt to send to unsubscribed recipient", status: 400 }
    harness.rest.fault({ kind: "answer", status: 400, body })
    const args = { to: "+15550100001", message: "x" }
    const [, after] = await call.ask("Text", callsTool("send-sms", args), says("No."))
    expect(textsIn(after?.body["input"])).toContainEqual(expect.stringContaining("SMS send failed: "))
  })
})

describe("handing over", () => {
  /** The verbs after a handoff, by the path of the earlier system. */
  async function handedOver(
    harness: SimpleRelayHarness,
    path = "/handoff",
    extra: Record<string, string> = {},
  ) {
    const call = await harness.call()
    await call.ask("A person", {
      steps: [
        { say: ["One moment."] },
        { call: "live-agent-handoff", arguments: { summary: "Has a <bill>." } },
      ],
    })
    await call.heard()
    harness.app.clock.advance(5000)
    const { handoffData } = await call.frameOf("end")
    const form = endedForm(call.callSid, { HandoffData: String(handoffData), ...extra })
    const answer = await harness.app.webhook(path, form)
    return { call, handoffData, verbs: parseTwiml(await answer.text()) }
  }

  test("live-agent-handoff ends the session with the summary, and a person is dialled", async () => {
    await using harness = await harnessWith({ TRANSFER_TO: "+15550100088" })
    const { handoffData, verbs } = await handedOver(harness)
    expect(handoffData).toBe(JSON.stringify({ reasonCode: "live-agent-handoff", reason: "Has a <bill>." }))
    const [dial] = verbs
    expect({
      dialName: dial?.name,
      childName: dial?.children[0]?.name,
      childText: dial?.children[0]?.text,
    }).toEqual({ dialName: "Dial", childName: "Number", childText: "+15550100088" })
    const whisper = new URL(dial?.children[0]?.attributes["url"] ?? "")
    const [said] = await harness.app.twiml(whisper.pathname + whisper.search, {
      CallSid: `CA${"9".repeat(32)}`,
    })
    expect(said?.text).toBe("A caller is transferred to you. Has a <bill>.")
  })

  test("data without a session status is a handoff too", async () => {
    await using harness = await harnessWith({ TRANSFER_TO: "sip:desk@pbx.example.com" })
    const { verbs } = await handedOver(harness, "/handoff", { SessionStatus: "" })
    expect(verbs[0]?.children[0]?.name).toBe("Sip")
  })

  test.each([
    ["queue:support", { name: "Enqueue", text: "support" }],
    ["workflow:WW00000000000000000000000000000001", { name: "Enqueue" }],
  ])("%s puts the caller into a queue", async (to, expected) => {
    await using harness = await harnessWith({ TRANSFER_TO: to })
    const { call, verbs } = await handedOver(harness)
    expect(verbs[0]).toMatchObject(expected)
    if (!to.startsWith("workflow")) return
    expect(verbs[0]?.attributes["workflowSid"]).toBe(to.slice("workflow:".length))
    expect(JSON.parse(verbs[0]?.children[0]?.text ?? "")).toMatchObject({
      reason: "live-agent-handoff",
      summary: "Has a <bill>.",
      callSid: call.callSid,
    })
  })

  test("another end of the session ends the call", async () => {
    await using harness = await harnessWith()
    const call = await harness.call()
    const HandoffData = JSON.stringify({ reasonCode: "end-call", reason: "Ending the call" })
    const verbs = await harness.app.twiml("/handoff", endedForm(call.callSid, { HandoffData }))
    expect(verbs.map(({ name }) => name)).toEqual(["Hangup"])
  })

  test("twice in an unanswered call: the caller returns both times", async () => {
    await using harness = await harnessWith({ TRANSFER_TO: "queue:support" })
    const { call, verbs } = await handedOver(harness)
    const back = async (action: string) => {
      const { pathname, search } = new URL(action)
      const form = { ...endedForm(call.callSid), QueueResult: "queue-full" }
      return harness.app.twiml(pathname + search, form)
    }
    const first = verbs[0]?.attributes["action"] ?? ""
    expect((await back(first))[0]?.name).toBe("Connect")
    harness.app.clock.advance(60_000)
    const HandoffData = JSON.stringify({ reasonCode: "live-agent-handoff", reason: "Again." })
    const again = await harness.app.twiml("/handoff", endedForm(call.callSid, { HandoffData }))
    const second = again[0]?.attributes["action"] ?? ""
    expect(second).not.toBe(first)
    expect((await back(second))[0]?.name).toBe("Connect")
  })

  test("without a target the caller hears of it and continues, or hears a goodbye where the rule says so", async () => {
    await using harness = await harnessWith()
    expect((await handedOver(harness)).verbs[0]?.name).toBe("Connect")
    await using polite = await harnessWith(
      {},
      { agents: { default: { transfer: { onFailure: "goodbye" } } } },
    )
    const { verbs } = await handedOver(polite)
    expect(verbs.map(({ name }) => name)).toEqual(["Say", "Hangup"])
  })
})

test("both shapes of a tool reach the model in the flat one", async () => {
  const parameters = { type: "object", properties: { message: { type: "string" } } }
  await using harness = await simpleRelayHarness({
    assets: {
      "mixedTools.json": {
        tools: [
          { type: "function", name: "end-call", description: "Ends.", parameters: { type: "object" } },
          { type: "function", function: { name: "send-sms", description: "Sends.", parameters } },
        ],
      },
    },
  })
  const call = await harness.call({ manifestKey: "mixedTools" })
  const [request] = await call.ask("Hello", says("Hi."))
  expect(request?.body["tools"]).toMatchObject([
    { type: "function", name: "end-call", description: "Ends." },
    { type: "function", name: "send-sms", description: "Sends.", parameters },
  ])
})

test("change-context gives the next request the new role, the summary and the history", async () => {
  await using harness = await harnessWith()
  const call = await harness.call()
  const args = { newContext: "billing", handoffSummary: "Wants a refund." }
  const [before, after] = await call.ask("My bill", callsTool("change-context", args), says("Hello."))
  expect(instructionsOf(before)).not.toContain("You handle bills.")
  expect(instructionsOf(after)).toContain("You handle bills.")
  expect(instructionsOf(after)).toContain("+15550100001")
  expect(inputOf(after)).toContainEqual(expect.stringContaining("Wants a refund."))
  expect(inputOf(after)).toContainEqual(expect.stringContaining("My bill"))
  expect(toolNamesOf(after)).toEqual(ALL)
})

test("change-context switches only to what the agent lists", async () => {
  await using harness = await harnessWith(
    {},
    { agents: { default: { changeTo: { contexts: ["defaultContext"] } } } },
  )
  const call = await harness.call()
  for (const args of [{ newContext: "billing" }, { newContext: "defaultContext", newManifest: "allTools" }]) {
    const [, after] = await call.ask("x", callsTool("change-context", args), says("No."))
    expect(instructionsOf(after)).not.toContain("You handle bills.")
    expect(textsIn(after?.body["input"])).toContainEqual(expect.stringContaining('"success":false'))
  }
})

test("change-context refuses a key that is none, and one that leads elsewhere", async () => {
  await using harness = await harnessWith()
  const call = await harness.call()
  for (const newContext of ["nothing", "../secret"]) {
    const [, after] = await call.ask("x", callsTool("change-context", { newContext }), says("No."))
    expect(instructionsOf(after)).not.toContain("You handle bills.")
    expect(textsIn(after?.body["input"])).toContainEqual(expect.stringContaining('"success":false'))
  }
})
