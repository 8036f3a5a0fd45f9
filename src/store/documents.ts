/** The last good copies of documents that are fetched from elsewhere. */

export type StoredDocument = {
  /** Address of the document. */
  source: string
  /** Null: it was never fetched. */
  text: string | null
  /** When this text was fetched; milliseconds since the epoch, as all times here. */
  fetchedAt: number | null
  /** The last attempt. */
  checkedAt: number
  /** Why the last attempt failed; null when it succeeded. */
  error: string | null
}

export interface Documents {
  all(): Promise<StoredDocument[]>

  /** The document was fetched. */
  put(document: { source: string; text: string; at: number }): Promise<void>

  /** It could not be fetched: an earlier copy stays. */
  fail(document: { source: string; error: string; at: number }): Promise<void>

  /** Deletes the copies of all other documents. */
  keepOnly(sources: readonly string[]): Promise<void>
}
