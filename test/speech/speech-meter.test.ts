import { expect, test } from "bun:test"
import {
  hearModelOf,
  meteredSynthesizer,
  meteredTranscriber,
  speakModelOf,
} from "../../src/speech/speech-meter.ts"
import type { TranscriberListener } from "../../src/speech/transcriber.ts"
import { speechUsage } from "../../src/pipeline/speech-usage.ts"
import type { Usage } from "../../src/call/usage.ts"

const ACCOUNTS = {
  deepgram: {},
  elevenlabs: {},
  openai: { transcribeModel: "gpt-transcribe", ttsModel: "gpt-realtime-2.1-mini" },
}

function usage() {
  const kept: Usage[] = []
  return { kept, meter: speechUsage((used) => kept.push(used)) }
}

test("audio is counted in seconds, after each turn and at the end, over all connections", () => {
  const { kept, meter } = usage()
  const passed: string[] = []
  let listener: TranscriberListener = () => {}
  const open = meteredTranscriber(
    (given) => {
      listener = given
      return {
        hear: (audio) => void passed.push(`hear ${audio.length}`),
        expect: (profile) => void passed.push(`expect ${profile}`),
        close: () => void passed.push("close"),
      }
    },
    "deepgram:flux",
    meter,
  )
  const events: string[] = []
  const first = open(({ type }) => events.push(type), "conversation")
  first.hear(new Uint8Array(8000))
  first.expect("menu")
  listener({ type: "interim", text: "a" })
  listener({ type: "turn-ended", text: "a", untilMs: 1000 })
  listener({ type: "failed", failure: { kind: "lost", reason: "gone" } as never })
  const second = open(() => {}, "conversation")
  second.hear(new Uint8Array(4000))
  second.close()
  expect({ passed, events }).toEqual({
    passed: ["hear 8000", "expect menu", "hear 4000", "close"],
    events: ["interim", "turn-ended", "failed"],
  })
  const row = { kind: "transcription", model: "deepgram:flux", cost: null }
  expect(kept).toEqual([
    { ...row, amounts: { seconds: 1 } },
    { ...row, amounts: { seconds: 1.5 } },
  ] as Usage[])
})

test("speech is counted in characters that were given to the provider, once", () => {
  const { kept, meter } = usage()
  const passed: string[] = []
  const open = meteredSynthesizer(
    () => ({
      speak: () => ({
        say: (clause) => void passed.push(clause),
        finish: () => void passed.push("finish"),
        cancel: (heardMs) => void passed.push(`cancel ${heardMs}`),
      }),
      close: () => void passed.push("close"),
    }),
    "deepgram:aura-2",
    meter,
  )
  const synthesizer = open(() => {})
  const utterance = synthesizer.speak(() => {})
  utterance.say("Hello. ")
  utterance.say("Bye.")
  utterance.finish()
  utterance.cancel(100)
  const next = synthesizer.speak(() => {})
  next.say("Yes")
  next.cancel(0)
  synthesizer.close()
  expect(passed).toEqual(["Hello. ", "Bye.", "finish", "cancel 100", "Yes", "cancel 0", "close"])
  expect(kept.map(({ kind, amounts }) => ({ kind, amounts }))).toEqual([
    { kind: "speech", amounts: { characters: 11 } },
    { kind: "speech", amounts: { characters: 14 } },
  ])
})

test.each([
  [hearModelOf({ provider: "deepgram" }, ACCOUNTS), "deepgram:flux"],
  [hearModelOf({ provider: "deepgram", model: "nova-3" }, ACCOUNTS), "deepgram:nova-3"],
  [hearModelOf({ provider: "openai" }, ACCOUNTS), "openai:gpt-transcribe"],
  [speakModelOf({ provider: "deepgram" }, ACCOUNTS), "deepgram:flux-tts"],
  [speakModelOf({ provider: "deepgram", voice: "aura-2-thalia-en" }, ACCOUNTS), "deepgram:aura-2"],
  [speakModelOf({ provider: "deepgram", voice: "aura-asteria-en" }, ACCOUNTS), "deepgram:aura-1"],
  [speakModelOf({ provider: "elevenlabs" }, ACCOUNTS), "elevenlabs:eleven_flash_v2_5"],
  [speakModelOf({ provider: "openai-compatible", model: "kokoro" }, ACCOUNTS), "openai-compatible:kokoro"],
])("the name %s is that of the table of prices", (name, expected) => expect(name).toBe(expected))
