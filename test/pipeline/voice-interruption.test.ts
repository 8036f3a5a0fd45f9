/** The agent pauses while the caller is audible, and continues after a noise. */

import { beforeAll, expect, test } from "bun:test"
import { storedPrompt } from "../../src/audio/prompts.ts"
import { silence } from "../../src/audio/mulaw.ts"
import { loadVoiceDetector } from "../../src/audio/voice-detector.ts"
import { VoiceInterruption } from "../../src/pipeline/voice-interruption.ts"
import { TestClock } from "../lib/test-clock.ts"

beforeAll(() => loadVoiceDetector())

const FRAME = 160
const SPEECH = storedPrompt("long-story").audio

function fixture({ isFinal = false } = {}) {
  const clock = new TestClock()
  const log: string[] = []
  const queue = {
    isSpeaking: true,
    isPaused: false,
    pause() {
      queue.isPaused = true
      log.push("pause")
    },
    resume() {
      if (queue.isPaused) log.push("resume")
      queue.isPaused = false
    },
  }
  const onInterruption = () => {
    queue.isSpeaking = false
    log.push("interrupted")
  }
  const voice = new VoiceInterruption({ voiceMs: 300, isFinal, queue, onInterruption, sweep: clock.sweep })
  /** Plays audio in frames of 20 ms, at its pace. */
  const hear = (audio: Uint8Array) => {
    for (let at = 0; at + FRAME <= audio.length; at += FRAME) {
      voice.hear(audio.subarray(at, at + FRAME))
      clock.advance(20)
    }
  }
  return { clock, log, voice, queue, hear }
}

test("voice pauses the agent, and it continues when no words follow", () => {
  const { log, hear } = fixture()
  hear(SPEECH.subarray(0, 8 * 700))
  expect(log).toEqual(["pause"])
  hear(silence(1_500))
  expect(log).toEqual(["pause", "resume"])
})

test("a click does not", () => {
  const { log, hear } = fixture()
  hear(silence(500))
  hear(SPEECH.subarray(8 * 200, 8 * 300))
  hear(silence(2_000))
  expect(log).toEqual([])
})

test("words that are no interruption let it continue at once; after an interruption nothing does", () => {
  const first = fixture()
  first.hear(SPEECH.subarray(0, 8 * 700))
  first.voice.dismissed()
  expect(first.log).toEqual(["pause", "resume"])

  const second = fixture()
  second.hear(SPEECH.subarray(0, 8 * 700))
  second.queue.isPaused = false
  second.queue.isSpeaking = false
  second.voice.over()
  second.hear(silence(2_000))
  expect(second.log).toEqual(["pause"])
})

test("nothing pauses while the agent is silent", () => {
  const { log, queue, hear } = fixture()
  queue.isSpeaking = false
  hear(SPEECH.subarray(0, 8 * 700))
  expect(log).toEqual([])
})

test("with `cut`, the voice alone interrupts", () => {
  const { log, hear } = fixture({ isFinal: true })
  hear(SPEECH.subarray(0, 8 * 700))
  expect(log).toEqual(["interrupted"])
})
