/** Callers who hide their number. Pure. */

/**
 * What Twilio and carriers send in place of a hidden number: the words ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and
 * UNAVAILABLE as keypad digits, with or without `+`. (Twilio Help: "Why am I getting calls from these strange numbers?")
 */
const MARKS = new Set(["266696687", "7378742833", "2562533", "8656696", "86282452253"])
const WORDS = /^(?:anonymous|restricted|blocked|unknown|unavailable|private|withheld)$/
const SIP_USER = /^sips?:([^@;]*)/

/** Whether a caller's number, as Twilio gives it, is hidden: then it is no number to call, to text or to show. */
export function isWithheld(caller: string): boolean {
  const text = caller.trim().toLowerCase()
  const name = SIP_USER.exec(text)?.[1] ?? text
  return name === "" || WORDS.test(name) || MARKS.has(name.replace(/^\+/, ""))
}

/** The caller's number for a model, without the placeholder of a hidden number, which looks like one. Empty if unknown. */
export function shownCaller(caller: string): string {
  return caller !== "" && isWithheld(caller) ? "withheld" : caller
}
