/** The demo's word lists: languages, digits in words, and a story long enough to interrupt. */

type Spoken = { code: string; greeting: string }

const LANGUAGES: readonly (readonly [RegExp, Spoken])[] = [
  [/\baustralian( english)?\b/i, { code: "en-AU", greeting: "No worries, I speak Australian English now." }],
  [/\bbritish( english)?\b/i, { code: "en-GB", greeting: "Certainly, I speak British English now." }],
  [
    /\bspanish|español\b/i,
    { code: "es-ES", greeting: "Claro, ahora hablo español. ¿En qué puedo ayudarle?" },
  ],
  [/\bfrench|français\b/i, { code: "fr-FR", greeting: "Bien sûr, je parle français maintenant." }],
  [/\bgerman|deutsch\b/i, { code: "de-DE", greeting: "Gern, ich spreche jetzt Deutsch." }],
  [/\bitalian\b/i, { code: "it-IT", greeting: "Certo, adesso parlo italiano." }],
  [/\bportuguese\b/i, { code: "pt-BR", greeting: "Claro, agora eu falo português." }],
  [/\b(american )?english\b/i, { code: "en-US", greeting: "Sure, I speak American English now." }],
]

/** The language that the caller asks for: "speak Spanish", "switch to French", "can we continue in German". */
export function languageIn(text: string): Spoken | undefined {
  if (!/\b(speak|talk|switch|change|continue|say it)\b/i.test(text)) return undefined
  return LANGUAGES.find(([name]) => name.test(text))?.[1]
}

/** The confirmation after a switch of the language, in that language. */
export function greetingIn(code: string | undefined): string | undefined {
  return LANGUAGES.find(([, spoken]) => spoken.code === code)?.[1].greeting
}

const KEYS: Readonly<Record<string, string>> = {
  zero: "0",
  oh: "0",
  one: "1",
  two: "2",
  three: "3",
  four: "4",
  five: "5",
  six: "6",
  seven: "7",
  eight: "8",
  nine: "9",
  star: "*",
  asterisk: "*",
  pound: "#",
  hash: "#",
}
const BETWEEN = new Set([
  "the",
  "and",
  "then",
  "key",
  "keys",
  "button",
  "digit",
  "digits",
  "number",
  "numbers",
])

/** The keys that the caller asks the agent to press, at most 32: "press 1 2 3", "dial five five five", "press the star key". */
export function keysIn(text: string): string | undefined {
  const asked = /\b(?:press|dial|push|key in|enter)\b(.*)/is.exec(text)?.[1]
  if (asked === undefined) return undefined
  let keys = ""
  for (const word of asked.toLowerCase().match(/[a-z']+|\d|[*#]/g) ?? []) {
    const key = /^[\d*#]$/.test(word) ? word : KEYS[word]
    if (key) keys += key
    else if (!BETWEEN.has(word)) break
  }
  return keys === "" ? undefined : keys.slice(0, 32)
}

export const STORY = [
  "Once upon a time there was a telephone in a small house by the sea.",
  "It was an old telephone, black and heavy, and it had not rung for many years.",
  "Every evening a girl named Mara lifted it and listened to the quiet hum on the line.",
  "One night, when the wind was strong and the waves were high, the hum became a voice.",
  "The voice belonged to the keeper of a lighthouse, far out on the rocks, who had lost his way in his own stories.",
  "He told her of ships with red sails, of whales that sang in the fog, and of a lamp that never went out.",
  "Mara listened until the candle was burned down, and then she told him a story of her own.",
  "From that night on they took turns: one night he spoke, the next night she did.",
  "Years later, when Mara was grown, she rowed out to the rocks to see who had been there.",
  "She found the lamp still burning, and beside it a black and heavy telephone, and it began to ring.",
].join(" ")
