/** The interfaces through which assets use the database and Twilio Sync. `app.ts` supplies the implementations. */

import type { AssetId, AssetKind, AssetSource } from "./asset-text.ts"

/** Where a stored text comes from. */
export type StoredSource = Extract<AssetSource, "api" | "sync">

export type StoredText = { key: string; version: string; text: string }

export type StoredVersion = {
  version: string
  /** `seen`: the text of a file that a call ran with. */
  source: StoredSource | "seen"
  /** Milliseconds since the epoch. */
  createdAt: number
}

/** Revisions of a source right before and after a change; the same where nothing changed. */
export type RevisionChange = { before: number; after: number }

/** Stored assets with all their versions. Every method is one transaction. */
export interface AssetRepository {
  /** The stored assets of a kind in force: of each key the newest version that was not removed. */
  latest(kind: AssetKind, source: StoredSource): Promise<StoredText[]>
  /** Stores a version. One that is already in force changes nothing. */
  put(asset: StoredText & { kind: AssetKind; source: StoredSource; at: number }): Promise<RevisionChange>
  /** Removes a key; its versions stay readable. */
  remove(asset: { kind: AssetKind; key: string; source: StoredSource; at: number }): Promise<RevisionChange>
  /** Stores these versions, and removes every key of the source that is not in `ids`. */
  replaceAll(all: {
    source: StoredSource
    texts: readonly (StoredText & { kind: AssetKind })[]
    ids: readonly AssetId[]
    at: number
  }): Promise<void>
  /** Newest first, at most 200. */
  versions(kind: AssetKind, key: string): Promise<StoredVersion[]>
  read(kind: AssetKind, key: string, version: string): Promise<string | undefined>
  /** Grows with every change, including those of other processes. */
  revision(source: StoredSource): Promise<number>
  /** Versions in Sync that came from files, by id. */
  syncedVersions(): Promise<ReadonlyMap<string, string>>
  setSyncedVersions(versions: ReadonlyMap<string, string>, at: number): Promise<void>
}

/** One entry of Sync. */
export type RemoteEntry = {
  kind: AssetKind
  key: string
  revision: string
  /** A context is `{ content }`, a manifest `{ tools }`, the configuration an object. */
  data: unknown
}

/** The assets of an account in Twilio Sync. Every method throws `AppError` for a request that failed. */
export interface RemoteAssets {
  /** All entries; creates the service and its objects where they are missing. */
  readAll(): Promise<RemoteEntry[]>
  /** Writes one entry, and creates it where it is missing. Returns its revision. */
  write(entry: Omit<RemoteEntry, "revision">): Promise<string>
  /**
   * Writes one entry if it still has this revision; null: if it does not exist yet. Returns the new revision, undefined
   * after a concurrent change.
   */
  writeIf(entry: Omit<RemoteEntry, "revision">, revision: string | null): Promise<string | undefined>
  /** A missing entry is not an error. */
  remove(id: AssetId): Promise<void>
}
