/** What the words of a caller mean while the agent speaks: an interruption, a sign of listening, or the agent's own echo. Pure. */

/** Sounds and words of a listener that ask for nothing. */
const LISTENING = new Set(
  `mhm mmhm mm mmm hm hmm uh-huh uhhuh uh huh aha ah oh ok okay yeah yep right sure ja genau stimmt oui d'accord sí si vale
  claro certo sim tá hè hoor äh ähm um er`
    .split(/\s+/)
    .map(normalized),
)
/** Words in a row that a listener says at most. */
const MAX_LISTENING_WORDS = 3
/** Share of the words that the agent is saying at the same time, from which they are its echo. */
const ECHO_SHARE = 0.8
/** Fewer words than these are too few to recognise an echo. */
const MIN_ECHO_WORDS = 3

/** Whether the words only show that somebody listens. */
export function isListening(text: string): boolean {
  const words = wordsOf(text)
  return words.length <= MAX_LISTENING_WORDS && words.every((word) => LISTENING.has(word))
}

/** Whether the words are those that the agent is saying: `saying`, what was said last and what comes next. */
export function isEcho(text: string, saying: string): boolean {
  const words = wordsOf(text)
  if (words.length < MIN_ECHO_WORDS) return false
  const said = new Set(wordsOf(saying))
  return words.filter((word) => said.has(word)).length >= words.length * ECHO_SHARE
}

/** Whether words of the caller, so far, interrupt what the agent is saying: more than `characters` of them. */
export function interrupts(
  text: string,
  { saying, characters }: { saying: string; characters: number },
): boolean {
  if (text.trim().length <= characters || isListening(text)) return false
  return !isEcho(text, saying) && !mayBecomeEcho(text, saying)
}

/** The first words of an echo: too few to know, so the words behind them or the end of the turn decide. */
function mayBecomeEcho(text: string, saying: string): boolean {
  const words = wordsOf(text)
  const padded = (list: readonly string[]) => ` ${list.join(" ")} `
  return words.length < MIN_ECHO_WORDS && padded(wordsOf(saying)).includes(padded(words))
}

/** Digits that were recognised one by one are one number: `1 2 3` becomes `123`. */
export function joinDigits(text: string): string {
  return text.replace(/(?<=\d)\s+(?=\d)/g, "")
}

function wordsOf(text: string): string[] {
  return text
    .split(/\s+/)
    .map(normalized)
    .filter((word) => word !== "")
}

function normalized(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "")
}
