/** The built-in tools: what they take, what they answer, and what they ask of the call. */

import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import type { ToolContext } from "../../src/tools/define-tool.ts"
import { builtinTools, toolsOf } from "../../src/tools/registry.ts"

const CONTEXT: ToolContext = {
  callId: newCallId(),
  callSid: null,
  peer: "+15550100001",
  changeRefusal: () => undefined,
  sms: undefined,
  signal: new AbortController().signal,
}

async function call(name: string, args: unknown) {
  return builtinTools().get(name)?.call(JSON.stringify(args), CONTEXT)
}

test("every tool is found under its own name", () => {
  for (const [name, tool] of builtinTools()) expect(tool.name).toBe(name)
})

test.each([
  ["its summary", { conversationSummary: "all well" }, "all well"],
  ["the older name of the summary", { summary: "all well" }, "all well"],
  ["no summary", {}, ""],
])("end-call with %s", async (_, args, conversationSummary) => {
  expect(await call("end-call", args)).toEqual({
    ok: true,
    value: { message: "Call ended successfully", summary: conversationSummary },
    action: {
      type: "end-call",
      end: { reason: "agent-ended", detail: "Ending the call", summary: conversationSummary },
    },
  })
})

test.each([
  [{ dtmfDigit: "1" }, "1"],
  [{ dtmfDigit: 42 }, "42"],
  [{ digits: "ww1 2-3,4#*" }, "ww1234#*"],
])("send-dtmf presses %j", async (args, digits) => {
  expect(await call("send-dtmf", args)).toEqual({
    ok: true,
    value: { message: "DTMF digits sent successfully", digits },
    action: { type: "send-digits", digits },
  })
})

test.each([
  [{}],
  [{ dtmfDigit: "" }],
  [{ dtmfDigit: "call me" }],
  [{ dtmfDigit: "1".repeat(65) }],
  [{ dtmfDigit: -1 }],
])("send-dtmf refuses %j", async (args) =>
  expect(await call("send-dtmf", args)).toMatchObject({ ok: false, code: "INVALID_ARGUMENTS" }),
)

test.each([
  [{ ttsLanguage: "es-ES" }, { ttsLanguage: "es-ES", transcriptionLanguage: undefined }],
  [
    { transcriptionLanguage: "multi", ttsLanguage: null },
    { ttsLanguage: undefined, transcriptionLanguage: "multi" },
  ],
])("switch-language takes %j", async (args, languages) => {
  expect(await call("switch-language", args)).toEqual({
    ok: true,
    value: { message: "Language switched successfully", ...languages },
    action: { type: "switch-language", ...languages },
  })
})

test("switch-language wants at least one language, and real ones", async () => {
  expect(await call("switch-language", {})).toEqual({
    ok: false,
    code: "INVALID_ARGUMENTS",
    message: "At least one language parameter (ttsLanguage or transcriptionLanguage) must be provided",
  })
  expect(await call("switch-language", { ttsLanguage: "Spanish please" })).toMatchObject({ ok: false })
})

test("play-media plays a public address as often as asked", async () => {
  const source = "https://example.com/a.mp3"
  expect(await call("play-media", { source, loop: 0, interruptible: false })).toEqual({
    ok: true,
    value: { message: "Media playback started successfully", source },
    action: { type: "play-media", source, loop: 0, preemptible: undefined, interruptible: false },
  })
})

test.each([
  [{}, "Source URL is required to play media"],
  [{ source: "" }, "Source URL is required to play media"],
  [{ source: "http://127.0.0.1/a.mp3" }, "The address leads into a private network, which is not allowed."],
  [{ source: "https://example.com/a.mp3", loop: 1001 }, expect.stringContaining("loop")],
])("play-media refuses %j", async (args, message) => {
  expect(await call("play-media", args)).toEqual({ ok: false, code: "INVALID_ARGUMENTS", message })
})

test.each([
  ["its summary", { summary: "Wants a person." }, "Wants a person."],
  ["another name of it", { conversationSummary: "Wants a person." }, "Wants a person."],
  ["nothing", {}, ""],
])("live-agent-handoff with %s", async (_, args, reason) => {
  expect(await call("live-agent-handoff", args)).toEqual({
    ok: true,
    value: { message: "Live agent handoff initiated", summary: reason },
    action: { type: "end-call", end: { reason: "transfer", summary: reason } },
  })
})

test.each([["set-listen-mode"], ["set-silence-detection"]])(
  "%s takes true and false, and nothing else",
  async (name) => {
    expect(await call(name, { enabled: false })).toMatchObject({
      ok: true,
      action: { type: name, enabled: false },
    })
    for (const enabled of ["true", 1, null, undefined]) {
      expect(await call(name, { enabled })).toMatchObject({ ok: false, code: "INVALID_ARGUMENTS" })
    }
  },
)

test("change-context hands on keys and summary", async () => {
  const args = { newContext: "billing", newManifest: null, handoffSummary: "x" }
  expect(await call("change-context", args)).toMatchObject({
    ok: true,
    action: { type: "change-context", contextKey: "billing", summary: "x" },
  })
})

test.each([["../x"], ["a b"], [""], ["x".repeat(129)]])(
  "change-context refuses the key %p",
  async (newContext) => {
    expect(await call("change-context", { newContext })).toMatchObject({
      ok: false,
      code: "INVALID_ARGUMENTS",
    })
  },
)

test("send-sms without an account says so", async () => {
  expect(await call("send-sms", { message: "x" })).toEqual({
    ok: false,
    code: "NOT_CONFIGURED",
    message: "SMS send failed: this server has no Twilio account",
  })
})

test("a manifest offers what it names and no more; a service goes under its name", () => {
  const http = {
    url: "https://example.com/",
    method: "POST",
    headers: {},
    timeoutMs: 1000,
    retries: 0,
  } as const
  const specs = ["end-call", "unknown", "find-order"].map((name) => ({
    name,
    description: "",
    parameters: {},
  }))
  const tools = toolsOf(
    specs.map((spec) => (spec.name === "find-order" ? { ...spec, http } : spec)),
    { secrets: {}, allowPrivate: false },
  )
  expect([...tools.keys()]).toEqual(["end-call", "find-order"])
})
