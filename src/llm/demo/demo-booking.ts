/** The demo's booking: asks for a day, then for a time. Pure. */

const MAX_WORDS_CHARS = 80

export type Booking =
  | { phase: "none" }
  | { phase: "awaiting-day" }
  | { phase: "awaiting-time"; day: string }
  | { phase: "booked"; day: string; time: string }

const WANTS_BOOKING = /\b(book|booking|reserve|reservation|appointment|table for)\b/i
const CANCELS = /\b(cancel|never mind|nevermind|forget it|leave it)\b/i
const DAY =
  /\b(?:(?:this|next|on) )?(?:mon|tues|wednes|thurs|fri|satur|sun)day(?: (?:morning|afternoon|evening|night))?\b|\b(?:the day after tomorrow|today|tonight|tomorrow(?: (?:morning|afternoon|evening|night))?)\b|\b(?:january|february|march|april|may|june|july|august|september|october|november|december) (?:the )?\d{1,2}(?:st|nd|rd|th)?\b|\b\d{1,2}(?:st|nd|rd|th) of \w+\b/i
const NUMBER = "(?:\\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
const TIME = new RegExp(
  [
    "\\b(?:noon|midday|midnight)\\b",
    `\\b(?:half|quarter|ten|twenty|five) (?:past|to) ${NUMBER}\\b`,
    `\\b${NUMBER}(?::\\d\\d| (?:fifteen|thirty|forty[- ]five))?\\s?(?:a\\.?m\\b\\.?|p\\.?m\\b\\.?|o'?clock)`,
    "\\b\\d{1,2}:\\d\\d\\b",
    `(?<=\\bat )${NUMBER}\\b(?: (?:thirty|fifteen))?`,
  ].join("|"),
  "i",
)
const FILLERS =
  /^(?:(?:um+|uh+|well|okay|ok|yes|please|so|maybe|perhaps|let's say|how about|what about|make it|i would like|i'd like|for|on|at)\b[\s,]*)+/i

/** The booking after the caller has said `text`; the same object if the text is unrelated. */
export function advanceBooking(booking: Booking, text: string): Booking {
  if (CANCELS.test(text) && booking.phase !== "none") return { phase: "none" }
  switch (booking.phase) {
    case "none":
    case "booked":
      return WANTS_BOOKING.test(text) ? withDay(DAY.exec(text)?.[0], text) : booking
    case "awaiting-day":
      return withDay(DAY.exec(text)?.[0] ?? plain(text), text)
    case "awaiting-time":
      return { phase: "booked", day: booking.day, time: TIME.exec(text)?.[0] ?? plain(text) }
    default:
      return booking satisfies never
  }
}

function withDay(words: string | undefined, text: string): Booking {
  const day = plain(words ?? "")
  if (day === "") return { phase: "awaiting-day" }
  const time = TIME.exec(text)?.[0]
  return time ? { phase: "booked", day, time } : { phase: "awaiting-time", day }
}

/** Removes filler words around the answer. */
function plain(text: string): string {
  const words = text
    .trim()
    .replace(FILLERS, "")
    .replace(/[\s,]*(?:please|thanks|thank you)?[\s.!?,]*$/i, "")
  return words.slice(0, MAX_WORDS_CHARS)
}
