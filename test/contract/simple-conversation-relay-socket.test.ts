/** What Simple Conversation Relay promised of its socket: which frames it takes, and which it sends. */

import { describe, expect, test } from "bun:test"
import { says } from "../fakes/openai-script.ts"
import { prompt, setupFrame } from "../server/client.ts"
import {
  inputOf,
  instructionsOf,
  manifestOf,
  simpleRelayHarness,
  toolNamesOf,
} from "./simple-relay-harness.ts"

const ASSETS = {
  "polite.md": "Be polite.",
  "limitedTools.json": manifestOf("end-call"),
}

describe("the socket", () => {
  test("frames before the setup are dropped, and then the setup works", async () => {
    await using harness = await simpleRelayHarness()
    const { attributes, parameters, callSid } = await harness.relay()
    const socket = harness.app.socket(attributes["url"] ?? "")
    await socket.opened
    harness.openai.enqueue(says("Hi."))
    socket.send(prompt("Too early"))
    socket.send({ ...setupFrame(callSid, parameters), somethingNew: { a: 1 } })
    socket.send(prompt("Hello"))
    const request = await harness.openai.nextRequest()
    await socket.frames.next(({ last }) => last === true)
    expect(inputOf(request)).not.toContainEqual(expect.stringContaining("Too early"))
    for (const fact of [callSid, "+15550100001", "+15550100002"])
      expect(instructionsOf(request)).toContain(fact)
  })

  test("contextKey and manifestKey choose context and tools of one call; unknown ones are left out", async () => {
    await using harness = await simpleRelayHarness({ assets: ASSETS })
    const call = await harness.call({ contextKey: "polite", manifestKey: "limitedTools" })
    const [request] = await call.ask("Hello", says("Hi."))
    expect({ isPolite: instructionsOf(request).includes("Be polite."), tools: toolNamesOf(request) }).toEqual(
      { isPolite: true, tools: ["end-call"] },
    )
    const other = await harness.call({ contextKey: "../x", manifestKey: "limitedTools" })
    const [next] = await other.ask("Hello", says("Hi."))
    expect({ isPolite: instructionsOf(next).includes("Be polite."), tools: toolNamesOf(next) }).toEqual({
      isPolite: false,
      tools: ["end-call"],
    })
  })

  test("an answer streams piece by piece and is closed by an empty last frame", async () => {
    await using harness = await simpleRelayHarness()
    const call = await harness.call()
    await call.ask("When do you open?", says("At nine."))
    expect(await call.frames()).toEqual([
      { type: "text", token: "At", last: false },
      { type: "text", token: " nine.", last: false },
      { type: "text", token: "", last: true },
    ])
  })

  test("an interruption stops the answer, and the model learns what was heard", async () => {
    await using harness = await simpleRelayHarness()
    const call = await harness.call()
    harness.openai.enqueue({ steps: [{ say: ["One two three. ", "Four."] }], ending: "stalled" })
    call.say("Count")
    const counting = await harness.openai.nextRequest()
    await call.frame(({ token }) => token === "Four.")
    call.send({ type: "interrupt", utteranceUntilInterrupt: "One two", durationUntilInterruptMs: "600" })
    expect(await counting.closed).toBe("aborted")
    expect(await call.lines()).toEqual(["One two three. ", "Four."])
    const [request] = await call.ask("Stop", says("Yes?"))
    expect(inputOf(request)).toContainEqual(expect.stringContaining("One two"))
    expect(inputOf(request)).not.toContainEqual(expect.stringContaining("three"))
  })

  test("a newer prompt takes the place of the running answer, and a late interruption does not stop it", async () => {
    await using harness = await simpleRelayHarness()
    const call = await harness.call()
    harness.openai.enqueue({ steps: [{ say: ["First answer."] }], ending: "stalled" })
    call.say("First")
    await call.frame(({ token }) => token === "First answer.")
    const go = Promise.withResolvers<void>()
    harness.openai.enqueue({ steps: [{ wait: go.promise }, { say: ["Second ", "answer."] }] })
    call.say("Second")
    call.send({ type: "interrupt", utteranceUntilInterrupt: "First", durationUntilInterruptMs: 200 })
    go.resolve()
    await call.frame(({ token }) => token === "answer.")
    await call.answered()
    expect((await call.lines()).join("")).toBe("First answer.Second answer.")
  })

  test("keys are collected and sent to the model", async () => {
    await using harness = await simpleRelayHarness()
    const call = await harness.call()
    harness.openai.enqueue(says("Thank you."))
    for (const digit of "42#") call.send({ type: "dtmf", digit })
    const request = await harness.openai.nextRequest()
    await call.answered()
    expect(inputOf(request)).toContainEqual(expect.stringContaining("42#"))
  })

  test("garbage, unknown frames and errors of Twilio do not end the call", async () => {
    await using harness = await simpleRelayHarness()
    const call = await harness.call()
    for (const frame of ["{", "[]", '{"type":"new"}', '{"type":"prompt"}']) call.send(frame)
    call.send({ type: "error", description: "code: 64107" })
    await call.ask("Still there?", says("Yes."))
    expect(await call.lines()).toEqual(["Yes."])
  })

  test("a socket without our token is accepted once Twilio confirms its call, and refused otherwise", async () => {
    await using harness = await simpleRelayHarness({ assets: ASSETS })
    const open = async (callSid: string) => {
      const socket = harness.app.socket("wss://parley.test/conversation-relay")
      await socket.opened
      socket.send(setupFrame(callSid, { contextKey: "polite" }))
      return socket
    }
    const { sid } = harness.rest.addCall({ status: "in-progress", direction: "inbound" })
    const socket = await open(sid)
    harness.openai.enqueue(says("Hi."))
    socket.send(prompt("Hello"))
    expect(instructionsOf(await harness.openai.nextRequest())).toStartWith("Be polite.")
    await socket.frames.next(({ last }) => last === true)
    expect((await (await open(`CA${"f".repeat(32)}`)).closed).code).toBe(4403)
  })

  test("two calls at once keep their words apart", async () => {
    await using harness = await simpleRelayHarness()
    const [a, b] = [await harness.call(), await harness.call()]
    await a.ask("I am A", says("Hello A."))
    const [request] = await b.ask("I am B", says("Hello B."))
    expect(inputOf(request)).not.toContainEqual(expect.stringContaining("I am A"))
    expect({ a: (await a.lines()).join(""), b: (await b.lines()).join("") }).toEqual({
      a: "Hello A.",
      b: "Hello B.",
    })
  })
})
