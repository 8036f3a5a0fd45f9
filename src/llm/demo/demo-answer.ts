/** The demo's rules; the first match answers. Pure: equal requests get equal answers. */

import type { JsonSchema } from "../../call/tool-spec.ts"
import type { ChatRequest } from "../chat-model.ts"
import { advanceBooking, type Booking } from "./demo-booking.ts"
import { emptyAnswer } from "../answer-format.ts"
import { factOf, factsIn, type Facts } from "./demo-facts.ts"
import { afterTool } from "./demo-tool-result.ts"
import { keysIn, languageIn, STORY } from "./demo-words.ts"

/** An audio file that Twilio's documentation uses in its examples. (Twilio: "TwiML Voice: Play".) */
const MUSIC_URL = "https://api.twilio.com/cowbell.mp3"
const MAX_ECHO_WORDS = 12
/** The answer to one utterance of the caller. */
const MAX_HEARD_CHARS = 500
const MAX_SUMMARY_CHARS = 400

export type DemoAnswer = {
  text: string
  /** Called after the text. */
  call?: { name: string; arguments: Record<string, unknown> }
}

/** The state of a conversation that rules read. */
type Moment = {
  heard: string
  /** The agent's last text, as far as the caller heard it. */
  said: string
  /** The agent's last interrupted text: one that does not end a sentence. */
  cutOff: string | undefined
  facts: Facts
  tools: ReadonlySet<string>
  /** The booking before and after the utterance. */
  bookingBefore: Booking
  booking: Booking
  /** The caller's utterances, for a summary. */
  callerSaid: readonly string[]
  nowMs: number
}
type Rule = (moment: Moment) => DemoAnswer | string | undefined

export function demoAnswer(request: ChatRequest, nowMs: number): DemoAnswer {
  if (request.format) return { text: extraction(request, request.format.schema) }
  const items = request.items.filter(({ type }) => type !== "opaque")
  const last = items.at(-1)
  if (last?.type === "tool-result") return { text: afterTool(last, items) }
  const moment = momentOf(request, nowMs)
  if (!last) return { text: `Hello${named(moment.facts)}! How can I help you?` }
  if (last.type === "message" && last.role === "system") return { text: aboutNote(last.text) }
  if (last.type !== "message" || last.role !== "user")
    return { text: "Is there anything else I can do for you?" }
  const note = /^(?:system|note):\s*(.+)/is.exec(last.text)?.[1]
  if (note !== undefined) return { text: aboutNote(note) }
  return (
    firstOf(FIRM_RULES, moment) ??
    aboutBooking(moment) ??
    firstOf(LOOSE_RULES, moment) ?? { text: echo(moment.heard) }
  )
}

/** JSON of the schema: the caller's utterances in `summary`, other properties empty. */
function extraction({ items }: ChatRequest, schema: JsonSchema): string {
  const asked = items.flatMap((item) => (item.type === "message" ? [item.text] : [])).join("\n")
  const said = [...asked.matchAll(/^Caller: (.+)$/gm)].map(([, words = ""]) => words).join(" ")
  const summary = said.slice(0, MAX_SUMMARY_CHARS)
  return JSON.stringify(emptyAnswer(schema, (name) => (/summar|note/i.test(name) ? summary : undefined)))
}

function momentOf({ instructions, items, tools, toolChoice }: ChatRequest, nowMs: number): Moment {
  const agentSaid = items.flatMap((item) =>
    item.type === "message" && item.role === "assistant" ? [item.text.trim()] : [],
  )
  const callerSaid = items.flatMap((item) =>
    item.type === "message" && item.role === "user"
      ? [item.text.slice(0, MAX_HEARD_CHARS).replaceAll(/\s+/g, " ")]
      : [],
  )
  const none: Booking = { phase: "none" }
  const moment: Moment = {
    heard: callerSaid.at(-1) ?? "",
    said: agentSaid.at(-1) ?? "",
    cutOff: agentSaid.findLast((text) => !/[.!?]$/.test(text)),
    facts: factsIn(instructions),
    tools: new Set(toolChoice === "none" ? [] : tools.map(({ name }) => name)),
    bookingBefore: none,
    booking: none,
    callerSaid,
    nowMs,
  }
  // Utterances that a fixed rule answers leave the booking unchanged, so that the caller may ask in between.
  const next = (booking: Booking, heard: string) =>
    firstOf(FIRM_RULES, { ...moment, heard }) ? booking : advanceBooking(booking, heard)
  const bookingBefore = callerSaid.slice(0, -1).reduce(next, none)
  return { ...moment, bookingBefore, booking: callerSaid.slice(-1).reduce(next, bookingBefore) }
}

function aboutBooking({ bookingBefore, booking, facts }: Moment): DemoAnswer | undefined {
  if (booking === bookingBefore) return undefined
  switch (booking.phase) {
    case "none":
      return { text: "All right, I have cancelled that. What else can I do for you?" }
    case "awaiting-day":
      return { text: "With pleasure. For which day would you like to book?" }
    case "awaiting-time":
      return { text: `${capitalized(booking.day)}, very well. At what time?` }
    case "booked":
      return {
        text: `Thank you${named(facts)}. I have booked ${booking.day} at ${booking.time} for you. Is there anything else?`,
      }
    default:
      return booking satisfies never
  }
}

const ASKS_AGAIN =
  /\b(what did you (just )?say|say (that|it) again|repeat (that|it|yourself|please)|pardon|come again)\b/i
const SAYS_GOODBYE = /\b(good ?bye|bye|hang up|end the call|that('| i)s all|that will be all)\b/i
const ASKS_FOR_TIME = /\bwhat (time|day|date) is it\b|\bwhat('s| is) the (time|date)\b|\btoday's date\b/i

/** Rules that apply in every state. */
const FIRM_RULES: readonly Rule[] = [
  ({ heard, said, cutOff }) => {
    if (!ASKS_AGAIN.test(heard)) return undefined
    if (cutOff !== undefined && /\binterrupt/i.test(heard)) return `I said: ${cutOff}`
    return said === "" ? "I have not said anything yet." : `I said: ${said}`
  },
  (moment) => {
    if (!SAYS_GOODBYE.test(moment.heard)) return undefined
    const farewell = `Thank you for calling${named(moment.facts)}. Goodbye!`
    return use(
      moment,
      "end-call",
      { conversationSummary: summary(moment) },
      { before: farewell, without: farewell },
    )
  },
  ({ heard }) => {
    const keys = /^(?:the caller pressed )?([\d*#][\d*#\s]*)(?: on the keypad)?\.?$/i.exec(heard.trim())?.[1]
    return keys === undefined ? undefined : `You pressed ${spelled(keys)}. Thank you.`
  },
  (moment) => {
    const keys = keysIn(moment.heard)
    return keys === undefined ? undefined : use(moment, "send-dtmf", { dtmfDigit: keys })
  },
  (moment) => {
    const language = languageIn(moment.heard)
    if (!language) return undefined
    const { code } = language
    return use(moment, "switch-language", { ttsLanguage: code, transcriptionLanguage: code })
  },
  (moment) =>
    /\bplay\b.*\b(music|song|something|sound|media)\b/i.test(moment.heard)
      ? use(moment, "play-media", { source: MUSIC_URL })
      : undefined,
  (moment) =>
    /\b(transfer|real person|human|live agent|operator|representative)\b/i.test(moment.heard)
      ? use(moment, "live-agent-handoff", { summary: summary(moment) })
      : undefined,
  ({ heard }) => (/\bstory\b/i.test(heard) ? STORY : undefined),
  ({ heard }) =>
    /\b(opening (hours|times)|business hours|when (are|do) you (open|close)|what time do you (open|close)|are you open)\b/i.test(
      heard,
    )
      ? "We are open Monday to Friday from nine to six, and on Saturday from ten to two."
      : undefined,
  ({ heard, booking }) => {
    if (!/\b(when|what|which)\b.*\bmy (booking|reservation|appointment)\b/i.test(heard)) return undefined
    return booking.phase === "booked"
      ? `You are booked for ${booking.day} at ${booking.time}.`
      : "You have not booked anything yet."
  },
  ({ heard, nowMs }) => {
    if (!ASKS_FOR_TIME.test(heard)) return undefined
    const [time, date] = [{ timeStyle: "short" }, { dateStyle: "full" }] as const
    const words = (style: Intl.DateTimeFormatOptions) =>
      new Intl.DateTimeFormat("en-US", { ...style, timeZone: "UTC" }).format(nowMs)
    return `It is ${words(time)} in Coordinated Universal Time, on ${words(date)}.`
  },
  ({ heard, facts }) => aboutCaller(heard, facts),
]

/** Small talk, if no other rule matched. */
const LOOSE_RULES: readonly Rule[] = [
  ({ heard }) =>
    /\b(what can you do|help)\b/i.test(heard)
      ? "I can tell you our opening hours, take a booking, tell a long story, press keys, play music, or speak another language."
      : undefined,
  ({ heard }) =>
    /\b(who are you|what are you|are you (a )?(real|human|robot|bot|machine))\b/i.test(heard)
      ? "I am the built-in demo of this phone server: a few simple rules, and no artificial intelligence behind them."
      : undefined,
  ({ heard }) =>
    /\bhow are you\b/i.test(heard) ? "I am very well, thank you. How can I help you?" : undefined,
  ({ heard, facts }) =>
    /^\W*(hello|hi|hey|good (morning|afternoon|evening))\b/i.test(heard)
      ? `Hello${named(facts)}! How can I help you?`
      : undefined,
  ({ heard }) =>
    /\b(thanks|thank you)\b/i.test(heard) ? "You are welcome. Is there anything else?" : undefined,
  ({ heard }) =>
    /^\W*(no|nope|no thank you)\W*$/i.test(heard)
      ? "All right. Just say goodbye when you are done."
      : undefined,
  ({ heard }) =>
    /^\W*(yes|yeah|yep|sure|okay|ok)\W*$/i.test(heard) ? "Good. What would you like to do?" : undefined,
]

function firstOf(rules: readonly Rule[], moment: Moment): DemoAnswer | undefined {
  for (const rule of rules) {
    const answer = rule(moment)
    if (answer !== undefined) return typeof answer === "string" ? { text: answer } : answer
  }
  return undefined
}

function aboutCaller(heard: string, facts: Facts): string | undefined {
  if (/\b(what('s| is) my (first )?name|who am i|do you know (me|my name))\b/i.test(heard)) {
    const name = nameIn(facts)
    return name ? `Your name is ${name}.` : "I am afraid I do not know your name."
  }
  if (/\bnumber\b.*\b(am i calling from|do i call from)\b|\bwhat('s| is) my (phone )?number\b/i.test(heard)) {
    const isCalled = factOf(facts, "direction")?.startsWith("outbound") ?? false
    const from = factOf(facts, isCalled ? "to" : "from", "caller", "phone", "caller number")
    return from ? `Your number is ${from}.` : "I cannot see your number."
  }
  const asked = /\b(?:what|which)(?:'s| is| are) (?:my|the) ([\w ]{2,40}?)\s*[?.!]*$/i.exec(heard)?.[1]
  const fact = asked === undefined ? undefined : factOf(facts, asked, `call ${asked}`, `customer ${asked}`)
  return fact === undefined ? undefined : `Your ${asked} is ${fact}.`
}

/** Calls a tool, if the agent has it. */
function use(
  { tools }: Moment,
  name: string,
  args: Record<string, unknown>,
  { before = "", without = "I am sorry, I cannot do that in this call." } = {},
): DemoAnswer {
  return tools.has(name) ? { text: before, call: { name, arguments: args } } : { text: without }
}

function summary({ callerSaid, booking }: Moment): string {
  const booked = booking.phase === "booked" ? `Booked ${booking.day} at ${booking.time}. ` : ""
  return `${booked}The caller said: ${callerSaid.join(" / ")}`.slice(0, MAX_SUMMARY_CHARS)
}

function aboutNote(text: string): string {
  return `I have just been told: ${shortened(text)}`
}

function echo(heard: string): string {
  const words = shortened(heard)
  if (words === "") return "I did not hear anything. Could you say that again?"
  return `You said: ${words}. I am only a small demo. Ask me for our opening hours, a booking, or a long story.`
}

function shortened(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== "")
  const short = words.slice(0, MAX_ECHO_WORDS).join(" ").slice(0, 200)
  return words.length > MAX_ECHO_WORDS ? `${short} and so on` : short.replace(/[.!?,]+$/, "")
}

function spelled(keys: string): string {
  const signs = keys.replaceAll(/\s/g, "").split("")
  return signs.map((key) => ({ "*": "star", "#": "pound" })[key] ?? key).join(" ")
}

function named(facts: Facts): string {
  const name = nameIn(facts)
  return name ? `, ${name}` : ""
}

function nameIn(facts: Facts): string | undefined {
  return factOf(facts, "first name", "firstname", "caller name", "customer name", "name")
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
