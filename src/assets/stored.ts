/** What assets need of the database and of Twilio Sync: two narrow views, filled in where the program is put together. */

import type { AssetId, AssetKind, AssetSource } from "./asset-text.ts"

/** Who may put a text into the database. */
export type StoredSource = Extract<AssetSource, "api" | "sync">

export type StoredText = { key: string; version: string; text: string }

export type StoredVersion = {
  version: string
  /** `seen`: the text of a file that a call ran with. */
  source: StoredSource | "seen"
  /** Milliseconds since the epoch. */
  createdAt: number
}

/** Assets that outlive the process. */
export interface AssetRepository {
  /** What is in force of a kind: of each key the newest version that was not removed. */
  latest(kind: AssetKind, source: StoredSource): StoredText[]
  /** Keeps a version. One that is in force already changes nothing. */
  put(asset: StoredText & { kind: AssetKind; source: StoredSource; at: number }): void
  /** Takes a key out of force; its versions stay readable. */
  remove(asset: { kind: AssetKind; key: string; source: StoredSource; at: number }): void
  /** Newest first, at most 200. */
  versions(kind: AssetKind, key: string): StoredVersion[]
  read(kind: AssetKind, key: string, version: string): string | undefined
  /** Grows with every change, also one by another process. */
  revision(source: StoredSource): number
  /** Versions that went from files to Sync, by id. */
  syncedVersions(): ReadonlyMap<string, string>
  setSyncedVersions(versions: ReadonlyMap<string, string>, at: number): void
}

/** What stands in Sync under one key. */
export type RemoteEntry = {
  kind: AssetKind
  key: string
  revision: string
  /** A context is `{ content }`, a manifest `{ tools }`, the configuration an object. */
  data: unknown
}

/** The assets of an account in Twilio Sync. Every method throws `AppError` for a request that failed. */
export interface RemoteAssets {
  /** Everything; what has to be there for it is created. */
  readAll(): Promise<RemoteEntry[]>
  /** Writes one entry, and creates it where it is missing. Gives its revision. */
  write(entry: Omit<RemoteEntry, "revision">): Promise<string>
  /**
   * Writes one entry if it still has this revision; null: if it is not there yet. Gives the new revision, undefined
   * when somebody else was faster.
   */
  writeIf(entry: Omit<RemoteEntry, "revision">, revision: string | null): Promise<string | undefined>
  /** One that is not there is no error. */
  remove(id: AssetId): Promise<void>
}
