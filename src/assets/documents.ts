/** Keeps the documents that contexts name: fetches them at the start and on an interval, and keeps the last good copies. */

import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import { MAX_CONTEXT_CHARACTERS, type AssetText } from "./asset-text.ts"
import { documentAddress, type DocumentSource } from "./document-reference.ts"
import { fetchDocument, type FetchDocument } from "./fetch-document.ts"
import type { AssetState } from "./state.ts"

export type StoredCopy = {
  source: DocumentSource
  text: string | null
  fetchedAt: number | null
  checkedAt: number
  error: string | null
}

/** Where copies outlive the process. */
export interface DocumentRepository {
  all(): Promise<StoredCopy[]>
  put(document: { source: DocumentSource; text: string; at: number }): Promise<void>
  fail(document: { source: DocumentSource; error: string; at: number }): Promise<void>
  keepOnly(sources: readonly DocumentSource[]): Promise<void>
}

export type DocumentSettings = {
  /** Google documents that are contexts of the program, by key. */
  googleDocs: Readonly<Record<string, string | undefined>>
  /** Default: Google. */
  googleBaseUrl: string | undefined
  refreshMs: number
  timeoutMs: number
  fetch: FetchDocument["fetch"]
}

export type DocumentsOptions = {
  settings: DocumentSettings
  state: AssetState
  repository: DocumentRepository
  sweep: Sweep
  log: Log
}

const GOOGLE_URL = "https://docs.google.com"
/** A document that could not be fetched is tried again after this, or after the interval if that is shorter. */
const RETRY_MS = 30_000
/** Longest wait of the start for documents that were never fetched. */
const START_MS = 3_000
/** Documents that are fetched at once. */
const AT_ONCE = 4

export class DocumentRefresh {
  readonly #options: DocumentsOptions
  /** When each document is due, in monotonic milliseconds. */
  readonly #dueAt = new Map<DocumentSource, number>()
  readonly #running = new Set<DocumentSource>()
  #isClosed = false

  constructor(options: DocumentsOptions) {
    this.#options = options
  }

  /** Fetches all documents. Resolves once those without a copy were tried, but soon. Never rejects. */
  async start(): Promise<void> {
    const { state, sweep } = this.#options
    const copies = state.layers.documents ?? new Map()
    const missing = this.#due().filter((source) => !copies.has(source))
    const fetched = this.#fetchDue()
    if (missing.length === 0) return
    const limit = new AbortController()
    await Promise.race([fetched, sweep.sleep(START_MS, limit.signal)])
    limit.abort()
  }

  /** Fetches what is due, among it documents that a changed context names. Called twice a second. */
  check(): void {
    if (this.#due().length > 0) this.#options.log.background("fetching documents", this.#fetchDue())
  }

  /** Fetches no more. */
  close(): void {
    this.#isClosed = true
  }

  #due(): DocumentSource[] {
    const now = this.#now()
    const named = this.#options.state.snapshot.documents
    for (const source of this.#dueAt.keys()) if (!named.has(source)) this.#dueAt.delete(source)
    return [...named].filter((source) => !this.#running.has(source) && (this.#dueAt.get(source) ?? 0) <= now)
  }

  async #fetchDue(): Promise<void> {
    const { state, repository } = this.#options
    const due = this.#due().slice(0, Math.max(0, AT_ONCE - this.#running.size))
    if (due.length === 0) return
    for (const source of due) this.#running.add(source)
    await Promise.all(due.map((source) => this.#fetch(source)))
    if (this.#isClosed) return
    await this.#quietly(repository.keepOnly([...state.snapshot.documents]))
    await this.#fetchDue()
  }

  async #fetch(source: DocumentSource): Promise<void> {
    const { settings, repository, sweep, log } = this.#options
    const { googleBaseUrl = GOOGLE_URL, timeoutMs, refreshMs, fetch } = settings
    const address = documentAddress(source, googleBaseUrl)
    const maxCharacters = MAX_CONTEXT_CHARACTERS
    const result = await fetchDocument({ address, fetch, timeoutMs, maxCharacters, sweep })
    this.#running.delete(source)
    if (this.#isClosed) return
    const at = sweep.clock.now()
    if (result.ok) {
      this.#dueAt.set(source, this.#now() + refreshMs)
      this.#use(source, result.text)
      return this.#quietly(repository.put({ source, text: result.text, at }))
    }
    this.#dueAt.set(source, this.#now() + Math.min(refreshMs, RETRY_MS))
    log.warn("a document could not be fetched; its last copy stays", { document: source, reason: result.why })
    await this.#quietly(repository.fail({ source, error: result.why, at }))
  }

  #use(source: DocumentSource, text: string): void {
    const { state, log } = this.#options
    const copies = state.layers.documents ?? new Map<string, string>()
    if (copies.get(source) === text) return
    // Copies of what no context names any more go with the next one that changes.
    const { documents: named } = state.snapshot
    const kept = [...copies].filter(([known]) => named.has(known))
    state.use({ documents: new Map([...kept, [source, text]]) })
    log.info("a document is in force", { document: source, characters: text.length })
  }

  /** A copy that cannot be stored is in force all the same. */
  async #quietly(stored: Promise<void>): Promise<void> {
    try {
      await stored
    } catch (error) {
      if (!this.#isClosed) this.#options.log.warn("the copy of a document could not be stored", { error })
    }
  }

  #now(): number {
    return this.#options.sweep.clock.monotonic()
  }
}

/** Contexts of the program that are Google documents, by key. */
export function googleContexts(docs: Readonly<Record<string, string | undefined>>): AssetText[] {
  return Object.entries(docs).flatMap(([key, googleDoc]): AssetText[] =>
    googleDoc === undefined
      ? []
      : [{ name: key, kind: "context", key, text: JSON.stringify({ googleDoc }), source: "embedded" }],
  )
}
