import { expect, test } from "bun:test"
import { advanceBooking, type Booking } from "../../../src/llm/demo/demo-booking.ts"

const NONE: Booking = { phase: "none" }
const DAY: Booking = { phase: "awaiting-day" }
const TIME: Booking = { phase: "awaiting-time", day: "tomorrow" }
const BOOKED: Booking = { phase: "booked", day: "tomorrow", time: "noon" }

test.each<[string, Booking, string, Booking]>([
  ["other text", NONE, "What is the weather?", NONE],
  ["a booking without a day", NONE, "I want to book a table", DAY],
  ["a booking with a day", NONE, "An appointment tomorrow", TIME],
  ["a booking with day and time", NONE, "Book tomorrow at noon", BOOKED],
  ["a day", DAY, "Um, tomorrow please", TIME],
  [
    "any text as a day",
    DAY,
    "Well, whenever it suits you",
    { phase: "awaiting-time", day: "whenever it suits you" },
  ],
  ["only filler words", DAY, "Um, well", DAY],
  ["a time", TIME, "At half past nine", { phase: "booked", day: "tomorrow", time: "half past nine" }],
  [
    "any text as a time",
    TIME,
    "the evening, thanks",
    { phase: "booked", day: "tomorrow", time: "the evening" },
  ],
  ["a cancellation", TIME, "Never mind", NONE],
  ["a cancellation without a booking", NONE, "Cancel", NONE],
  ["a second booking", BOOKED, "Another reservation on Monday", { phase: "awaiting-time", day: "Monday" }],
])("%s", (_, before, text, after) => expect(advanceBooking(before, text)).toEqual(after))
