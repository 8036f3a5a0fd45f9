import { describe, expect, test } from "bun:test"
import { RealtimeSettings } from "../../../src/assets/realtime-settings.ts"
import { encodeSessionUpdate } from "../../../src/realtime/protocol/client-events.ts"
import { canReason, sessionFor } from "../../../src/realtime/protocol/session-update.ts"
import { clientEventFaults, parseClientEvent } from "../../fakes/realtime-request-check.ts"
import { textsIn } from "../../lib/texts-in.ts"

const tool = {
  name: "end_call",
  description: "Ends the call",
  parameters: { type: "object", properties: {} },
  strict: true,
}

function session(settings: object = {}, plan: object = {}): Record<string, unknown> {
  const made = sessionFor({
    model: "gpt-realtime-2.1",
    transcribeModel: "gpt-transcribe",
    settings: RealtimeSettings.parse(settings),
    instructions: "Be kind",
    tools: [tool],
    ...plan,
  })
  expect(clientEventFaults(parseClientEvent(encodeSessionUpdate(made, "e"))!)).toEqual([])
  return { ...made }
}

test("an agent that says nothing about it gets a phone session with every value set", () => {
  expect(session()).toEqual({
    type: "realtime",
    output_modalities: ["audio"],
    instructions: "Be kind",
    audio: {
      input: {
        format: { type: "audio/pcmu" },
        noise_reduction: null,
        transcription: { model: "gpt-transcribe" },
        turn_detection: {
          type: "server_vad",
          threshold: 0.5,
          prefix_padding_ms: 300,
          silence_duration_ms: 500,
          idle_timeout_ms: null,
          create_response: true,
          interrupt_response: true,
        },
      },
      output: { format: { type: "audio/pcmu" }, voice: "marin", speed: 1 },
    },
    tools: [
      {
        type: "function",
        name: "end_call",
        description: "Ends the call",
        parameters: { type: "object", properties: {} },
      },
    ],
    tool_choice: "auto",
    max_output_tokens: "inf",
    truncation: "auto",
    reasoning: { effort: "low" },
  })
})

test("semantic turns, a custom voice, noise reduction, limits and truncation are passed on", () => {
  const made = session({
    turnDetection: { type: "semantic_vad", eagerness: "low", interruptResponse: false },
    voice: { id: "voice_1" },
    noiseReduction: "near_field",
    maxOutputTokens: 500,
    truncation: { retentionRatio: 0.8, postInstructionsTokens: 8000 },
    reasoningEffort: "minimal",
    transcription: null,
  })
  expect(made).toMatchObject({
    audio: {
      input: {
        noise_reduction: { type: "near_field" },
        transcription: null,
        turn_detection: {
          type: "semantic_vad",
          eagerness: "low",
          create_response: true,
          interrupt_response: false,
        },
      },
      output: { voice: { id: "voice_1" } },
    },
    max_output_tokens: 500,
    truncation: { type: "retention_ratio", retention_ratio: 0.8, token_limits: { post_instructions: 8000 } },
    reasoning: { effort: "minimal" },
  })
})

test("without tools the choice of tools stays open", () => {
  expect(session({ toolChoice: "required" }, { tools: [] })).toMatchObject({
    tools: [],
    tool_choice: "auto",
  })
})

test.each([
  ["gpt-realtime-2", true],
  ["gpt-realtime-2.1", true],
  ["gpt-realtime-2.1-mini", true],
  ["gpt-realtime-3", true],
  ["gpt-realtime-1.5", false],
  ["gpt-realtime", false],
  ["gpt-realtime-2025-08-28", false],
  ["gpt-realtime-mini", false],
  ["my-deployment", false],
])("reasoning is set only for a model that has it: %s", (model, expected) => {
  expect(canReason(model)).toBe(expected)
  expect("reasoning" in session({}, { model })).toBe(expected)
})

test.each([
  [
    "hints for today's model",
    { languages: ["en", "de"], keywords: ["Parley"] },
    "gpt-transcribe",
    { model: "gpt-transcribe", languages: ["en", "de"], keywords: ["Parley"] },
  ],
  [
    "one language for an older model",
    { languages: ["en"], keywords: ["Parley"] },
    "whisper-1",
    { model: "whisper-1", language: "en" },
  ],
  ["several are too many for it", { languages: ["en", "de"] }, "whisper-1", { model: "whisper-1" }],
  [
    "the agent's model wins",
    { model: "whisper-1", prompt: "Names" },
    "gpt-transcribe",
    { model: "whisper-1", prompt: "Names" },
  ],
  [
    "a model that cannot work beside turn detection is replaced",
    {},
    "gpt-live-transcribe",
    { model: "gpt-transcribe" },
  ],
])("transcription: %s", (_, transcription, transcribeModel, expected) => {
  const made = session({ transcription }, { transcribeModel })
  const { input } = made["audio"] as { input: { transcription: unknown } }
  expect(input.transcription).toEqual(expected)
})

describe("settings are refused", () => {
  test.each([
    ["an unknown name", { temperature: 1 }, "temperature"],
    ["speed out of range", { speed: 2 }, "speed"],
    ["a threshold out of range", { turnDetection: { type: "server_vad", threshold: 2 } }, "turnDetection"],
    [
      "a field of the other detection",
      { turnDetection: { type: "semantic_vad", threshold: 0.5 } },
      "turnDetection",
    ],
    ["an unknown detection", { turnDetection: { type: "none" } }, "turnDetection"],
    ["a streaming recogniser", { transcription: { model: "gpt-live-transcribe" } }, "transcription"],
    ["a keyword with a bracket", { transcription: { keywords: ["<b>"] } }, "transcription"],
    ["a language that is no code", { transcription: { languages: ["English"] } }, "transcription"],
    ["too many tokens", { maxOutputTokens: 5000 }, "maxOutputTokens"],
    ["an empty voice", { voice: "" }, "voice"],
  ])("%s", (_, settings, where) => {
    const parsed = RealtimeSettings.safeParse(settings)
    expect(textsIn(parsed.error?.issues)).toContainEqual(expect.stringContaining(where))
  })
})
