import { describe, expect, test } from "bun:test"
import { DEFAULT_IVR_RULES, type IvrRules } from "../../../src/call/ivr-menu.ts"
import { IvrNavigator, type IvrStep, type MenuChoice } from "../../../src/conversation/ivr/ivr-navigator.ts"

const MENU = [
  { intent: "language", triggers: ["for english"], response: "1" },
  { intent: "npi", triggers: ["npi number"], response: "1234#" },
  { intent: "wait", triggers: ["looking that up"], response: "" },
  { intent: "person", triggers: ["representative"], response: "representative" },
]

/** Hears one sentence every ten seconds. */
function navigator(rules: Partial<IvrRules> = {}, menu = MENU) {
  const pure = new IvrNavigator({ menu, rules: { ...DEFAULT_IVR_RULES, ...rules } })
  let nowMs = 0
  return {
    hear: (heard: string, afterMs = 10_000) => pure.hear(heard, (nowMs += afterMs)),
    judged: (isHuman: boolean) => pure.judged(isHuman),
    chosen: (choice: MenuChoice) => pure.chosen(choice),
  }
}

/** A step in short. */
function short(step: IvrStep): string {
  switch (step.kind) {
    case "press":
    case "say":
      return `${step.kind} ${step.text}${step.restarted ? " (restarted)" : ""}`
    case "wait":
      return step.why
    case "ask":
      return `${step.question}? ${step.heard}`
    case "human-reached":
      return `person: ${step.heard}`
    case "give-up":
      return `gave up: ${step.reason}`
    default:
      return step satisfies never
  }
}

test("keys are pressed as they are written, words are said with their blanks", () => {
  const menu = navigator({}, [
    { intent: "a", triggers: ["one"], response: "1234#" },
    { intent: "b", triggers: ["two"], response: "Dental provider, please" },
  ])
  expect([menu.hear("one"), menu.hear("two")].map(short)).toEqual([
    "press 1234#",
    "say Dental provider, please",
  ])
})

test.each([
  ["no word", "… ?", "no-words"],
  ["nothing that is known", "Our website has changed.", "no-match"],
  ["a queue", "All of our agents are busy.", "hold"],
  ["an entry without a response", "I am looking that up", "silent-entry"],
  ["whether somebody is there", "Are you still there?", "say Yes, I am still here."],
  ["a key to stay", "To continue holding, press one. To leave a message, press two.", "press 1"],
  ["a digit to stay", "Press 3 to stay on the line", "press 3"],
  ["the beep", "Record your message after the tone.", "gave up: voicemail"],
  ["a voicemail", "You have reached the voicemail of Maria", "gave up: voicemail"],
  ["a screening service", "Please say your name and the reason for your call.", "screening"],
  ["an offer to leave a message", "To leave a message, press 2.", "no-match"],
])("%s", (_, heard, step) => expect(short(navigator().hear(heard))).toBe(step))

test("a service that screens calls hears who calls, if the agent says so", () => {
  const menu = navigator({ introduction: "Parley, about an enrolment." })
  const steps = ["This is a call screening service.", "State your name and why you are calling."]
  expect(steps.map((heard) => short(menu.hear(heard)))).toEqual([
    "say Parley, about an enrolment.",
    "say Parley, about an enrolment.",
  ])
})

test("a trigger that is spread over two sentences matches", () => {
  const menu = navigator()
  expect([menu.hear("Please enter your NPI"), menu.hear("number.")].map(short)).toEqual([
    "no-match",
    "press 1234#",
  ])
})

test("the rest of a question that was just answered is not answered again", () => {
  const menu = navigator()
  const steps = [
    menu.hear("Please enter your NPI number."),
    menu.hear("That is the NPI number with ten digits.", 1500),
    menu.hear("Please enter your NPI number.", 5000),
  ]
  expect(steps.map(short)).toEqual(["press 1234#", "just-answered", "press 1234#"])
})

describe("a person", () => {
  test("is asked about after the last entry alone, and the answer decides", () => {
    const menu = navigator()
    expect(short(menu.hear("Hello, this is Maria."))).toBe("no-match")
    expect(short(menu.hear("Say representative"))).toBe("say representative")
    expect(short(menu.hear("May I have the NPI number?"))).toBe("human? May I have the NPI number?")
    expect(short(menu.judged(true))).toBe("person: May I have the NPI number?")
  })

  test("who is none leaves the sentence to the menu", () => {
    const menu = navigator()
    menu.hear("Say representative")
    menu.hear("Enter your NPI number")
    expect(short(menu.judged(false))).toBe("press 1234#")
  })

  test("does not say what only machines say", () => {
    const menu = navigator()
    menu.hear("Say representative")
    expect(short(menu.hear("Your call is important to us."))).toBe("hold")
  })

  test("may be asked about from the beginning", () => {
    expect(short(navigator({ detectHuman: "always" }).hear("Hello?"))).toBe("human? Hello?")
  })
})

describe("limits", () => {
  test("one question in a row", () => {
    const menu = navigator({ mostRepeats: 2 })
    const steps = [1, 2, 3].map(() => short(menu.hear("NPI number")))
    expect(steps).toEqual(["press 1234#", "press 1234#", "gave up: repeats"])
  })

  test("starting over", () => {
    const menu = navigator({ mostRestarts: 1 })
    const steps = ["For English", "NPI number", "For English", "NPI number", "For English"].map((heard) =>
      short(menu.hear(heard)),
    )
    expect(steps).toEqual([
      "press 1",
      "press 1234#",
      "press 1 (restarted)",
      "press 1234#",
      "gave up: restarts",
    ])
  })
})

describe("a menu that no entry matches", () => {
  test("is left to the model where the agent says so, with what was heard before", () => {
    const menu = navigator({ chooseFromMenu: true })
    menu.hear("Thank you for calling.")
    expect(short(menu.hear("For claims, press 2."))).toBe(
      "choice? Thank you for calling. For claims, press 2.",
    )
    expect(short(menu.chosen({ kind: "press", text: "2" }))).toBe("press 2")
  })

  test("is waited through where the model finds nothing", () => {
    const menu = navigator({ chooseFromMenu: true })
    menu.hear("For claims, press 2.")
    expect(short(menu.chosen({ kind: "wait" }))).toBe("no-match")
  })

  test("is not left to the model otherwise", () => {
    expect(short(navigator().hear("For claims, press 2."))).toBe("no-match")
  })
})
