/** Texts that name parameters of a call. Pure. */

import type { Parameters } from "./call.ts"

const NAME = "[A-Za-z0-9_.-]{1,64}"
const DEFAULT = String.raw`(?:\|([^{}\r\n]{0,200}))?`
/** `{{name}}` may have blanks around the name, as other products write it; `{ name }` is more likely no placeholder. */
const PLACEHOLDER = new RegExp(String.raw`\{\{\s*(${NAME})\s*${DEFAULT}\}\}|\{(${NAME})${DEFAULT}\}`, "g")

/** Names of placeholders without a default, each once. */
export function requiredPlaceholders(text: string): string[] {
  const found = [...text.matchAll(PLACEHOLDER)].flatMap(
    ([, double, doubleDefault, single, singleDefault]) => {
      const name = double ?? single
      return name === undefined || (doubleDefault ?? singleDefault) !== undefined ? [] : [name]
    },
  )
  return [...new Set(found)]
}

/**
 * Replaces `{name}` and `{{name}}` by the parameter of that name. `{name|there}` stands for `there` where the parameter
 * is unknown or empty; without such a default an unknown one stays as it is.
 */
export function fillPlaceholders(text: string, parameters: Parameters): string {
  return text.replace(
    PLACEHOLDER,
    (
      placeholder: string,
      double?: string,
      doubleDefault?: string,
      single?: string,
      singleDefault?: string,
    ) => {
      const name = double ?? single ?? ""
      const fallback = (doubleDefault ?? singleDefault)?.trim()
      const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined
      if (fallback !== undefined && (value ?? "").trim() === "") return fallback
      return value ?? placeholder
    },
  )
}
