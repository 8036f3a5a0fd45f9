/** Adds what the caller hears to a state. Pure. */

import type { MenuTexts } from "../assets/menu.ts"
import type { Parameters } from "../call/call.ts"
import type { MenuAction, MenuState } from "../call/menu-state.ts"
import { menuPhrases, type MenuPhrases } from "./phrases.ts"
import type { MenuResult, MenuScene } from "./scene.ts"
import { promptsOf, withinLimit } from "./texts.ts"

/** The state after more words. */
export function speak(
  { menu, parameters }: MenuScene,
  state: MenuState,
  texts: MenuTexts,
  values: Parameters = state.values,
): MenuState {
  const { language, prompts } = state
  const said = promptsOf(texts, { menu, language, values: { ...parameters, ...values } })
  return said.length === 0 ? state : { ...state, prompts: [...prompts, ...said] }
}

/** A phrase of the program, in the form of a menu's texts. */
export function own({ language }: MenuState, name: keyof MenuPhrases): MenuTexts {
  return [{ kind: "text", byLanguage: { "": menuPhrases(language)[name] } }]
}

export function orOwn(texts: MenuTexts | undefined, state: MenuState, name: keyof MenuPhrases): MenuTexts {
  return texts === undefined || texts.length === 0 ? own(state, name) : texts
}

/** The call stays at this state until the next input. It says something, unless an agent or a person does so next. */
export function at(state: MenuState, action: MenuAction): MenuResult {
  const prompts = withinLimit(state.prompts)
  const isSilent = prompts.length === 0 && action.kind !== "agent" && action.kind !== "transfer"
  const phrase = action.kind === "hang-up" ? "goodbye" : "noInput"
  const { language } = state
  const text = menuPhrases(language)[phrase]
  return {
    kind: "at",
    state: { ...state, prompts: isSilent ? [{ kind: "text", text, language }] : prompts, action },
  }
}
