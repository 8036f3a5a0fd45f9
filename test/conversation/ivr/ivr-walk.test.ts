import { expect, test } from "bun:test"
import type { CallEvent } from "../../../src/call/events.ts"
import { newCallId } from "../../../src/call/ids.ts"
import { DEFAULT_IVR_RULES, type IvrRules } from "../../../src/call/ivr-menu.ts"
import type { Turn } from "../../../src/call/turn.ts"
import { History } from "../../../src/conversation/history.ts"
import type { DetectHuman, HeardSentence } from "../../../src/conversation/ivr/human-detection.ts"
import { IvrWalk } from "../../../src/conversation/ivr/ivr-walk.ts"
import type { MenuChoice } from "../../../src/conversation/ivr/ivr-navigator.ts"
import { notedLog } from "../../relay/fixture.ts"
import { settled } from "../../fakes/scripted-model.ts"
import { TestClock } from "../../lib/test-clock.ts"

const MENU = [
  { intent: "npi", triggers: ["npi number"], response: "1234#" },
  { intent: "person", triggers: ["representative"], response: "representative" },
]

class WalkFixture implements Disposable {
  readonly clock = new TestClock()
  readonly log = notedLog()
  /** Keys, words and how the walk ended. */
  readonly notes: string[] = []
  readonly events: CallEvent[] = []
  readonly turns: Turn[] = []
  /** What was to be judged, with the answer. */
  readonly asked: { heard: HeardSentence; answer: PromiseWithResolvers<boolean>; signal: AbortSignal }[] = []
  choice: MenuChoice = { kind: "wait" }
  readonly history = new History({ callId: newCallId(), keep: (turn) => this.turns.push(turn) })
  readonly walk: IvrWalk

  constructor({ rules = {}, elapsedMs = 0 }: { rules?: Partial<IvrRules>; elapsedMs?: number } = {}) {
    this.walk = new IvrWalk({
      menu: MENU,
      rules: { ...DEFAULT_IVR_RULES, ...rules },
      detectHuman: this.#detect,
      chooseFromMenu: () => Promise.resolve(this.choice),
      output: {
        press: (keys) => this.notes.push(`press ${keys}`),
        say: (words) => this.notes.push(`say ${words}`),
      },
      history: this.history,
      elapsedMs,
      reached: (words) => this.notes.push(`reached ${words}`),
      gaveUp: (reason) => this.notes.push(`gave up ${reason}`),
      sweep: this.clock.sweep,
      log: this.log,
      publish: (event) => this.events.push(event),
    })
  }

  readonly #detect: DetectHuman = (heard, signal) => {
    const answer = Promise.withResolvers<boolean>()
    this.asked.push({ heard, answer, signal })
    return answer.promise
  }

  get types(): string[] {
    return this.events.map(({ type }) => type)
  }

  [Symbol.dispose](): void {
    this.walk.close()
    expect(this.clock.sweep.size).toBe(0)
    this.clock[Symbol.dispose]()
  }
}

test("each step is published, both sides are recorded, and no model reads them", () => {
  using s = new WalkFixture()
  s.walk.hear("Please enter your NPI number")
  s.walk.hear("Thank you")
  expect(s.notes).toEqual(["press 1234#"])
  expect(s.types).toEqual(["ivr.started", "ivr.heard", "ivr.answered", "ivr.heard", "ivr.waited"])
  expect(s.turns.map(({ kind, speaker, text }) => `${kind} ${speaker}: ${text}`)).toEqual([
    "ivr caller: Please enter your NPI number",
    "ivr agent: 1234#",
    "ivr caller: Thank you",
  ])
  expect(s.history.items()).toEqual([])
})

test("one sentence is judged at a time; what is heard meanwhile is judged as one, or belongs to the person", async () => {
  using s = new WalkFixture()
  s.walk.hear("Say representative")
  s.walk.hear("One")
  s.walk.hear("two")
  s.walk.hear("three")
  expect(s.asked.map(({ heard }) => heard.sentence)).toEqual(["One"])
  s.asked[0]?.answer.resolve(false)
  await settled()
  expect(s.asked.map(({ heard }) => heard.sentence)).toEqual(["One", "two three"])
  s.walk.hear("Are you there?")
  s.asked[1]?.answer.resolve(true)
  await settled()
  expect(s.notes).toEqual(["say representative", "reached two three Are you there?"])
  expect(s.types.at(-1)).toBe("ivr.human-reached")
})

test.each([
  ["fails", (s: WalkFixture) => s.asked[0]?.answer.reject(new Error("no model"))],
  ["takes too long", (s: WalkFixture) => s.clock.advance(5000)],
])("a model that %s counts as no person", async (_, fail) => {
  using s = new WalkFixture()
  s.walk.hear("Say representative")
  s.walk.hear("Enter your NPI number")
  fail(s)
  await settled()
  expect(s.notes).toEqual(["say representative", "press 1234#"])
  expect(s.log.lines).toEqual(["warn a phone menu was judged without the model"])
})

test("the end of the session aborts the question, and its answer changes nothing", async () => {
  using s = new WalkFixture()
  s.walk.hear("Say representative")
  s.walk.hear("Hello")
  s.walk.close()
  expect(s.asked[0]?.signal.aborted).toBe(true)
  s.asked[0]?.answer.resolve(true)
  await settled()
  s.walk.hear("NPI number")
  expect(s.notes).toEqual(["say representative"])
  expect(s.log.lines).toEqual([])
})

test("before the last entry, time without a match ends the walk; after it the queue is waited for", () => {
  using stuck = new WalkFixture({ rules: { stuckSeconds: 10 } })
  stuck.clock.advance(9000)
  stuck.walk.hear("NPI number")
  stuck.clock.advance(9000)
  expect(stuck.notes).toEqual(["press 1234#"])
  stuck.clock.advance(2000)
  expect(stuck.notes).toEqual(["press 1234#", "gave up stuck"])

  using queued = new WalkFixture({ rules: { stuckSeconds: 10, longestSeconds: 100 }, elapsedMs: 20_000 })
  queued.walk.hear("Say representative")
  queued.clock.advance(79_000)
  expect(queued.notes).toEqual(["say representative"])
  queued.clock.advance(2000)
  expect(queued.notes).toEqual(["say representative", "gave up time"])
  expect(queued.events.at(-1)).toEqual({ type: "ivr.gave-up", reason: "time" })
})

test("a program can say something to the menu, until the walk is over", () => {
  using s = new WalkFixture()
  s.walk.say("claims department")
  s.walk.close()
  s.walk.say("nobody hears this")
  expect(s.notes).toEqual(["say claims department"])
  expect(s.turns.map(({ kind, speaker, text }) => `${kind} ${speaker}: ${text}`)).toEqual([
    "ivr agent: claims department",
  ])
})

test("a model may choose from a menu that no entry matches", async () => {
  using s = new WalkFixture({ rules: { chooseFromMenu: true } })
  s.choice = { kind: "press", text: "4" }
  s.walk.hear("For enrolment, press 4.")
  await settled()
  expect(s.notes).toEqual(["press 4"])
  expect(s.events.at(-1)).toMatchObject({ type: "ivr.answered", action: "press", intent: null })
})
