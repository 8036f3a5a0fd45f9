/** Texts that name parameters of a call. Pure. */

import type { Parameters } from "./call.ts"

/** Replaces `{name}` by the parameter of that name; an unknown one stays as it is. */
export function fillPlaceholders(text: string, parameters: Parameters): string {
  return text.replace(/\{([A-Za-z0-9_.-]{1,64})\}/g, (placeholder, name: string) =>
    Object.hasOwn(parameters, name) ? (parameters[name] ?? placeholder) : placeholder,
  )
}
