/** Understands what a recogniser made of speech: yes and no, digits as words, and words of a choice. Pure. */

import { menuLanguage, type MenuLanguage } from "./phrases.ts"

const list = (words: string) => words.split(" ")

const YES: Readonly<Record<MenuLanguage, readonly string[]>> = {
  en: list("yes yeah yep yup correct right sure okay ok affirmative"),
  de: list("ja jawohl jep genau richtig korrekt stimmt okay ok"),
  es: list("si claro correcto exacto vale cierto ok"),
  fr: list("oui ouais exact exactement correct daccord ok"),
  it: list("si certo esatto corretto giusto ok"),
  pt: list("sim claro correto certo exato isso ok"),
  nl: list("ja jawel jazeker klopt juist correct goed ok oke"),
}

const NO: Readonly<Record<MenuLanguage, readonly string[]>> = {
  en: list("no nope nah wrong incorrect negative not"),
  de: list("nein ne nee falsch nicht"),
  es: list("no incorrecto falso mal negativo"),
  fr: list("non faux incorrect pas"),
  it: list("no sbagliato scorretto errato non"),
  pt: list("nao errado incorreto"),
  nl: list("nee neen fout verkeerd niet onjuist"),
}

/** Words that take an agreement back without being a clear no: the caller is asked again. */
const NEGATIONS: Readonly<Record<MenuLanguage, readonly string[]>> = {
  en: list(
    "isnt arent wasnt doesnt dont didnt cant cannot couldnt wouldnt shouldnt wont havent hasnt aint never hardly",
  ),
  de: list("kein keine keinen keineswegs nie niemals kaum"),
  es: list("nunca jamas tampoco"),
  fr: list("jamais guere"),
  it: list("mai neanche"),
  pt: list("nunca jamais"),
  nl: list("geen nooit"),
}

/** The words of 0 to 9; several for one digit are separated by `/`. */
const DIGITS: Readonly<Record<MenuLanguage, readonly string[]>> = {
  en: list("zero/oh/o/nought/null one two three four five six seven eight nine/niner"),
  de: list("null eins/ein/eine zwei/zwo drei vier funf/fuenf sechs sieben acht neun"),
  es: list("cero uno/un/una dos tres cuatro cinco seis siete ocho nueve"),
  fr: list("zero un/une deux trois quatre cinq six sept huit neuf"),
  it: list("zero uno/una due tre quattro cinque sei sette otto nove"),
  pt: list("zero um/uma dois/duas tres quatro cinco seis/meia sete oito nove"),
  nl: list("nul een twee drie vier vijf zes zeven acht negen"),
}

/** Numbers of several digits in words. Without them "twenty-one" would be 1, so nothing is understood. */
const LARGER: Readonly<Record<MenuLanguage, RegExp>> = {
  en: /^(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|four|fif|six|seven|eigh|nine)ty|hundred|thousand)$/,
  de: /^(?:elf|zwolf|zwoelf)$|(?:zehn|zig|drei(?:ss|ß)ig|hundert|tausend)$/,
  es: /^(?:diez|once|doce|trece|catorce|quince|dieci.+|veint.+|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien|ciento|mil)$/,
  fr: /^(?:dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente|quarante|cinquante|soixante|cents?|mille)$/,
  it: /^(?:dieci|undici|dodici|tredici|quattordici|quindici|sedici|dici.+|(?:vent|trent|quarant|cinquant|sessant|settant|ottant|novant).+|cento|mille)$/,
  pt: /^(?:dez|onze|doze|treze|[cq]u?atorze|quinze|dez(?:ess|ass)(?:eis|ete)|dezoito|dez[ea]nove|vinte|trinta|quarenta|cinquenta|sessenta|setenta|oitenta|noventa|cem|cento|mil)$/,
  nl: /^(?:elf|twaalf)$|(?:tien|tig|honderd|duizend)$/,
}

/** Say the next digit twice, or three times. */
const TIMES: Readonly<Record<MenuLanguage, Readonly<Record<string, number>>>> = {
  en: { double: 2, triple: 3, treble: 3 },
  de: { doppel: 2, zweimal: 2, dreimal: 3 },
  es: { doble: 2, triple: 3 },
  fr: { double: 2, triple: 3 },
  it: { doppio: 2, triplo: 3 },
  pt: { duplo: 2, dobro: 2, triplo: 3 },
  nl: { dubbel: 2, driedubbel: 3 },
}

const VALUES = new Map(
  Object.entries(DIGITS).map(([language, words]) => [
    language,
    new Map(words.flatMap((names, digit) => names.split("/").map((name) => [name, String(digit)] as const))),
  ]),
)

/** Words in lower case without accents and punctuation; digits stay. */
export function wordsOf(text: string): string[] {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/['’]/g, "")
    .split(/[^\p{L}\p{N}+*#]+/u)
    .filter((word) => word !== "")
}

/** Words that a recogniser is to expect as an answer. */
export function yesNoHints(language: string): string[] {
  const known = menuLanguage(language)
  return [...YES[known].slice(0, 3), ...NO[known].slice(0, 2)]
}

/** Undefined for what is neither, or both, or an agreement that is taken back, as in "that isn't right". */
export function spokenYesNo(text: string, language: string): "yes" | "no" | undefined {
  const known = menuLanguage(language)
  const said = wordsOf(text)
  const has = (words: readonly string[]) => said.some((word) => words.includes(word))
  const [yes, no] = [has(YES[known]), has(NO[known])]
  if (yes === no || (yes && has(NEGATIONS[known]))) return undefined
  return yes ? "yes" : "no"
}

/**
 * The digits in speech, with a leading `+` where it was said; other words are left out. Empty: there are none, or a larger
 * number was said in words, which recognisers write as digits.
 */
export function spokenDigits(text: string, language: string): string {
  const known = menuLanguage(language)
  const said = wordsOf(text)
  if (said.some((word) => LARGER[known].test(word))) return ""
  let digits = ""
  let times = 1
  for (const word of said) {
    const plain = word.replace(/^\+/, "")
    const value = /^\d+$/.test(plain) ? plain : VALUES.get(known)?.get(word)
    if (digits === "" && (word.startsWith("+") || word === "plus")) digits = "+"
    if (value === undefined) {
      times = TIMES[known][word] ?? 1
      continue
    }
    digits += value.length === 1 ? value.repeat(times) : value
    times = 1
  }
  return digits === "+" ? "" : digits
}

/** How many words of `phrase` occur in speech as a whole; 0 where they do not. */
export function matchedWords(said: readonly string[], phrase: string): number {
  const wanted = wordsOf(phrase)
  const last = said.length - wanted.length
  if (wanted.length === 0) return 0
  for (let at = 0; at <= last; at += 1) {
    if (wanted.every((word, index) => said[at + index] === word)) return wanted.length
  }
  return 0
}
