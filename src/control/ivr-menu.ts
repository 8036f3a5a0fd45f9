/** The phone menu of a call that is to be placed: given with the request, stored under a key, or stored for the number. */

import type { Assets } from "../assets/agent.ts"
import type { Engine } from "../call/engine.ts"
import type { IvrMenu } from "../call/ivr-menu.ts"
import { AppError } from "../lib/errors.ts"

/** The entries, the key of a stored menu, null for none; undefined: that of the number, if there is one. */
export type GivenIvrMenu = IvrMenu | string | null | undefined

/** Throws INVALID_REQUEST for a key that does not exist. */
export function ivrMenuOf(assets: Assets, given: GivenIvrMenu, to: string): IvrMenu | null {
  if (given === null) return null
  if (given === undefined) return assets.ivrMenuFor({ number: to }) ?? null
  return (typeof given === "string" ? assets.ivrMenuFor({ key: given }) : given) ?? null
}

/** Engines that pass phone menus, the preferred one first. A speech-to-speech model would talk to the menu. */
const NAVIGATING: readonly Engine[] = ["pipeline", "relay"]

export type NavigatingEngineOptions = {
  /** By the request. */
  asked: Engine | undefined
  ofAgent: Engine
  /** Whether a speech provider is configured, which the pipeline needs. */
  hasSpeech: boolean
}

/** The engine of a call that has to pass a phone menu. Throws INVALID_REQUEST when the request names one that cannot. */
export function navigatingEngine({ asked, ofAgent, hasSpeech }: NavigatingEngineOptions): Engine {
  const usable = NAVIGATING.filter((engine) => engine !== "pipeline" || hasSpeech)
  if (asked !== undefined && !usable.includes(asked)) {
    const message = `The engine ${asked} cannot pass a phone menu. Use ${usable.join(" or ")}.`
    throw new AppError("INVALID_REQUEST", message, {
      details: [{ field: "engine", message: "cannot pass a phone menu" }],
    })
  }
  return asked ?? (usable.includes(ofAgent) ? ofAgent : (usable[0] ?? "relay"))
}
