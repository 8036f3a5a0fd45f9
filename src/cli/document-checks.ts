/** Checks of documents that are contexts: how old their copies are, and why the last attempt failed. */

import type { Store } from "../store/store.ts"
import type { StoredDocument } from "../store/documents.ts"
import type { Check } from "./diagnostics.ts"

const ABOUT = "Documents"
const MINUTE_MS = 60_000

/** `now`: milliseconds since the epoch. */
export async function documentChecks(store: Store | undefined, now: number): Promise<Check[]> {
  return ((await store?.documents.all()) ?? []).map((document) => documentCheck(document, now))
}

function documentCheck({ source, text, fetchedAt, checkedAt, error }: StoredDocument, now: number): Check {
  if (text === null || fetchedAt === null) {
    const why = error === null ? "" : `: ${error}`
    return { state: "warning", about: ABOUT, text: `${source} was never fetched${why}` }
  }
  const copy = `${source}, ${text.length} characters, fetched ${agoOf(now - fetchedAt)}`
  if (error === null) return { state: "ok", about: ABOUT, text: copy }
  return {
    state: "warning",
    about: ABOUT,
    text: `${copy}; the attempt ${agoOf(now - checkedAt)} failed: ${error}`,
  }
}

function agoOf(ms: number): string {
  const minutes = Math.floor(ms / MINUTE_MS)
  if (minutes < 1) return "less than a minute ago"
  if (minutes < 120) return `${minutes} minute${minutes === 1 ? "" : "s"} ago`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} hours ago` : `${Math.floor(hours / 24)} days ago`
}
