/** What the menu machine takes in and gives out. */

import type { Menu } from "../assets/menu.ts"
import type { Parameters } from "../call/call.ts"
import type { LineType } from "../call/line-type.ts"
import type { MenuState } from "../call/menu-state.ts"
import type { CallerInput } from "./understand.ts"

/** What a step of a menu depends on besides state and input. */
export type MenuScene = {
  menu: Menu
  /** Milliseconds since the epoch. */
  now: number
  /** The caller's number, as Twilio gives it. */
  caller: string
  parameters: Parameters
  /** IANA name; undefined: the zone of this machine. */
  timeZone: string | undefined
}

export type MenuInput =
  | CallerInput
  /** Nothing was pressed or said in time. */
  | { kind: "none" }
  /** `number` undefined: it is no phone number. `failed`: the lookup; `not-checked`: there is no account to ask. */
  | { kind: "checked"; number: string | undefined; line: LineType | "failed" | "not-checked" }
  | { kind: "recorded"; seconds: number }
  | { kind: "transfer-failed" }
  /** The caller is to enter the value of the step again. */
  | { kind: "enter-again" }

export type MenuResult =
  | { kind: "at"; state: MenuState }
  /** The next input is `checked`. */
  | { kind: "check-number"; state: MenuState; given: string; lookUp: boolean; country: string | undefined }
  | { kind: "enter-menu"; state: MenuState; menu: string }
