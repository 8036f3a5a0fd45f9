/** The form that assets have in Twilio Sync: a context is `{ content }`, anything else its own JSON. Pure. */

import type { AssetText } from "./asset-text.ts"
import type { RemoteEntry } from "./stored.ts"

/** Largest JSON of a document or of a map item. (Twilio: "Sync limits".) */
export const MAX_ENTRY_BYTES = 16_384

/** `text` must have been parsed before: invalid JSON throws. */
export function dataOf({ kind, text }: Pick<AssetText, "kind" | "text">): unknown {
  return kind === "context" ? { content: text } : JSON.parse(text)
}

/** The text of an entry; undefined for a context of an unknown form. */
export function textOf({ kind, data }: Pick<RemoteEntry, "kind" | "data">): string | undefined {
  if (kind !== "context") return JSON.stringify(data, null, 2)
  const content = typeof data === "object" && data !== null && "content" in data ? data.content : data
  return typeof content === "string" ? content : undefined
}

export function fitsSync(data: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(data)) <= MAX_ENTRY_BYTES
}
