/** What control asks of the menus of a call. Implemented by the room of the menus. */

import type { Call } from "../call/call.ts"
import type { MenuState } from "../call/menu-state.ts"
import type { NextStep } from "../call/next-step.ts"

export type MenuStart = {
  /** Key of the menu. */
  menu: string
  /** `model-failed`: the call was with an agent, and comes to a menu that it may have passed before. */
  reason: "call-began" | "model-failed"
  /** Default: `menus`. */
  paths?: MenuState["paths"]
}

/** The caller's requests about one call must be carried out one after another: `callQueue`. */
export interface CallMenus {
  /** The first step of a menu; for a call that began with one, where it is now. Undefined for an unknown menu. */
  begin(call: Call, start: MenuStart): Promise<NextStep | undefined>
  /** The step of the menu that transferred the call, after nobody took it; undefined where the menu names none. */
  transferFailed(call: Call): Promise<NextStep | undefined>
}
