import { expect, test } from "bun:test"
import { CallTools } from "../../src/realtime/call-tools.ts"
import type { CallAction, ToolOutcome } from "../../src/tools/define-tool.ts"

function fixture(outcome: ToolOutcome = { ok: true, value: { message: "Done." } }) {
  const steps: unknown[] = []
  const tools = new CallTools({
    agent: {
      runTool: async () => outcome,
      update: (action) => void steps.push({ update: action.type }),
      close: () => void steps.push("reminders stop"),
    },
    output: { act: (action) => void steps.push({ output: action.type }) },
    ending: { requestAfterSpeech: ({ reason }) => void steps.push({ end: reason }) },
    onEnding: () => void steps.push("ending"),
  })
  return { tools, steps }
}

test.each<{ action: CallAction; steps: unknown[] }>([
  { action: { type: "send-digits", digits: "12#" }, steps: [{ output: "send-digits" }] },
  { action: { type: "switch-language", ttsLanguage: "de-DE" }, steps: [{ output: "switch-language" }] },
  { action: { type: "set-listen-mode", enabled: true }, steps: [{ update: "set-listen-mode" }] },
  {
    action: { type: "set-silence-detection", enabled: false },
    steps: [{ update: "set-silence-detection" }],
  },
  { action: { type: "change-context", contextKey: "billing" }, steps: [{ update: "change-context" }] },
  {
    action: { type: "end-call", end: { reason: "agent-ended", detail: "solved" } },
    steps: [{ end: "agent-ended" }, "reminders stop", "ending"],
  },
])("$action.type reaches its part of the call", ({ action, steps: expected }) => {
  const { tools, steps } = fixture()
  tools.act(action)
  expect(steps).toEqual(expected)
})

const message = "Audio files cannot be played on this call."
const said = { ok: true, value: { message: "Done." } } as const
const failed = { ok: false, code: "TIMED_OUT", message: "Too slow." } as const

test.each<{ because: string; outcome: ToolOutcome; expected: ToolOutcome }>([
  { because: "a result stays as it is", outcome: said, expected: said },
  { because: "a failure stays as it is", outcome: failed, expected: failed },
  {
    because: "an audio file cannot be played on a media stream",
    outcome: { ...said, action: { type: "play-media", source: "https://example.com/a.mp3" } },
    expected: { ok: false, code: "NOT_AVAILABLE", message },
  },
])("$because", async ({ outcome, expected }) => {
  const { tools } = fixture(outcome)
  expect(await tools.run({ name: "tool", arguments: "{}" })).toEqual(expected)
})
