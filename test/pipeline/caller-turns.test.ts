/** What the caller's words mean while the agent speaks, event by event. */

import { beforeAll, expect, test } from "bun:test"
import { storedPrompt } from "../../src/audio/prompts.ts"
import { loadVoiceDetector } from "../../src/audio/voice-detector.ts"
import { newCallId } from "../../src/call/ids.ts"
import { CallerTurns } from "../../src/pipeline/caller-turns.ts"
import type { TranscriberListener } from "../../src/speech/transcriber.ts"
import { TestClock } from "../lib/test-clock.ts"

beforeAll(() => loadVoiceDetector())

function fixture(saying: string) {
  const clock = new TestClock()
  const log: string[] = []
  let listener: TranscriberListener = () => {}
  const queue = {
    isSpeaking: true,
    isPaused: false,
    saying,
    leftMs: 3_000,
    quietAt: () => clock.monotonic() + queue.leftMs,
    pause: () => log.push("pause"),
    resume() {},
  }
  const turns = new CallerTurns({
    callId: newCallId(),
    tap: { hasListeners: () => false, inbound() {}, outbound() {} },
    open(given) {
      listener = given
      return { hear() {}, expect() {}, close() {} }
    },
    rule: { characters: 5, voiceMs: 100, falseInterruption: "resume" },
    queue,
    onSpeech: () => log.push("speech"),
    onInterruption() {
      log.push("interrupted")
      queue.isSpeaking = false
    },
    onTurn: (text, { answered }) => log.push(`${answered ? "turn" : "note"}: ${text}`),
    onFailed() {},
    sweep: clock.sweep,
  })
  return {
    log,
    queue,
    turns,
    interim: (...texts: string[]) => texts.forEach((text) => listener({ type: "interim", text })),
    end: (text: string) => listener({ type: "turn-ended", text, untilMs: 0 }),
    /** The caller is audible for half a second. */
    audible() {
      const voice = storedPrompt("long-story").audio.subarray(8_000, 12_000)
      for (let at = 0; at < voice.length; at += 160) {
        turns.hear(Buffer.from(voice.subarray(at, at + 160)).toString("base64"))
        clock.advance(20)
      }
    },
    /** The agent was heard to its end. */
    quiet() {
      queue.isSpeaking = false
      queue.saying = ""
      queue.leftMs = 0
    },
  }
}

const SAYING = "We open at nine in the morning, and close at five."

test("an echo is no turn of the caller, also when its end is noticed after the agent was heard", () => {
  const it = fixture(SAYING)
  it.interim("we", "we open", "we open at nine")
  it.quiet()
  it.interim("we open at nine in the morning and close at five")
  it.end("We open at nine in the morning and close at five.")
  it.end("Thank you.")
  expect(it.log).toEqual(["speech", "speech", "turn: Thank you."])
})

test("an answer that repeats the words of the agent counts when the agent is about to finish", () => {
  const it = fixture("Do you want the small one or the large one?")
  it.queue.leftMs = 1_000
  it.interim("the large one")
  it.quiet()
  it.end("The large one.")
  expect(it.log).toEqual(["turn: The large one."])
})

test("a caller who speaks into the echo interrupts, and the whole turn is answered", () => {
  const it = fixture(SAYING)
  it.interim("we open at", "we open at no wait please stop")
  it.end("We open at no wait please stop.")
  expect(it.log).toEqual(["speech", "interrupted", "turn: We open at no wait please stop."])
})

test("one or two words of the agent wait for the words behind them", () => {
  const it = fixture(SAYING)
  it.interim("morning")
  expect(it.log).toEqual(["speech"])
  it.interim("morning, all of you")
  expect(it.log).toEqual(["speech", "speech", "interrupted"])
})

test("the voice of a phone menu does not pause the keys that are sent to it", () => {
  const it = fixture("")
  it.turns.expect("menu")
  it.audible()
  expect(it.log).toEqual([])
  it.turns.expect("conversation")
  it.audible()
  expect(it.log).toEqual(["pause"])
})
