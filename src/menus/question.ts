/** What a question asks Twilio to collect: keys, speech, and when the input is complete. Pure. */

import type { MenuAsking, MenuStep } from "../assets/menu.ts"
import type { MenuQuestion } from "../call/menu-state.ts"
import { yesNoHints } from "./spoken-words.ts"

/** Steps that ask the caller something. */
export type AskingStep = Extract<MenuStep, MenuAsking>

/** (Twilio: "TwiML Voice: <Gather>", hints: at most 500, each of at most 100 characters, separated by commas.) */
const MAX_HINTS = 500
const MAX_HINT = 100
/** Of all hints: they are part of the document. */
const MAX_HINT_TEXT = 4_000
const DATE_DIGITS = 8

export function gatherQuestion(step: AskingStep, language: string): MenuQuestion {
  const { input, timeoutSeconds } = step
  const asked = { input, timeoutSeconds, language }
  switch (step.kind) {
    case "choice": {
      const keys = step.choices.flatMap(({ key }) => key ?? [])
      const longest = Math.max(0, ...keys.map((key) => key.length))
      // Without keys the first one that is pressed ends the input, and does not match.
      return { ...asked, numDigits: longest || 1, finishOnKey: "", hints: hintsOf(choiceWords(step)) }
    }
    case "yes-no":
      return { ...asked, numDigits: 1, finishOnKey: "", hints: hintsOf(yesNoHints(language)) }
    case "digits":
      return { ...asked, numDigits: step.max, finishOnKey: step.finishOnKey, hints: [] }
    case "phone":
      return { ...asked, numDigits: step.max, finishOnKey: "#", hints: [] }
    case "date":
      return { ...asked, numDigits: DATE_DIGITS, finishOnKey: "#", hints: [] }
    default:
      return step satisfies never
  }
}

/** The question whether an input is right. */
export function confirmQuestion({ timeoutSeconds }: AskingStep, language: string): MenuQuestion {
  const hints = hintsOf(yesNoHints(language))
  return { input: ["dtmf", "speech"], timeoutSeconds, language, numDigits: 1, finishOnKey: "", hints }
}

function choiceWords({ choices }: Extract<MenuStep, { kind: "choice" }>): string[] {
  return choices.flatMap(({ words }) => Object.values(words).flat())
}

function hintsOf(words: readonly string[]): string[] {
  let left = MAX_HINT_TEXT
  return [...new Set(words.map((word) => word.replaceAll(",", " ").trim().slice(0, MAX_HINT)))]
    .filter((word) => word !== "" && (left -= word.length + 1) >= 0)
    .slice(0, MAX_HINTS)
}
