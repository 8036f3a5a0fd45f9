/** Frames of the relay's socket: every kind both ways, their variants, and what must not pass. */

import { describe, expect, test } from "bun:test"
import { CallSid } from "../../src/call/ids.ts"
import { AppError } from "../../src/lib/errors.ts"
import {
  encodeRelayFrame,
  parseRelayFrame,
  type RelayInbound,
  type RelayOutbound,
} from "../../src/twilio/relay-messages.ts"
import { textsIn } from "../lib/texts-in.ts"

const callSid = CallSid.parse("CA00000000000000000000000000000001")
const setup = {
  type: "setup",
  sessionId: "VX00000000000000000000000000000001",
  accountSid: "AC00000000000000000000000000000000",
  parentCallSid: "",
  callSid,
  from: "+15550100001",
  to: "+15550100002",
  forwardedFrom: "",
  callType: "PSTN",
  callerName: "",
  direction: "inbound",
  callStatus: "RINGING",
  customParameters: { agent: "front-desk" },
}
const parsedSetup: RelayInbound = {
  type: "setup",
  sessionId: setup.sessionId,
  accountSid: setup.accountSid,
  callSid,
  parentCallSid: null,
  from: "+15550100001",
  to: "+15550100002",
  forwardedFrom: null,
  callType: "PSTN",
  callerName: null,
  direction: "inbound",
  callStatus: "ringing",
  customParameters: { agent: "front-desk" },
}
const { customParameters: _, ...withoutParameters } = setup

describe("from Twilio", () => {
  test.each<[string, object, RelayInbound]>([
    ["setup", setup, parsedSetup],
    [
      "setup of a resumed call",
      { ...setup, callStatus: "IN_PROGRESS" },
      { ...parsedSetup, callStatus: "in-progress" },
    ],
    [
      "setup of an outgoing call",
      { ...setup, direction: "outbound-api" },
      { ...parsedSetup, direction: "outbound" },
    ],
    ["setup with a null parent", { ...setup, parentCallSid: null }, parsedSetup],
    ["setup with a parent", { ...setup, parentCallSid: "CA2" }, { ...parsedSetup, parentCallSid: "CA2" }],
    ["setup without parameters", withoutParameters, { ...parsedSetup, customParameters: {} }],
    [
      "setup with null parameters",
      { ...setup, customParameters: null },
      { ...parsedSetup, customParameters: {} },
    ],
    [
      "parameters that are no texts",
      { ...setup, customParameters: { a: 1, b: true, c: null, d: ["x"], e: { f: 1 } } },
      { ...parsedSetup, customParameters: { a: "1", b: "true", c: "", d: `["x"]`, e: `{"f":1}` } },
    ],
    [
      "the least of a setup",
      { type: "setup", sessionId: "VX1", callSid },
      {
        ...parsedSetup,
        sessionId: "VX1",
        accountSid: "",
        from: "",
        to: "",
        callType: null,
        callStatus: "in-progress",
        customParameters: {},
      },
    ],
    [
      "a finished turn",
      { type: "prompt", voicePrompt: "Hello", lang: "en-US", last: true },
      { type: "prompt", text: "Hello", lang: "en-US", last: true },
    ],
    [
      "a partial",
      { type: "prompt", voicePrompt: "Hel", lang: "en", last: false },
      { type: "prompt", text: "Hel", lang: "en", last: false },
    ],
    [
      "a turn that does not say it is finished",
      { type: "prompt", voicePrompt: "Hello" },
      { type: "prompt", text: "Hello", lang: null, last: true },
    ],
    [
      "an empty turn",
      { type: "prompt", voicePrompt: "", lang: "", agentSpeaking: "x" },
      { type: "prompt", text: "", lang: null, last: true },
    ],
    [
      "an interruption",
      { type: "interrupt", utteranceUntilInterrupt: "Your booking", durationUntilInterruptMs: 1240 },
      { type: "interrupt", heard: "Your booking", heardMs: 1240 },
    ],
    [
      "milliseconds as text",
      { type: "interrupt", utteranceUntilInterrupt: "Yo", durationUntilInterruptMs: "460" },
      { type: "interrupt", heard: "Yo", heardMs: 460 },
    ],
    [
      "milliseconds that are none",
      { type: "interrupt", utteranceUntilInterrupt: "Yo", durationUntilInterruptMs: "soon" },
      { type: "interrupt", heard: "Yo", heardMs: null },
    ],
    [
      "negative milliseconds",
      { type: "interrupt", utteranceUntilInterrupt: "Yo", durationUntilInterruptMs: -1 },
      { type: "interrupt", heard: "Yo", heardMs: null },
    ],
    [
      "an interruption without details",
      { type: "interrupt" },
      { type: "interrupt", heard: "", heardMs: null },
    ],
    ["a key", { type: "dtmf", digit: "#" }, { type: "dtmf", digit: "#" }],
    [
      "the agent begins",
      { type: "info", name: "agentSpeaking", value: "on" },
      { type: "info", name: "agentSpeaking", on: true },
    ],
    [
      "the caller stops",
      { type: "info", name: "clientSpeaking", value: "off" },
      { type: "info", name: "clientSpeaking", on: false },
    ],
    [
      "a clause was spoken",
      { type: "info", name: "tokensPlayed", value: "Hi." },
      { type: "info", name: "tokensPlayed", text: "Hi." },
    ],
    [
      "new settings",
      { type: "info", name: "configUpdated", value: { any: 1 } },
      { type: "info", name: "configUpdated" },
    ],
    [
      "other information",
      { type: "info", name: "weather", value: 1 },
      { type: "info", name: "other", label: "weather" },
    ],
    ["information without a name", { type: "info" }, { type: "info", name: "other", label: "" }],
    [
      "a known name with an unknown value",
      { type: "info", name: "agentSpeaking", value: "maybe" },
      { type: "info", name: "other", label: "agentSpeaking" },
    ],
    [
      "a bad frame of ours",
      { type: "error", description: `Invalid message received, code: 64107, {"type":"txt"}` },
      { type: "error", description: `Invalid message received, code: 64107, {"type":"txt"}`, code: 64107 },
    ],
    [
      "an error without a code",
      { type: "error", description: "Something of 12345 went wrong" },
      { type: "error", description: "Something of 12345 went wrong", code: null },
    ],
    [
      "an error with a bare code",
      { type: "error", description: "64111 TTS" },
      { type: "error", description: "64111 TTS", code: 64111 },
    ],
    ["an error without words", { type: "error" }, { type: "error", description: "", code: null }],
    ["an unknown type", { type: "debug", anything: [1] }, { type: "unknown", name: "debug" }],
    ["a type of another protocol", { type: "connected" }, { type: "unknown", name: "connected" }],
    [
      "a type named like an object's member",
      { type: "constructor" },
      { type: "unknown", name: "constructor" },
    ],
    ["a huge type", { type: "x".repeat(100_000) }, { type: "unknown", name: "x".repeat(64) }],
  ])("%s", (_, wire, frame) => expect(parseRelayFrame(JSON.stringify(wire))).toEqual({ ok: true, frame }))

  test.each([
    ["nothing", "", "not JSON"],
    ["half a frame", `{"type":"prompt","voicePrompt":"secr`, "not JSON"],
    ["a text", `"secret"`, "not an object with a type"],
    ["null", "null", "not an object with a type"],
    ["a list", `[{"type":"prompt","voicePrompt":"secret"}]`, "not an object with a type"],
    ["no type", `{"voicePrompt":"secret"}`, "not an object with a type"],
    ["a type that is no text", `{"type":{"secret":1}}`, "not an object with a type"],
    ["an empty type", `{"type":""}`, "not an object with a type"],
    ["deep nesting", "[".repeat(200_000), "not JSON"],
  ])("refused: %s", (_, text, reason) => expect(parseRelayFrame(text)).toEqual({ ok: false, reason }))

  test.each([
    ["setup without a session", { ...setup, sessionId: undefined }, "setup: sessionId"],
    ["setup with a wrong call", { ...setup, callSid: "secret" }, "setup: callSid"],
    ["a turn without words", { type: "prompt", lang: "secret" }, "prompt: voicePrompt"],
    ["a turn of numbers", { type: "prompt", voicePrompt: 5550199 }, "prompt: voicePrompt"],
    ["a turn that is neither", { type: "prompt", voicePrompt: "secret", last: "secret" }, "prompt: last"],
    ["two keys", { type: "dtmf", digit: "12" }, "dtmf: digit"],
    ["a letter as a key", { type: "dtmf", digit: "secret" }, "dtmf: digit"],
    ["no key", { type: "dtmf" }, "dtmf: digit"],
  ])("refused by its fields: %s", (_, wire, start) => {
    const parsed = parseRelayFrame(JSON.stringify(wire))
    expect(parsed).toEqual({ ok: false, reason: expect.stringContaining(start) })
    expect(textsIn(parsed)).not.toContainEqual(expect.stringMatching(/secret|5550199/))
  })

  test("a parameter named like an object's prototype changes no prototype", () => {
    const text = JSON.stringify(setup).replace(`"agent":`, `"__proto__":{"polluted":1},"agent":`)
    const parsed = parseRelayFrame(text)
    expect(parsed).toEqual({ ok: true, frame: parsedSetup })
    expect({}).not.toHaveProperty("polluted")
  })
})

describe("to Twilio", () => {
  test.each<[string, RelayOutbound, string]>([
    [
      "a token",
      { type: "text", token: "Let me ", last: false },
      `{"type":"text","token":"Let me ","last":false}`,
    ],
    ["the end of a reply", { type: "text", token: "", last: true }, `{"type":"text","token":"","last":true}`],
    [
      "every option",
      { preemptible: true, interruptible: false, lang: "es-ES", last: true, token: "Hola", type: "text" },
      `{"type":"text","token":"Hola","last":true,"lang":"es-ES","interruptible":false,"preemptible":true}`,
    ],
    [
      "options not given",
      { type: "text", token: "a", last: false, lang: undefined, interruptible: undefined },
      `{"type":"text","token":"a","last":false}`,
    ],
    [
      "quotes and line ends",
      { type: "text", token: '"\n\u2028', last: true },
      `{"type":"text","token":"\\"\\n\u2028","last":true}`,
    ],
    [
      "half an emoji",
      { type: "text", token: "\ud83d", last: false },
      `{"type":"text","token":"\\ud83d","last":false}`,
    ],
    [
      "audio",
      { type: "play", source: "https://voice.example.com/hold.mp3", loop: 2, interruptible: true },
      `{"type":"play","source":"https://voice.example.com/hold.mp3","loop":2,"interruptible":true}`,
    ],
    [
      "audio as often as allowed",
      { type: "play", source: "http://a.example/b.wav", loop: 0 },
      `{"type":"play","source":"http://a.example/b.wav","loop":0}`,
    ],
    ["digits", { type: "sendDigits", digits: "ww12*34#" }, `{"type":"sendDigits","digits":"ww12*34#"}`],
    ["one language", { type: "language", ttsLanguage: "es-ES" }, `{"type":"language","ttsLanguage":"es-ES"}`],
    [
      "both languages",
      { type: "language", ttsLanguage: "es-ES", transcriptionLanguage: "multi" },
      `{"type":"language","ttsLanguage":"es-ES","transcriptionLanguage":"multi"}`,
    ],
    ["the end", { type: "end" }, `{"type":"end"}`],
    [
      "the end with data",
      { type: "end", handoffData: `{"a":1}` },
      `{"type":"end","handoffData":"{\\"a\\":1}"}`,
    ],
  ])("%s", (_, frame, wire) => expect(encodeRelayFrame(frame)).toBe(wire))

  test.each([
    ["an unknown type", { type: "interrupt" }],
    ["no type", {}],
    ["no token", { type: "text", last: true }],
    ["a null token", { type: "text", token: null, last: true }],
    ["a token that is a number", { type: "text", token: 1, last: true }],
    ["no last", { type: "text", token: "a" }],
    ["an option that is a text", { type: "text", token: "a", last: true, interruptible: "any" }],
    ["an empty language", { type: "text", token: "a", last: true, lang: "" }],
    ["a file", { type: "play", source: "file:///etc/passwd" }],
    ["a script", { type: "play", source: "javascript:alert(1)" }],
    ["a path", { type: "play", source: "/hold.mp3" }],
    ["no source", { type: "play" }],
    ["half a loop", { type: "play", source: "https://a.example/b", loop: 0.5 }],
    ["a negative loop", { type: "play", source: "https://a.example/b", loop: -1 }],
    ["too many loops", { type: "play", source: "https://a.example/b", loop: 1001 }],
    ["no digits", { type: "sendDigits", digits: "" }],
    ["letters as digits", { type: "sendDigits", digits: "12A" }],
    ["a line end after digits", { type: "sendDigits", digits: "12\n" }],
    ["a long pause, which the relay does not know", { type: "sendDigits", digits: "W1" }],
    ["no language", { type: "language" }],
    ["an empty language", { type: "language", ttsLanguage: "" }],
    ["data that is an object", { type: "end", handoffData: { a: 1 } }],
    ["an unknown field", { type: "end", reason: "secret" }],
  ])("is never sent: %s", (_, frame) => {
    // A frame of a wrong shape can come about only behind the compiler's back.
    const encode = () => encodeRelayFrame(frame as RelayOutbound)
    expect(encode).toThrow(AppError)
    expect(encode).toThrow(
      expect.objectContaining({ code: "INTERNAL", message: expect.not.stringContaining("secret") }),
    )
  })
})
