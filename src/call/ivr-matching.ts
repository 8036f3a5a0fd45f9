/** How what was heard matches the entries of a phone menu, and which keys a response means. Pure. */

import type { Parameters } from "./call.ts"
import type { IvrMenu } from "./ivr-menu.ts"
import { KeypadKeys } from "./keypad.ts"
import { fillPlaceholders } from "./placeholders.ts"

/** The menu with the parameters of the call in place of its `{placeholders}`; unknown ones stay as they are. */
export function filledMenu(menu: IvrMenu, parameters: Parameters): IvrMenu {
  return menu.map(({ intent, triggers, response }) => ({
    intent,
    triggers: triggers.map((trigger) => fillPlaceholders(trigger, parameters)),
    response: fillPlaceholders(response, parameters),
  }))
}

/** Words in the form in which they are compared: lower case, letters and digits alone. */
export function comparable(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "")
}

/** The first entry with a trigger that is contained in what was heard; -1 when there is none. */
export function matchingEntry(menu: IvrMenu, heard: string): number {
  const words = comparable(heard)
  return menu.findIndex(({ triggers }) =>
    triggers.map(comparable).some((trigger) => trigger !== "" && words.includes(trigger)),
  )
}

/** The keys of a response that is keys alone; undefined for words. `w` is a pause of half a second. */
export function keysOf(response: string): string | undefined {
  const keys = response.replace(/[\s().-]/g, "")
  return KeypadKeys.safeParse(keys).success && /[0-9*#]/.test(keys) ? keys : undefined
}
