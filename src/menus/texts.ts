/** Turns the texts of a menu into what the caller hears: in the language of the call, with placeholders filled. Pure. */

import type { Menu, MenuTexts } from "../assets/menu.ts"
import type { Parameters } from "../call/call.ts"
import type { VoicePrompt } from "../call/next-step.ts"
import { fillPlaceholders } from "../call/placeholders.ts"

/** All texts of one document, in characters: escaped they stay below 64 kB. (Twilio: "Error 11750".) */
const MAX_TEXT = 9_000

export type TextOptions = { menu: Pick<Menu, "voices">; language: string; values: Parameters }

export function promptsOf(texts: MenuTexts, { menu, language, values }: TextOptions): VoicePrompt[] {
  return texts.map(({ kind, byLanguage }): VoicePrompt => {
    const [tag, value] = inLanguage(byLanguage, language)
    if (kind === "audio") return { kind, url: value }
    const spoken = tag === "" ? language : tag
    const [, voice] = inLanguage(menu.voices, spoken, { strict: true })
    const prompt = { kind, text: fillPlaceholders(value, values), language: spoken } as const
    return voice === "" ? prompt : { ...prompt, voice }
  })
}

/** The prompts without what no document of Twilio's has room for. */
export function withinLimit(prompts: readonly VoicePrompt[]): VoicePrompt[] {
  let left = MAX_TEXT
  return prompts.flatMap((prompt): VoicePrompt[] => {
    const size = prompt.kind === "text" ? prompt.text.length : prompt.url.length
    if (prompt.kind === "audio" && size > left) return []
    const text = prompt.kind === "text" ? prompt.text.slice(0, left) : ""
    left = Math.max(0, left - size)
    if (prompt.kind === "audio") return [prompt]
    return text.trim() === "" ? [] : [{ ...prompt, text }]
  })
}

/**
 * What belongs to a language: under its own tag, under another tag of the same language, for all languages, else the
 * first. With `strict` the last one is left out.
 */
function inLanguage(
  byLanguage: Readonly<Record<string, string>>,
  tag: string,
  { strict = false } = {},
): [tag: string, value: string] {
  const entries = Object.entries(byLanguage)
  const primary = (name: string) => name.toLowerCase().split("-", 1)[0]
  const found =
    entries.find(([name]) => name.toLowerCase() === tag.toLowerCase()) ??
    entries.find(([name]) => name !== "" && primary(name) === primary(tag)) ??
    entries.find(([name]) => name === "") ??
    (strict ? undefined : entries[0])
  return found ?? ["", ""]
}
