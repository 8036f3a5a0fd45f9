/** The built-in tools: what they take, what they answer, and what they ask of the call. */

import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import type { ToolContext } from "../../src/tools/define-tool.ts"
import { builtinTools } from "../../src/tools/registry.ts"

const CONTEXT: ToolContext = {
  callId: newCallId(),
  callSid: null,
  peer: "+15550100001",
  knowsContext: () => undefined,
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
      handoff: { reasonCode: "end-call", reason: "Ending the call", conversationSummary },
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
