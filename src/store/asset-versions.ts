/** Stored assets with all their versions: from the API, from Sync, and from files that calls ran with. */

export type StoredAssetKind = "context" | "manifest" | "config" | "menu"

export type StoredAssetId = { kind: StoredAssetKind; key: string }

export type AssetVersionText = { key: string; version: string; text: string }

export type StoredAssetVersion = {
  version: string
  /** `seen`: the text of a file that a call ran with. */
  source: "api" | "sync" | "seen"
  /** Milliseconds since the epoch. */
  createdAt: number
}

/** Revisions of a source right before and after a change; the same where nothing changed. */
export type StoredRevisions = { before: number; after: number }

export interface StoredAssets {
  /** What is in force of a kind: of each key the newest version that was not removed, by key. */
  latest(kind: StoredAssetKind, source: "api" | "sync"): Promise<AssetVersionText[]>

  /** Keeps a version, and of the older ones the newest 199. One that is in force already changes nothing. */
  put(
    asset: StoredAssetId & { version: string; text: string; source: "api" | "sync"; at: number },
  ): Promise<StoredRevisions>

  /** Takes a key out of force; its versions stay readable. One that is not in force changes nothing. */
  remove(asset: StoredAssetId & { source: "api" | "sync"; at: number }): Promise<StoredRevisions>

  /** Keeps these versions, and takes every key of the source out of force that is not in `ids`. */
  replaceAll(all: {
    source: "api" | "sync"
    texts: readonly (StoredAssetId & { version: string; text: string })[]
    ids: readonly StoredAssetId[]
    at: number
  }): Promise<void>

  /** Keeps the text that a call ran with, once, so that it can be read long after its file was changed. */
  saveVersion(asset: StoredAssetId & { version: string; text: string; at: number }): Promise<void>

  /** Newest first, at most 200. */
  versions(kind: StoredAssetKind, key: string): Promise<StoredAssetVersion[]>

  /** The text of a version, also of one that is not in force any more. */
  read(kind: StoredAssetKind, key: string, version: string): Promise<string | undefined>

  /** Grows with every change, also one by another process. */
  revision(source: "api" | "sync"): Promise<number>

  /** Versions that went from files to Sync, by id. */
  syncedVersions(): Promise<ReadonlyMap<string, string>>

  setSyncedVersions(versions: ReadonlyMap<string, string>, at: number): Promise<void>
}
