/** Contexts whose text is a document elsewhere: `{"googleDoc": "id"}` or `{"url": "https://…"}` in place of the text. Pure. */

import { z } from "zod"
import { googleDocId } from "../config/text-fields.ts"

/** What names a document; the key of its copy. */
export type DocumentSource = string

const GOOGLE = "googleDoc:"

const url = z
  .string()
  .max(2000)
  .refine((text) => {
    const parsed = URL.parse(text)
    const isLocal = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed?.hostname ?? "")
    return parsed?.protocol === "https:" || (isLocal && parsed?.protocol === "http:")
  }, "must be an address that begins with https://")

/** Becomes the `DocumentSource`. */
export const DocumentReference = z.union([
  z.strictObject({ googleDoc: googleDocId }).transform(({ googleDoc }) => `${GOOGLE}${googleDoc}`),
  z.strictObject({ url }).transform(({ url: address }) => address),
])

/** Whether the key of a context is a document that the configuration names in place of a key. */
export function isDocumentSource(key: string): boolean {
  return key.includes(":")
}

/** The document that a context names, or what is wrong with the name; undefined for a context that is a text itself. */
export function documentNamed(text: string): { source: DocumentSource } | { fault: string } | undefined {
  const value = readJson(text)
  if (typeof value !== "object" || value === null) return undefined
  const names = Object.keys(value)
  if (names.length !== 1 || !/^(?:googleDoc|url)$/.test(names[0] ?? "")) return undefined
  const parsed = DocumentReference.safeParse(value)
  if (parsed.success) return { source: parsed.data }
  const [name] = names
  const what = name === "url" ? "an address that begins with https://" : "the id of a Google document"
  return { fault: `${name} must be ${what}` }
}

/** Where the text of a document is read. (Google Docs: "Export", format `txt`.) */
export function documentAddress(source: DocumentSource, googleBaseUrl: string): string {
  if (!source.startsWith(GOOGLE)) return source
  const id = encodeURIComponent(source.slice(GOOGLE.length))
  return `${googleBaseUrl.replace(/\/+$/, "")}/document/d/${id}/export?format=txt`
}

function readJson(text: string): unknown {
  // Most contexts are Markdown, which is not parsed.
  if (!text.trimStart().startsWith("{")) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
