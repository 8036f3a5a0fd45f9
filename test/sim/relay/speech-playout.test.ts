import { expect, test } from "bun:test"
import { SpeechPlayout, type HeardItem, type SpeechText } from "../../../src/sim/relay/speech-playout.ts"
import { TestClock } from "../../lib/test-clock.ts"

const YIELDING = { interruptible: "any", preemptible: false } as const

/** A playout of ten characters a second, with everything it reports in order. */
function rig({ charactersPerSecond = 10, speechDelayMs = 0 } = {}) {
  const clock = new TestClock(0)
  const reported: string[] = []
  const spoken: HeardItem[] = []
  const playout = new SpeechPlayout({
    sweep: clock.sweep,
    charactersPerSecond,
    speechDelayMs,
    onHeard: (item) => spoken.push(item),
    onSpeaking: (on) => reported.push(`${clock.now()} ${on ? "on" : "off"}`),
    onClause: (text) => reported.push(`${clock.now()} ${text}`),
    onInterrupt: (heard, ms) => reported.push(`${clock.now()} cut after "${heard}" ${ms} ms`),
  })
  const say = (text: string, words: Partial<SpeechText> = {}) =>
    playout.addSpeech("reply", { text, last: true, ...words }, YIELDING)
  return {
    clock,
    playout,
    reported,
    spoken,
    say,
    heard: () => spoken.map(({ text, complete }) => ({ text, complete })),
  }
}

test("speech is reported clause by clause as it is heard", () => {
  const { clock, say, reported, spoken } = rig()
  say("Yes, of course.")
  clock.advance(5_000)
  expect(reported).toEqual(["0 on", "500 Yes,", "1500 of course.", "1500 off"])
  expect(spoken).toEqual([
    { at: 1500, source: "reply", text: "Yes, of course.", lang: undefined, complete: true, last: true },
  ])
})

test("one late visit reports the same, with the times at which it happened", () => {
  const clock = new TestClock(0)
  let now = 0
  const spoken: HeardItem[] = []
  const playout = new SpeechPlayout({
    sweep: Object.assign(clock.sweep, { clock: { now: () => now, monotonic: () => now } }),
    charactersPerSecond: 10,
    speechDelayMs: 0,
    onHeard: (item) => spoken.push(item),
  })
  playout.addSpeech("reply", { text: "One two.", last: true }, YIELDING)
  playout.addSpeech("reply", { text: "Three.", last: true }, YIELDING)
  now = 60_000
  clock.sweep.tick()
  expect(spoken.map(({ at, text }) => [at, text])).toEqual([
    [800, "One two."],
    [1_400, "Three."],
  ])
})

test("tokens are joined as they are, and the last words wait for the end of the cycle", () => {
  const { clock, say, reported, heard } = rig()
  say("Let me", { last: false })
  say(" check. On", { last: false })
  clock.advance(5_000)
  expect(reported).toEqual(["0 on", "1400 Let me check.", "1400 off"])
  say("e moment", { last: false })
  clock.advance(5_000)
  say("", { last: true })
  clock.advance(5_000)
  expect(reported.slice(3)).toEqual(["10000 on", "11000 One moment", "11000 off"])
  expect(heard()).toEqual([{ text: "Let me check. One moment", complete: true }])
})

test("an interruption cuts at a whole word and purges everything queued", () => {
  const { clock, say, playout, reported, heard } = rig()
  say("Once upon a time, there was")
  say("This is not heard.")
  clock.advance(1_240)
  expect(playout.interrupt("speech")).toBe("Once upon a")
  clock.advance(10_000)
  expect(reported).toEqual(["0 on", "1240 Once upon a", '1240 cut after "Once upon a" 1240 ms', "1240 off"])
  expect(heard()).toEqual([{ text: "Once upon a", complete: false }])
})

test("what is reported of the cut clause begins where the last one ended", () => {
  const { clock, say, playout, reported } = rig()
  say("Yes, of course I can")
  clock.advance(800)
  expect(playout.interrupt("speech")).toBe("Yes, of")
  expect(reported).toEqual(["0 on", "500 Yes,", "800 of", '800 cut after "Yes, of" 800 ms', "800 off"])
})

test("silence cannot be interrupted, nor can what is about to be said", () => {
  const { clock, say, playout, reported, heard } = rig({ speechDelayMs: 300 })
  expect(playout.interrupt("speech")).toBeUndefined()
  say("Hello.")
  clock.advance(299)
  expect(playout.interrupt("speech")).toBeUndefined()
  clock.advance(1_000)
  expect(reported).toEqual(["300 on", "900 Hello.", "900 off"])
  expect(heard()).toEqual([{ text: "Hello.", complete: true }])
})

test.each([
  ["any", "speech", true],
  ["any", "dtmf", true],
  ["speech", "dtmf", false],
  ["dtmf", "speech", false],
  ["none", "speech", false],
] as const)("speech with interruptible=%s meets %s: cut is %p", (interruptible, input, cut) => {
  const { clock, say, playout } = rig()
  say("One two three", { interruptible })
  clock.advance(400)
  expect(playout.yieldsTo(input)).toBe(cut)
  expect(playout.interrupt(input)).toBe(cut ? "One" : undefined)
})

test("a flag of an earlier token holds for the rest of its cycle", () => {
  const { clock, say, playout } = rig()
  say("One two ", { last: false, interruptible: "none" })
  say("three. ", { last: false })
  say("")
  clock.advance(500)
  expect(playout.interrupt("speech")).toBeUndefined()
})

test("preemptible speech gives way to the next cycle, with no interruption reported", () => {
  const { clock, say, reported, heard } = rig()
  say("One moment please", { preemptible: true })
  clock.advance(350)
  say("Here it is.")
  clock.advance(5_000)
  expect(reported).toEqual(["0 on", "1450 Here it is.", "1450 off"])
  expect(heard()).toEqual([
    { text: "One", complete: false },
    { text: "Here it is.", complete: true },
  ])
})

test("tokens of one preemptible cycle do not cut each other, and plain speech is waited for", () => {
  const { clock, say, heard } = rig()
  say("First. ")
  say("Second, ", { preemptible: true, last: false })
  say("all.", { preemptible: true })
  clock.advance(10_000)
  expect(heard()).toEqual([
    { text: "First. ", complete: true },
    { text: "Second, all.", complete: true },
  ])
})

test("audio and digits are played in their place; digits are reported", () => {
  const { clock, say, playout, reported, spoken } = rig()
  say("Wait", { last: false })
  playout.addClip("digits", "12", 200, { interruptible: "none", preemptible: false })
  playout.addClip("audio", "https://parley.test/a.mp3", 1_000, YIELDING)
  clock.advance(5_000)
  expect(reported).toEqual(["0 on", "400 Wait", "600 12", "1600 off"])
  expect(spoken.map(({ source, text, at }) => [source, text, at])).toEqual([
    ["reply", "Wait", 400],
    ["digits", "12", 600],
    ["audio", "https://parley.test/a.mp3", 1600],
  ])
})

test("heardWords resolves at the word, or when the utterance ends before it", async () => {
  const { clock, say, playout } = rig()
  const reached: string[] = []
  const watch = async (words: number) => {
    await playout.heardWords(words)
    reached.push(`${words} at ${clock.now()}`)
  }
  const all = [watch(2), watch(9)]
  say("One two three.")
  await clock.pass(3_000, 1)
  await Promise.all(all)
  expect(reached).toEqual(["2 at 700", "9 at 1400"])
})

test("heardWords resolves at once for words that were heard", async () => {
  const { clock, say, playout } = rig()
  say("One two three.")
  clock.advance(500)
  await playout.heardWords(1)
  expect(playout.speaking).toBe(true)
})

test("at an infinite pace everything is heard at once and no deadline is left", () => {
  const { clock, say, reported, heard } = rig({ charactersPerSecond: Number.POSITIVE_INFINITY })
  say("Yes, ", { last: false })
  say("sure.")
  expect(reported).toEqual(["0 on", "0 Yes,", "0 off", "0 on", "0 sure.", "0 off"])
  expect(heard()).toEqual([{ text: "Yes, sure.", complete: true }])
  expect(clock.sweep.size).toBe(0)
})

test("empty cycles say nothing", () => {
  const { clock, say, reported, heard } = rig()
  say("")
  say("", { last: false })
  clock.advance(1_000)
  expect({ reported, heard: heard() }).toEqual({ reported: [], heard: [] })
})

test("discarding ends all playout and leaves no deadline", () => {
  const { clock, say, playout, reported, heard } = rig()
  say("One two three")
  clock.advance(500)
  playout.discard()
  clock.advance(5_000)
  expect(reported).toEqual(["0 on"])
  expect(heard()).toEqual([{ text: "One", complete: false }])
  expect(clock.sweep.size).toBe(0)
})
