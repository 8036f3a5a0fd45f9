import { describe, expect, test } from "bun:test"
import type { ChatItem, ChatPart, ChatRequest } from "../../../src/llm/chat-model.ts"
import { createDemoModel } from "../../../src/llm/demo/demo-model.ts"
import { agent, chatRequest, collect, never, note, spoken, tool, user } from "../fixture.ts"

const at = Date.UTC(2026, 10, 20, 14, 5)
const model = createDemoModel({ clock: { now: () => at }, sleep: () => Promise.resolve() })
const tools = ["end-call", "send-dtmf", "switch-language", "play-media", "live-agent-handoff"].map(tool)
const instructions =
  'You sell phones.\nObjective: be kind\n- Name: Shop\n{"from":"+15550001111","firstname":"Anna","callReference":"R-77"}'

async function partsFor(items: readonly ChatItem[], request: Partial<ChatRequest> = {}): Promise<ChatPart[]> {
  return await collect(model.reply(chatRequest({ instructions: "", items, ...request }), never))
}
const sayTo = async (text: string, request: Partial<ChatRequest> = {}) =>
  spoken(await partsFor([user(text)], request))
const callFor = async (text: string, request: Partial<ChatRequest> = {}) =>
  (await partsFor([user(text)], { tools, ...request })).find((part) => part.type === "tool-call")

/** A conversation in which the agent says what it says; returns its answers. */
async function converse(...lines: readonly string[]): Promise<string[]> {
  const items: ChatItem[] = []
  const answers: string[] = []
  for (const line of lines) {
    items.push(user(line))
    const answer = spoken(await partsFor(items, { tools }))
    items.push(agent(answer))
    answers.push(answer)
  }
  return answers
}

test.each([
  ["Hello there", "Hello! How can I help you?"],
  ["How are you?", "I am very well"],
  ["Thank you", "You are welcome"],
  ["Are you a robot?", "built-in demo"],
  ["What can you do?", "opening hours"],
  ["When are you open?", "Monday to Friday"],
  ["What time do you close", "Monday to Friday"],
  ["What time is it?", "2:05 PM in Coordinated Universal Time, on Friday, November 20, 2026"],
  ["Tell me a long story", "Once upon a time"],
  ["My cat is purple.", "You said: My cat is purple. I am only"],
  ["  ", "I did not hear anything"],
  ["What did you say?", "I have not said anything yet"],
  ["The caller pressed 12# on the keypad.", "You pressed 1 2 pound."],
  ["5", "You pressed 5."],
  ["System: The payment has failed.", "I have just been told: The payment has failed"],
])("%p is answered with %p", async (heard, expected) => expect(await sayTo(heard)).toContain(expected))

test.each([
  ["What is my name?", "Your name is Anna."],
  ["Who am I?", "Your name is Anna."],
  ["What number am I calling from?", "Your number is +15550001111."],
  ["What is my call reference?", "Your call reference is R-77."],
  ["What's my shoe size?", "You said: What's my shoe size"],
  ["Hi", "Hello, Anna!"],
])("with facts in the instructions %p is answered with %p", async (heard, expected) => {
  expect(await sayTo(heard, { instructions })).toContain(expected)
})

test("a called person's number is the one that was called", async () => {
  const facts = '{"direction":"outbound-api","from":"+15550001111","to":"+15550002222"}'
  expect(await sayTo("What is my number?", { instructions: facts })).toBe("Your number is +15550002222.")
})

describe("conversation", () => {
  test("it greets first when nothing was said", async () => {
    expect(spoken(await partsFor([], { instructions }))).toBe("Hello, Anna! How can I help you?")
  })

  test("a booking asks for day and time and confirms in the caller's words", async () => {
    expect(
      await converse(
        "I'd like to book a table",
        "Um, on Friday evening please",
        "at half past seven, thanks",
      ),
    ).toEqual([
      "With pleasure. For which day would you like to book?",
      "Friday evening, very well. At what time?",
      "Thank you. I have booked Friday evening at half past seven for you. Is there anything else?",
    ])
  })

  test.each([
    ["Book me in for tomorrow", "Tomorrow, very well. At what time?"],
    [
      "Make an appointment for Monday at 3 pm",
      "Thank you. I have booked Monday at 3 pm for you. Is there anything else?",
    ],
    ["I need an appointment", "With pleasure. For which day would you like to book?"],
  ])("%p leaves out what was said", async (heard, expected) => expect(await sayTo(heard)).toBe(expected))

  test("a question in between does not disturb a booking, and it can be asked for and cancelled", async () => {
    const answers = await converse(
      "I want to make a reservation",
      "When are you open?",
      "the twelfth of never",
      "What did you say?",
      "ten o'clock",
      "When is my reservation?",
      "Forget it",
    )
    expect(answers.slice(2)).toEqual([
      "The twelfth of never, very well. At what time?",
      "I said: The twelfth of never, very well. At what time?",
      "Thank you. I have booked the twelfth of never at ten o'clock for you. Is there anything else?",
      "You are booked for the twelfth of never at ten o'clock.",
      "All right, I have cancelled that. What else can I do for you?",
    ])
  })

  test("it repeats what was heard of an interrupted answer", async () => {
    const items = [user("Tell me a story"), agent("Once upon a time there"), user("Sorry, what did you say?")]
    expect(spoken(await partsFor(items))).toBe("I said: Once upon a time there")
  })

  test("asked for what it said before it was interrupted, it goes back to that", async () => {
    const before = [
      user("Tell me a story"),
      agent("Once upon a time there"),
      user("Stop"),
      agent("All right."),
    ]
    const asked = user("What did you say before I interrupted you?")
    expect(spoken(await partsFor([...before, asked]))).toBe("I said: Once upon a time there")
    expect(spoken(await partsFor([user("Stop"), agent("All right."), asked]))).toBe("I said: All right.")
  })

  test("a note that comes last is reported", async () => {
    expect(spoken(await partsFor([user("Hello"), agent("Hello!"), note("The payment is complete.")]))).toBe(
      "I have just been told: The payment is complete",
    )
  })

  test("a story is long enough to be interrupted", async () => {
    const parts = await partsFor([user("Tell me a long story")])
    expect(parts.length).toBeGreaterThan(150)
  })
})

describe("tools", () => {
  test.each([
    ["Please press 1 2 3", "send-dtmf", { dtmfDigit: "123" }],
    ["dial five five five, then the pound key", "send-dtmf", { dtmfDigit: "555#" }],
    ["Can you speak Spanish?", "switch-language", { ttsLanguage: "es-ES", transcriptionLanguage: "es-ES" }],
    ["Please switch to French", "switch-language", { ttsLanguage: "fr-FR", transcriptionLanguage: "fr-FR" }],
    ["speak German", "switch-language", { ttsLanguage: "de-DE", transcriptionLanguage: "de-DE" }],
    ["Speak Australian English", "switch-language", { ttsLanguage: "en-AU", transcriptionLanguage: "en-AU" }],
    ["speak english", "switch-language", { ttsLanguage: "en-US", transcriptionLanguage: "en-US" }],
    ["Play some music", "play-media", { source: "https://api.twilio.com/cowbell.mp3" }],
    ["I want a real person", "live-agent-handoff", { summary: "The caller said: I want a real person" }],
    ["Goodbye", "end-call", { conversationSummary: "The caller said: Goodbye" }],
    ["please hang up now", "end-call", { conversationSummary: "The caller said: please hang up now" }],
  ])("%p calls %s", async (heard, name, args) => {
    const call = await callFor(heard)
    expect(call).toMatchObject({ name, arguments: JSON.stringify(args) })
  })

  test.each([
    "Say hello in Spanish",
    "What does the press say?",
    "I play football",
    "enter the house",
    "Stop by tomorrow",
  ])("%p calls nothing", async (heard) => expect(await callFor(heard)).toBeUndefined())

  test("the farewell is said before the call ends", async () => {
    const parts = await partsFor([user("Bye")], { tools, instructions })
    expect(spoken(parts)).toBe("Thank you for calling, Anna. Goodbye!")
    expect(parts.slice(-2).map(({ type }) => type)).toEqual(["tool-call", "end"])
  })

  test("a summary is short and names the booking", async () => {
    const items = [user("Book Monday at 3 pm"), agent("Done."), user("x ".repeat(5_000)), user("Bye")]
    const call = (await partsFor(items, { tools })).find((part) => part.type === "tool-call")
    const { conversationSummary: summary } = JSON.parse(call?.type === "tool-call" ? call.arguments : "")
    expect(summary).toStartWith("Booked Monday at 3 pm. The caller said: ")
    expect(summary.length).toBeLessThan(420)
  })

  test("a tool that the call does not have is not called", async () => {
    const parts = await partsFor([user("Press 1")])
    expect(spoken(parts)).toBe("I am sorry, I cannot do that in this call.")
    expect(await sayTo("Bye")).toBe("Thank you for calling. Goodbye!")
  })

  test("ids are new to the history", async () => {
    const first = (await partsFor([user("Press 1")], { tools })).find((part) => part.type === "tool-call")
    if (first?.type !== "tool-call") throw new Error("no call")
    const items = [
      user("Press 1"),
      first,
      { type: "tool-result", callId: first.callId, output: "{}" } as const,
      user("Press 2"),
    ]
    const second = (await partsFor(items, { tools })).find((part) => part.type === "tool-call")
    expect(second).toMatchObject({ callId: expect.not.stringMatching(`^${first.callId}$`) })
  })

  test.each([
    ["send-dtmf", '{"dtmfDigit":"12"}', '{"success":true,"message":"ok"}', "I have pressed 1 2."],
    ["switch-language", '{"ttsLanguage":"de-DE"}', '{"success":true}', "Gern, ich spreche jetzt Deutsch."],
    ["play-media", "{}", '{"success":true}', "I hope you liked it."],
    ["end-call", "{}", '{"success":true}', "Take care."],
    [
      "lookup",
      "{}",
      '{"success":true,"message":"Order 5 is on its way"}',
      "That is done. Order 5 is on its way.",
    ],
    ["lookup", "not json", "plain words", "That is done. plain words."],
    [
      "send-dtmf",
      "{}",
      '{"success":false,"code":"X","message":"The line is busy"}',
      "I am sorry, that did not work. The line is busy.",
    ],
    ["lookup", "{}", '{"error":"no route"}', "I am sorry, that did not work. no route."],
    ["lookup", "{}", "Error: no route", "I am sorry, that did not work. Error: no route."],
    ["lookup", "{}", "", "That is done."],
    ["lookup", "{}", '{"message":{"deep":1}}', "That is done."],
  ])("after %s %s with %s it says %p", async (name, args, output, expected) => {
    const items: ChatItem[] = [
      user("Do it"),
      { type: "tool-call", callId: "c", name, arguments: args },
      { type: "tool-result", callId: "c", output },
    ]
    expect(spoken(await partsFor(items, { tools }))).toBe(expected)
  })
})

test("hostile text costs no time", async () => {
  const long = [" ".repeat(200_000), ",".repeat(200_000), "when ".repeat(40_000), "please ".repeat(40_000)]
  const started = performance.now()
  for (const text of long) {
    await partsFor([user("book a table"), user(text), user(text)], {
      instructions: `a: ${text}\n"b": "${text}`,
    })
  }
  expect(performance.now() - started).toBeLessThan(2_000)
})

test("with the clock of the machine an abort ends the pause before a word at once", async () => {
  const controller = new AbortController()
  const slow = createDemoModel({ wordMs: 600_000 })
  const parts = collect(slow.reply(chatRequest(), controller.signal))
  controller.abort()
  expect(await parts).toEqual([])
})
