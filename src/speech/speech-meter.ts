/** Counts what each provider of a call is given: seconds of audio to recognise, characters to speak. */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import type { HearChoice, SpeakChoice, SpeechAccounts } from "./choices.ts"
import type { OpenSynthesizer } from "./synthesizer.ts"
import type { OpenTranscriber } from "./transcriber.ts"

/** Receives what was added, after each turn or utterance. `model`: its name in the table of prices. */
export type SpeechMeter = {
  recognised(model: string, seconds: number): void
  spoken(model: string, characters: number): void
}

/** The same transcriber, counted. */
export function meteredTranscriber(
  open: OpenTranscriber,
  model: string,
  meter: SpeechMeter,
): OpenTranscriber {
  return function openMetered(listener, profile) {
    let bytes = 0
    const report = () => {
      if (bytes > 0) meter.recognised(model, bytes / MULAW_BYTES_PER_MS / 1000)
      bytes = 0
    }
    const transcriber = open((event) => {
      listener(event)
      if (event.type === "turn-ended" || event.type === "failed") report()
    }, profile)
    return {
      hear(audio) {
        bytes += audio.length
        transcriber.hear(audio)
      },
      expect: (next) => transcriber.expect(next),
      close() {
        transcriber.close()
        report()
      },
    }
  }
}

/** The same synthesizer, counted. */
export function meteredSynthesizer(
  open: OpenSynthesizer,
  model: string,
  meter: SpeechMeter,
): OpenSynthesizer {
  return function openMetered(lost) {
    const synthesizer = open(lost)
    return {
      speak(listener) {
        const utterance = synthesizer.speak(listener)
        let characters = 0
        const report = () => {
          if (characters > 0) meter.spoken(model, characters)
          characters = 0
        }
        return {
          say(clause) {
            characters += clause.length
            utterance.say(clause)
          },
          finish() {
            utterance.finish()
            report()
          },
          cancel(heardMs) {
            utterance.cancel(heardMs)
            report()
          },
        }
      },
      close: () => synthesizer.close(),
    }
  }
}

/** Names as in the table of prices; of Deepgram those of the families, which share a price. */
export function hearModelOf({ provider, model }: HearChoice, accounts: SpeechAccounts): string {
  if (provider === "embedded") return "embedded"
  if (provider !== "deepgram") return `${provider}:${model ?? accounts.openai.transcribeModel}`
  return `deepgram:${model === undefined || model.startsWith("flux") ? "flux" : model}`
}

export function speakModelOf(choice: SpeakChoice, accounts: SpeechAccounts): string {
  const { provider, model, voice = "flux" } = choice
  switch (provider) {
    case "deepgram":
      return `deepgram:${voice.startsWith("flux") ? "flux-tts" : voice.startsWith("aura-2") ? "aura-2" : "aura-1"}`
    case "elevenlabs":
      return `elevenlabs:${model ?? "eleven_flash_v2_5"}`
    case "openai":
    case "openai-compatible":
      return `${provider}:${model ?? accounts.openai.ttsModel}`
    case "embedded":
      return "embedded"
    default:
      return provider satisfies never
  }
}
