/** What an input means to a question: the choice, or the value; undefined for what does not fit. Pure. */

import type { MenuOption, MenuStep } from "../assets/menu.ts"
import { isoDateAt } from "../call/opening-hours.ts"
import { dateInWords, keyedDate, spokenDate } from "./dates.ts"
import { matchedWords, spokenDigits, spokenYesNo, wordsOf } from "./spoken-words.ts"

export type CallerInput = { kind: "keys"; digits: string } | { kind: "speech"; text: string }

/** `shown`: the value as it is read back. */
export type EnteredValue = { value: string; shown: string }

type Of<Kind extends MenuStep["kind"]> = Extract<MenuStep, { kind: Kind }>

export function chosen(
  { choices }: Of<"choice">,
  input: CallerInput,
  language: string,
): MenuOption | undefined {
  if (input.kind === "keys") return choices.find(({ key }) => key === input.digits)
  const said = wordsOf(input.text)
  const scored = choices.map((choice) => {
    const phrases = Object.values(choice.words).flat()
    return { choice, words: Math.max(0, ...phrases.map((phrase) => matchedWords(said, phrase))) }
  })
  const most = Math.max(...scored.map(({ words }) => words))
  const best = scored.filter(({ words }) => words === most)
  if (most > 0) return best.length === 1 ? best[0]?.choice : undefined
  const digits = spokenDigits(input.text, language)
  return digits === "" ? undefined : choices.find(({ key }) => key === digits)
}

export function yesOrNo(input: CallerInput, language: string): "yes" | "no" | undefined {
  if (input.kind === "speech") return spokenYesNo(input.text, language)
  return input.digits === "1" ? "yes" : input.digits === "2" ? "no" : undefined
}

export function enteredDigits(
  { min, max }: Of<"digits">,
  input: CallerInput,
  language: string,
): EnteredValue | undefined {
  const digits = digitsOf(input, language)
  if (!/^\d+$/.test(digits) || digits.length < min || digits.length > max) return undefined
  return { value: digits, shown: spaced(digits) }
}

export function enteredDate(
  { order, when }: Of<"date">,
  input: CallerInput,
  { language, now, timeZone }: { language: string; now: number; timeZone: string | undefined },
): EnteredValue | undefined {
  const value =
    input.kind === "keys"
      ? keyedDate(input.digits, order, now)
      : spokenDate(input.text, { language, order, now })
  if (value === undefined) return undefined
  const today = isoDateAt(now, timeZone)
  if ((when === "past" && value > today) || (when === "future" && value < today)) return undefined
  return { value, shown: dateInWords(value, language) }
}

/** The number as it was entered; whether it exists is checked later. */
export function enteredPhone(
  { min, max }: Of<"phone">,
  input: CallerInput,
  language: string,
): EnteredValue | undefined {
  const digits = digitsOf(input, language)
  const count = digits.replace("+", "").length
  if (!/^\+?\d+$/.test(digits) || count < min || count > max) return undefined
  return { value: digits, shown: spaced(digits.replace("+", "")) }
}

function digitsOf(input: CallerInput, language: string): string {
  return input.kind === "keys" ? input.digits : spokenDigits(input.text, language)
}

/** Digit by digit: a voice reads a number without separators as one quantity. */
function spaced(digits: string): string {
  return digits.split("").join(", ")
}
