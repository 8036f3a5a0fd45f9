/** A menu as a call uses it: questions by keypad and speech, opening hours, and where each answer leads. Immutable. */

import type { LineType } from "../call/line-type.ts"
import type { OpeningHours } from "../call/opening-hours.ts"

/** A text, or the address of an audio file, by language; the language `""` serves every other one. */
export type MenuText = {
  readonly kind: "text" | "audio"
  readonly byLanguage: Readonly<Record<string, string>>
}
export type MenuTexts = readonly MenuText[]

export type MenuDestination =
  | { readonly kind: "step"; readonly step: string }
  /** Null: the agent of the call. */
  | { readonly kind: "agent"; readonly agent: string | null }
  /** `failed`: the step after a transfer that nobody took; undefined: as the agent says. */
  | { readonly kind: "transfer"; readonly to: string; readonly failed?: string | undefined }
  | { readonly kind: "menu"; readonly menu: string }
  | { readonly kind: "hang-up" }

/** Where an answer leads; `say` is spoken on the way. */
export type MenuTarget = {
  readonly say: MenuTexts
  /** The language from here on; undefined: it stays. */
  readonly language?: string | undefined
  readonly to: MenuDestination
}

/** What all questions have in common. */
export type MenuAsking = {
  readonly say: MenuTexts
  /** In place of `say` when the question is asked again; undefined: `say`. */
  readonly repeat?: MenuTexts | undefined
  readonly input: readonly ("dtmf" | "speech")[]
  readonly timeoutSeconds: number
  /** How often the question is asked again. */
  readonly retries: number
  readonly noInput?: MenuTexts | undefined
  readonly noMatch?: MenuTexts | undefined
  /** After the last attempt; undefined: as the menu says. */
  readonly otherwise?: MenuTarget | undefined
}

/** The read-back of an input. `{value}` in `say` is the input. */
export type MenuConfirm = {
  readonly say?: MenuTexts | undefined
  readonly unclear?: MenuTexts | undefined
  readonly rejected?: MenuTexts | undefined
}

/** An input that is kept under a name. */
type Collecting = MenuAsking & {
  readonly saveAs?: string | undefined
  /** Undefined: the input is not read back. */
  readonly confirm?: MenuConfirm | undefined
  readonly then: MenuTarget
}

export type MenuOption = {
  readonly key?: string | undefined
  /** By language, as texts are. */
  readonly words: Readonly<Record<string, readonly string[]>>
  readonly then: MenuTarget
}

export type MenuStep =
  | { readonly kind: "say"; readonly say: MenuTexts; readonly then: MenuTarget }
  | (MenuAsking & { readonly kind: "choice"; readonly choices: readonly MenuOption[] })
  | (MenuAsking & { readonly kind: "yes-no"; readonly yes: MenuTarget; readonly no: MenuTarget })
  | (Collecting & {
      readonly kind: "digits"
      readonly min: number
      readonly max: number
      readonly finishOnKey: string
      /** Events show that something was entered, and not what. */
      readonly secret: boolean
    })
  | (Collecting & {
      readonly kind: "date"
      /** Of digits, and of a spoken date without the name of a month. */
      readonly order: "dmy" | "mdy" | "ymd"
      readonly when: "any" | "past" | "future"
    })
  | (Collecting & {
      readonly kind: "phone"
      /** Two letters; undefined: the country of the server, of the called number, of the caller. */
      readonly country?: string | undefined
      /** Fewest digits. */
      readonly min: number
      /** Most digits. */
      readonly max: number
      /** Whether the number becomes the verified number of the caller. */
      readonly verify: boolean
      /** Undefined: the kind of line does not matter, and is not looked up. */
      readonly lines?: MenuLines | undefined
    })
  /** Looks up the number that the caller calls from. */
  | {
      readonly kind: "caller"
      readonly refuse: readonly LineType[]
      readonly accepted: MenuTarget
      readonly refused: MenuTarget
      /** The caller withholds the number, or calls from no phone; default `refused`. */
      readonly withheld?: MenuTarget | undefined
      /** The lookup failed; default `refused`. */
      readonly lookupFailed?: MenuTarget | undefined
    }
  | {
      readonly kind: "hours"
      readonly hours: OpeningHours
      readonly holidays: readonly string[]
      readonly timeZone?: string | undefined
      readonly open: MenuTarget
      readonly closed: MenuTarget
      /** Default `closed`. */
      readonly holiday?: MenuTarget | undefined
    }
  | {
      readonly kind: "message"
      readonly say: MenuTexts
      readonly maxSeconds: number
      /** Silence that ends the message. */
      readonly silenceSeconds: number
      readonly finishOnKey: string
      readonly transcribe: boolean
      readonly retries: number
      /** When nothing was said. */
      readonly noInput?: MenuTexts | undefined
      readonly otherwise?: MenuTarget | undefined
      readonly then: MenuTarget
    }

/** Which kinds of lines a typed number may have. */
export type MenuLines = {
  readonly refuse: readonly LineType[]
  readonly refused?: MenuTexts | undefined
  /** When the lookup fails: ask again with these words, or take the number as it is. */
  readonly lookupFailed:
    { readonly kind: "retry"; readonly say: MenuTexts | undefined } | { readonly kind: "accept" }
}

export type Menu = {
  readonly key: string
  readonly version: string
  readonly language: string
  /** Voice by language, as Twilio names it. */
  readonly voices: Readonly<Record<string, string>>
  readonly timeZone?: string | undefined
  /** Country of phone numbers in national form. */
  readonly country?: string | undefined
  /** The agent that the call is recorded with from the beginning; undefined: that of the number. */
  readonly agent?: string | undefined
  readonly start: string
  /** After the last attempt of a question that has no rule of its own; undefined: `closing`, and the call ends. */
  readonly otherwise?: MenuTarget | undefined
  /** Last words before the call ends for want of an answer. */
  readonly closing?: MenuTexts | undefined
  readonly steps: Readonly<Record<string, MenuStep>>
}
