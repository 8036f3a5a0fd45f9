/** The languages among which the agent follows the caller; none where the recogniser knows only one. Pure. */

import type { Agent } from "../assets/agent.ts"
import type { Parameters } from "../call/call.ts"

/**
 * Tags such as `en-AU`, the agent's own first. `multi` as the language of recognition makes it report what it hears.
 * Another application that wrote the TwiML passes its languages in the parameters `crLanguages` (separated by commas) and
 * `crTtsLanguage`. (Twilio: "Voice configuration".)
 */
export function declaredLanguages({ relay }: Agent, parameters: Parameters): string[] {
  const declared = parameters["crLanguages"]
  if (declared !== undefined) {
    return unique([parameters["crTtsLanguage"], ...declared.split(",")])
  }
  const { attributes, languages } = relay
  const recognised = attributes["transcriptionLanguage"] ?? attributes["language"]
  if (recognised !== "multi") return []
  const spoken = attributes["ttsLanguage"] ?? attributes["language"]
  return unique([typeof spoken === "string" ? spoken : undefined, ...languages.map(({ code }) => code)])
}

function unique(tags: readonly (string | undefined)[]): string[] {
  const clean = tags.map((tag) => tag?.trim() ?? "").filter((tag) => tag !== "" && tag !== "multi")
  return [...new Set(clean)]
}
