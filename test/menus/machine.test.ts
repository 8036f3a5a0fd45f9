/** The menu machine: what each kind of step understands, says and does next, and that no input leads to a dead end. */

import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Menu } from "../../src/assets/menu.ts"
import type { MenuInput } from "../../src/menus/scene.ts"
import { spokenDigits, spokenYesNo } from "../../src/menus/spoken-words.ts"
import { parseTwiml, type TwimlVerb } from "../../src/sim/twiml-reader.ts"
import { renderNextStep } from "../../src/twilio/twiml.ts"
import { faultsOf, menuFrom, NOON, Walk, type WalkOptions } from "./fixture.ts"

const AGENT = { agent: true }

/** A menu of one question, which leads to the agent. */
function asking(step: object, menu: object = {}): Menu {
  return menuFrom({ start: "q", ...menu, steps: { q: { say: "Question?", ...step } } })
}

const CHOICE = {
  kind: "choice",
  choices: [
    { key: "1", words: ["sales", "new order"], then: { agent: "sales" } },
    { key: "2", words: { en: ["support", "order"], de: ["Hilfe"] }, then: { transfer: "+15550100003" } },
    { key: "*", words: [], then: "q" },
    { words: ["goodbye"], then: { say: "Bye.", hangUp: true } },
  ],
}

describe("a choice", () => {
  test.each([
    ["a key", { kind: "keys", digits: "2" }, "transfer +15550100003"],
    ["a star", { kind: "keys", digits: "*" }, "ask q"],
    ["another key", { kind: "keys", digits: "9" }, "ask q"],
    ["a word", { kind: "speech", text: "Sales, please." }, "agent sales"],
    ["the longest phrase", { kind: "speech", text: "I have a new order" }, "agent sales"],
    ["a shorter phrase", { kind: "speech", text: "my ORDER" }, "transfer +15550100003"],
    ["a word of another language", { kind: "speech", text: "hilfe" }, "transfer +15550100003"],
    ["the number of the key", { kind: "speech", text: "press two" }, "transfer +15550100003"],
    ["part of a word", { kind: "speech", text: "wholesales" }, "ask q"],
    ["two choices at once", { kind: "speech", text: "sales or support" }, "ask q"],
    ["words without a key", { kind: "speech", text: "well, goodbye then" }, "hang-up"],
  ] as const)("takes %s", (_, input, at) => {
    expect(new Walk(asking(CHOICE)).give(input).at).toBe(at)
  })

  test("asks for one key, or as many as the longest has, with its words as hints", () => {
    const { action } = new Walk(asking(CHOICE)).state
    expect(action).toMatchObject({
      numDigits: 1,
      finishOnKey: "",
      hints: expect.arrayContaining(["new order"]),
    })
  })

  test("ends politely after its last attempt, or goes where it says", () => {
    const walk = new Walk(asking({ ...CHOICE, retries: 1 }))
    expect(walk.silence().heard).toEqual(["I did not get an answer.", "Question?"])
    expect(walk.keys("8").at).toBe("hang-up")
    expect(walk.heard).toEqual(["I am sorry, I could not understand you. Please call again later. Goodbye."])
    const other = new Walk(asking({ ...CHOICE, retries: 0, otherwise: { say: "So be it.", agent: "night" } }))
    expect([other.silence().at, other.heard]).toEqual(["agent night", ["So be it."]])
    const ofMenu = asking({ ...CHOICE, retries: 0 }, { otherwise: { agent: "night" } })
    expect(new Walk(ofMenu).silence().at).toBe("agent night")
  })
})

test.each([
  ["en", "Yes, that's right", "agent of the call"],
  ["en", "Nope", "hang-up"],
  ["en", "yes no maybe", "ask q"],
  ["en", "nose", "ask q"],
  ["de-AT", "Ja, genau.", "agent of the call"],
  ["de", "nein", "hang-up"],
  ["es", "Sí", "agent of the call"],
  ["fr", "Oui", "agent of the call"],
  ["fr", "non", "hang-up"],
  ["it", "Sì, certo", "agent of the call"],
  ["pt-BR", "não", "hang-up"],
  ["nl", "Ja hoor", "agent of the call"],
])("in %s, %s is understood", (language, text, at) => {
  const step = { kind: "yes-no", yes: AGENT, no: { hangUp: true } }
  expect(new Walk(asking(step, { language })).say(text).at).toBe(at)
})

describe("digits", () => {
  const value = (language: string, input: MenuInput, step: object = {}) => {
    const menu = asking({ kind: "digits", saveAs: "v", then: AGENT, ...step }, { language })
    return new Walk(menu).give(input).state.values["v"]
  }

  test.each([
    ["en", "four five six", "456"],
    ["en", "double five, oh, triple one", "550111"],
    ["en", "it is 12-34", "1234"],
    ["de", "null eins zwo drei", "0123"],
    ["de", "fünf", "5"],
    ["es", "uno dos siete", "127"],
    ["fr", "zéro un huit", "018"],
    ["it", "tre sei", "36"],
    ["pt", "meia três", "63"],
    ["nl", "één vier", "14"],
  ])("of %s: %s", (language, text, digits) => {
    expect(value(language, { kind: "speech", text })).toBe(digits)
  })

  test.each([
    ["1234", { length: 4 }, "1234"],
    ["123", { length: 4 }, undefined],
    ["12345", { min: 2, max: 4 }, undefined],
    ["1*3", {}, undefined],
    ["", {}, undefined],
  ])("%s with %j is %s", (digits, step, expected) => {
    expect(value("en", { kind: "keys", digits }, step)).toBe(expected)
  })

  test("are read back digit by digit, and rejected ones are asked for again", () => {
    const walk = new Walk(asking({ kind: "digits", length: 3, confirm: true, saveAs: "v", then: AGENT }))
    expect(walk.keys("123").at).toBe("confirm q")
    expect(walk.heard[0]).toStartWith("You entered 1, 2, 3.")
    expect([walk.say("no").at, walk.heard]).toEqual(["ask q", ["Please enter it again."]])
    expect([walk.keys("124").say("mm").at, walk.keys("1").at]).toEqual(["confirm q", "agent of the call"])
    expect(walk.state.values).toEqual({ v: "124" })
  })

  test("that are rejected again and again end the question", () => {
    const walk = new Walk(asking({ kind: "digits", length: 1, confirm: true, retries: 2, then: AGENT }))
    for (const attempt of ["1", "2", "3"]) walk.keys(attempt).keys("2")
    expect(walk.at).toBe("hang-up")
  })
})

describe("a date", () => {
  const dated = (order: string, input: MenuInput, { language = "en", when = "any" } = {}) =>
    new Walk(asking({ kind: "date", order, when, saveAs: "v", then: AGENT }, { language })).give(input).state
      .values["v"]

  test.each([
    ["dmy", "12031985", "1985-03-12"],
    ["mdy", "03121985", "1985-03-12"],
    ["ymd", "19850312", "1985-03-12"],
    ["dmy", "120385", "1985-03-12"],
    ["dmy", "120330", "2030-03-12"],
    ["dmy", "31022026", undefined],
    ["dmy", "1203", undefined],
  ])("%s %s is %s", (order, digits, expected) => {
    expect(dated(order, { kind: "keys", digits })).toBe(expected)
  })

  test.each([
    ["en", "March 12th, 1985"],
    ["en", "the 12 of March 1985"],
    ["en", "12.03.1985"],
    ["en", "1985-03-12"],
    ["de", "am 12. März 1985"],
    ["fr", "12 mars 1985"],
    ["es", "12 de marzo de 1985"],
    ["it", "il 12 marzo 1985"],
    ["pt", "12 de março de 1985"],
    ["nl", "12 maart 1985"],
  ])("in %s: %s", (language, text) => {
    expect(dated("dmy", { kind: "speech", text }, { language })).toBe("1985-03-12")
  })

  test("may have to be in the past or in the future", () => {
    const tomorrow = { kind: "keys", digits: "28112026" } as const
    expect([dated("dmy", tomorrow, { when: "past" }), dated("dmy", tomorrow, { when: "future" })]).toEqual([
      undefined,
      "2026-11-28",
    ])
  })
})

test.each([
  ["twenty-one", "en-US"],
  ["fifty five", "en-US"],
  ["one hundred", "en-US"],
  ["einundzwanzig", "de-DE"],
  ["dreißig eins", "de-DE"],
  ["veintiuno dos", "es-ES"],
  ["trente et un", "fr-FR"],
  ["ventuno uno", "it-IT"],
  ["vinte e um", "pt-BR"],
  ["twintig een", "nl-NL"],
])("%p in %s is no single digit", (text, language) => {
  expect(spokenDigits(text, language)).toBe("")
})

describe("today", () => {
  const dateMenu = (when: string, timeZone: string) =>
    menuFrom({
      timeZone,
      start: "day",
      steps: { day: { kind: "date", say: "Which day?", order: "ymd", when, then: { hangUp: true } } },
    })

  test.each([
    ["future", "America/New_York", "2026-11-28T01:00:00Z", "20261127", "hang-up"],
    ["past", "America/New_York", "2026-11-28T01:00:00Z", "20261128", "ask day"],
    ["past", "Pacific/Auckland", "2026-11-27T20:00:00Z", "20261128", "hang-up"],
    ["future", "Pacific/Auckland", "2026-11-27T20:00:00Z", "20261127", "ask day"],
  ])("is %s in %s", (when, timeZone, now, digits, at) => {
    expect(new Walk(dateMenu(when, timeZone), { now: Date.parse(now) }).keys(digits).at).toBe(at)
  })
})

const closed = { open: { hangUp: true }, closed: { hangUp: true } }

test.each([
  [
    { kind: "hours", hours: { mon: "9-17" }, ...closed },
    "hours.mon: must be a range of times, such as 09:00-17:30; the end may be past midnight",
  ],
  [{ kind: "say", say: 5, then: { hangUp: true } }, "say: must be a text or an object or a list"],
  [{ kind: "say", say: "x", then: "my step" }, "then: must be 1 to 64 letters, digits, _ or -"],
  [{ kind: "say", say: "x" }, "then: must be a text or an object"],
  [
    { kind: "say", say: { English: "x" }, then: { hangUp: true } },
    "say.English: as a key: must be a language tag, such as en-US",
  ],
  [
    { kind: "say", say: { audio: "hello.mp3" }, then: { hangUp: true } },
    "say.audio: must be an address that begins with https:// or http://",
  ],
])("a field of several forms is refused with what it must be: %j", (step, fault) => {
  expect(faultsOf({ start: "a", steps: { a: step } })).toEqual([`test.json:1 steps.a.${fault}`])
})

test("the address of an audio file keeps its query", () => {
  const audio = "https://example.com/a.mp3?signature=1"
  expect(new Walk(asking({ kind: "say", say: { audio }, then: { hangUp: true } })).heard[0]).toBe(audio)
})

test.each(["en-12", "de-DE-DE", "xx-aaaaa-aaaaa"])(
  "the language %s is refused, in which no date can be written",
  (language) => {
    const menu = { language, start: "a", steps: { a: { kind: "say", say: "x", then: { hangUp: true } } } }
    expect(faultsOf(menu)).toEqual(["test.json:1 language: must be a language tag, such as en-US"])
  },
)

test.each([
  ["that isn't correct", "en-US", undefined],
  ["I don't think that's right", "en-US", undefined],
  ["it doesn't look right", "en-US", undefined],
  ["No, that isn't correct", "en-US", undefined],
  ["yes, that's correct", "en-US", "yes"],
  ["auf keinen Fall richtig", "de-DE", undefined],
  ["ja genau", "de-DE", "yes"],
] as const)("%p in %s is understood, and no agreement where it is taken back", (text, language, answer) => {
  expect(spokenYesNo(text, language)).toBe(answer)
})

test("prompts are in the language of the call, with its voice, and a choice may change it", () => {
  const menu = menuFrom({
    language: "en-US",
    voices: { de: "Polly.Vicki-Neural" },
    start: "q",
    steps: {
      q: {
        kind: "choice",
        say: [{ en: "English?", de: "Deutsch?" }, { audio: { en: "https://example.com/en.mp3" } }],
        choices: [{ key: "2", then: { language: "de-DE", step: "w" } }],
      },
      w: { kind: "yes-no", say: { en: "Well, {name|you}?", de: "Na, {name|Sie}?" }, yes: AGENT, no: AGENT },
    },
  })
  const walk = new Walk(menu, { parameters: { name: "Zoë" } })
  expect(walk.state.prompts).toEqual([
    { kind: "text", text: "English?", language: "en" },
    { kind: "audio", url: "https://example.com/en.mp3" },
  ])
  expect(walk.keys("2").state.prompts).toEqual([
    { kind: "text", text: "Na, Zoë?", language: "de", voice: "Polly.Vicki-Neural" },
  ])
  expect(walk.silence().heard[0]).toBe("Ich habe keine Antwort erhalten.")
})

test("a transfer that nobody takes goes to its step, and a message that is silent is asked for again", () => {
  const menu = menuFrom({
    start: "t",
    steps: {
      t: { kind: "say", say: "One moment.", then: { transfer: "queue:sales", failed: "m" } },
      m: { kind: "message", say: "Speak after the tone.", then: { hangUp: true } },
    },
  })
  const walk = new Walk(menu)
  expect([walk.at, walk.heard]).toEqual(["transfer queue:sales", ["One moment."]])
  expect([walk.give({ kind: "transfer-failed" }).at, walk.heard]).toEqual([
    "record",
    ["Speak after the tone."],
  ])
  expect(walk.silence().heard).toEqual(["I did not hear anything.", "Speak after the tone."])
  expect([walk.give({ kind: "recorded", seconds: 9 }).at, walk.heard]).toEqual(["hang-up", ["Goodbye."]])
})

test("input that nothing waits for changes nothing", () => {
  const walk = new Walk(menuFrom({ start: "s", steps: { s: { kind: "say", say: "Hi.", then: AGENT } } }))
  const before = walk.state
  expect([walk.keys("1").state, walk.give({ kind: "transfer-failed" }).state]).toEqual([before, before])
})

test("steps that lead to each other without the caller end the call", () => {
  const menu = menuFrom({
    start: "a",
    steps: { a: { kind: "say", say: "A.", then: "b" }, b: { kind: "say", say: "B.", then: "a" } },
  })
  expect(new Walk(menu).at).toBe("hang-up")
})

test.each([
  [{ start: "x", steps: {} }, "test.json:1 start: there is no step x; there are "],
  [
    { start: "a", steps: { a: { kind: "say", say: "A.", then: "b" } } },
    "test.json:1 steps.a.then: there is no step b; there are a",
  ],
  [
    { start: "a", steps: { a: { kind: "say", say: "A.", then: { transfer: "nobody" } } } },
    "test.json:1 steps.a.then.transfer: must be a number such as +15550100001, sip:name@host, queue:name, or workflow:WW…",
  ],
  [
    { start: "a", steps: { a: { kind: "say", say: "A.", then: { agent: "x", hangUp: true } } } },
    "test.json:1 steps.a.then: must have exactly one of step, agent, transfer, menu, hangUp",
  ],
  [
    { start: "a", steps: { a: { kind: "hours", hours: { "mo-fr": "9-5" }, open: AGENT, closed: AGENT } } },
    "as a key: must be a day or a range of days",
  ],
  [
    { start: "a", steps: { a: { kind: "choice", say: "A?", choices: [{ then: AGENT }] } } },
    "needs a key or words",
  ],
])("the faults of %j are named", (file, fault) => {
  expect(faultsOf(file).join("\n")).toContain(fault)
})

const SHIPPED = ["receptionist", "numberVerification"].map((key) =>
  menuFrom(readFileSync(join(import.meta.dir, `../../src/assets/shipped/menus/${key}.json`), "utf8"), key),
)
const EVERYTHING = menuFrom({
  start: "choice",
  steps: {
    choice: {
      kind: "choice",
      say: "Choose.",
      choices: ["yes-no", "digits", "date", "phone", "message", "end"].map((key, index) => ({
        key: String(index + 1),
        words: [key],
        then: key === "end" ? { transfer: "+15550100003", failed: "message" } : key,
      })),
    },
    "yes-no": { kind: "yes-no", say: "{value}?", yes: "choice", no: { agent: "sales" } },
    digits: { kind: "digits", say: "Digits.", saveAs: "value", confirm: true, then: "choice" },
    date: { kind: "date", say: "Date.", saveAs: "value", confirm: true, then: "choice" },
    phone: { kind: "phone", say: "Phone.", saveAs: "value", confirm: true, lines: {}, then: "choice" },
    message: { kind: "message", say: "Message.", then: { hangUp: true } },
  },
})

const text = fc.oneof(
  fc.constantFrom("yes", "no", "order", "one", "products", "message", "", "   ", "double", "plus"),
  fc.string({ unit: "grapheme", maxLength: 200 }),
)
const input: fc.Arbitrary<MenuInput> = fc.oneof(
  fc.record({
    kind: fc.constant("keys" as const),
    digits: fc.string({ unit: fc.constantFrom(..."0123456789*#".split("")), maxLength: 20 }),
  }),
  fc.record({ kind: fc.constant("speech" as const), text }),
  fc.constant({ kind: "none" as const }),
  fc.record({ kind: fc.constant("recorded" as const), seconds: fc.nat(3) }),
  fc.constant({ kind: "transfer-failed" as const }),
)

/** The document of a state, without the parts that need a server. */
function documentOf({ state: { prompts, action } }: Walk): TwimlVerb[] {
  const actionUrl = "https://parley.test/twilio/menus/m/s?n=1"
  switch (action.kind) {
    case "ask":
      return parseTwiml(renderNextStep({ ...action, kind: "gather", prompts, actionUrl }))
    case "record":
      return parseTwiml(renderNextStep({ ...action, prompts, actionUrl, recordingUrl: actionUrl }))
    case "agent":
    case "transfer":
    case "hang-up":
      return parseTwiml(renderNextStep({ kind: "prompt", prompts, then: { kind: "hang-up" } }))
    default:
      return action satisfies never
  }
}

function says(verbs: readonly TwimlVerb[]): boolean {
  return verbs.some(
    ({ name, text: words, children }) =>
      (name === "Say" && words !== "") || name === "Play" || says(children),
  )
}

const STEPS = [...SHIPPED, EVERYTHING].flatMap((menu) =>
  Object.keys(menu.steps).map((step) => [step, menu.key, menu] as const),
)

test.each(STEPS)(
  "500 inputs at the step %s of the menu %s always lead to something that is said, and on",
  (start, _, menu) => {
    const given = fc.record({
      first: input,
      second: input,
      line: fc.constantFrom("mobile" as const, "landline" as const, "failed" as const),
      caller: fc.constantFrom("+15550100001", "anonymous", ""),
      now: fc.integer({ min: NOON, max: NOON + 14 * 86_400_000 }),
    })
    fc.assert(
      fc.property(given, ({ first, second, ...options }) => {
        const walk = new Walk({ ...menu, start }, options satisfies WalkOptions)
        return [undefined, first, second].every((one) => {
          if (one) walk.give(one)
          const { kind } = walk.state.action
          const verbs = documentOf(walk)
          if (kind === "agent" || kind === "transfer") return true
          const onward = { ask: "Gather", record: "Redirect", "hang-up": "Hangup" }[kind]
          return says(verbs) && verbs.at(-1)?.name === onward
        })
      }),
      { numRuns: 500 },
    )
  },
)

test.each([...SHIPPED, EVERYTHING].map((menu) => [menu.key, menu] as const))(
  "500 callers of the menu %s who do anything always hear something, and each comes to an end",
  (_, menu) => {
    const lines = fc.constantFrom("mobile" as const, "landline" as const, "failed" as const)
    const walks = fc.record({
      inputs: fc.array(input, { minLength: 1, maxLength: 6 }),
      line: lines,
      caller: fc.constantFrom("+15550100001", "anonymous", "", "client:anna"),
      now: fc.integer({ min: NOON, max: NOON + 14 * 86_400_000 }),
    })
    fc.assert(
      fc.property(walks, ({ inputs, ...given }) => {
        const walk = new Walk(menu, given satisfies WalkOptions)
        for (const one of [undefined, ...inputs]) {
          if (one) walk.give(one)
          const { kind } = walk.state.action
          const verbs = documentOf(walk)
          if (kind !== "agent" && kind !== "transfer" && !says(verbs)) return false
          const last = verbs.at(-1)?.name
          const onward = { ask: "Gather", record: "Redirect", "hang-up": "Hangup" } as const
          if (kind in onward && last !== onward[kind as keyof typeof onward]) return false
        }
        // Whoever says nothing more comes to an end.
        for (let silence = 0; silence < 250 && /^(?:ask|confirm|record)/.test(walk.at); silence++)
          walk.silence()
        return !/^(?:ask|confirm|record)/.test(walk.at)
      }),
      { numRuns: 500 },
    )
  },
)
