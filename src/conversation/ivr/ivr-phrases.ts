/** What phone menus say everywhere, in English: that one should wait, whether one is still there, that one may leave a message. Pure. */

export type KnownPhrase =
  | { kind: "hold" }
  /** `keys`: what to press, where the menu names it. */
  | { kind: "still-there"; keys: string | undefined }
  | { kind: "voicemail" }
  /** A service asks who calls, before it connects. */
  | { kind: "screening" }

/** A recording starts. */
const TONE = /\b(?:(?:after|at) the (?:tone|beep|signal)|mailbox is full)\b/i
const VOICEMAIL =
  /\b(?:leave (?:me |us )?(?:a|your) (?:message|name and number)|voice ?mail(?:box)?|record your message)\b/i
const SCREENING =
  /\b(?:(?:say|state|record|tell (?:me|us)) your name(?:,? and (?:the reason|why|what)|,? and I)|call screening|screening (?:service|your call)|who is calling and why)\b/i
const STILL_THERE =
  /\b(?:are you (?:still )?(?:there|on the line|with us)|(?:if|whether) you(?:'re| are) still (?:there|on the line|holding)|(?:to|if you(?:'d| would)? (?:like|want|wish) to) (?:continue|keep) (?:to hold|holding|waiting)|to (?:stay|remain) on the line)\b/i
const HOLD =
  /\b(?:please (?:hold|wait|stay on the line|remain on the line)|(?:agents?|representatives?|operators?|associates?|lines) (?:are|is)(?: all)? (?:currently |still )?(?:busy|assisting|helping|serving|with other)|your call is (?:very )?important|next available|in the order|wait time|(?:number|caller) \w+ in (?:the )?(?:queue|line)|position in (?:the )?queue|thank you for (?:holding|waiting|your patience|continuing to hold)|high(?:er)? (?:than (?:normal|usual) )?call volumes?|calls? (?:may|will) be (?:recorded|monitored)|one moment(?: please)?|transferring (?:you|your call))\b/i
/** What only a machine says. */
const MACHINE =
  /\b(?:your call is (?:very )?important|press (?:\d|one|two|three|four|five|six|seven|eight|nine|zero|star|pound|hash)|(?:agents?|representatives?|operators?) are (?:all )?(?:currently |still )?(?:busy|assisting|helping|serving)|estimated wait|position in (?:the )?queue)\b/i
const OFFER = /\b(?:press|say|dial|enter)\b/i

const DIGITS: Readonly<Record<string, string>> = {
  zero: "0",
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
  pound: "#",
  hash: "#",
}

export function knownPhrase(heard: string): KnownPhrase | undefined {
  if (TONE.test(heard)) return { kind: "voicemail" }
  if (SCREENING.test(heard)) return { kind: "screening" }
  if (STILL_THERE.test(heard)) return { kind: "still-there", keys: keyToContinue(heard) }
  if (HOLD.test(heard)) return { kind: "hold" }
  // A menu that offers to take a message is still a menu.
  return VOICEMAIL.test(heard) && !OFFER.test(heard) ? { kind: "voicemail" } : undefined
}

/** Whether no person says this. */
export function isMachine(heard: string): boolean {
  return MACHINE.test(heard)
}

/** Whether the caller is offered a choice. */
export function isOffer(heard: string): boolean {
  return OFFER.test(heard)
}

/** The key in the clause about continuing: "to continue holding, press one", or "press 1 to stay on the line". */
function keyToContinue(heard: string): string | undefined {
  const clause = heard
    .split(/[.;?!]/)
    .find((part) => /\b(?:continue|keep|stay|remain|still|hold)/i.test(part) && /\bpress\b/i.test(part))
  const key = /\bpress (?:the )?(\d|[a-z]+)\b/i.exec(clause ?? heard)?.[1]?.toLowerCase()
  if (key === undefined) return undefined
  if (key === "any") return "1"
  return /^\d$/.test(key) ? key : DIGITS[key]
}
