/** Stored assets with all their versions: what came through the API, what stands in Sync, what calls ran with. */

import { and, desc, eq, inArray, lt, max } from "drizzle-orm"
import type { Db } from "./database.ts"
import { assets } from "./schema.ts"

export type AssetKind = "context" | "manifest" | "config" | "menu"

export type AssetId = { kind: AssetKind; key: string }

export type StoredVersion = {
  version: string
  /** `seen`: the text of a file that a call ran with. */
  source: "api" | "sync" | "seen"
  createdAt: number
}

export type StoredAssets = ReturnType<typeof createAssets>

/** Versions of one key that are listed, and of those that were stored, kept. */
const MAX_VERSIONS = 200
/** Holds the versions in Sync that came from files; no external key has a slash. */
const SYNCED_VERSIONS: AssetId = { kind: "config", key: "sync/pushed" }

export function createAssets(db: Db) {
  const at = ({ kind, key }: AssetId) => and(eq(assets.kind, kind), eq(assets.key, key))

  function newest(id: AssetId, source: "api" | "sync") {
    const ofSource = and(at(id), eq(assets.source, source))
    return db.select().from(assets).where(ofSource).orderBy(desc(assets.id)).limit(1).get()
  }

  /** Only the newest of what was stored are kept; what calls ran with stays. */
  function prune(id: AssetId): void {
    const stored = and(at(id), inArray(assets.source, ["api", "sync"]))
    const last = db
      .select({ id: assets.id })
      .from(assets)
      .where(stored)
      .orderBy(desc(assets.id))
      .limit(1)
      .offset(MAX_VERSIONS - 1)
      .get()
    if (last)
      db.delete(assets)
        .where(and(stored, lt(assets.id, last.id)))
        .run()
  }

  return {
    /** What is in force of a kind: of each key the newest version that was not removed, by key. */
    latest(kind: AssetKind, source: "api" | "sync") {
      const ids = db
        .select({ id: max(assets.id) })
        .from(assets)
        .where(and(eq(assets.kind, kind), eq(assets.source, source)))
        .groupBy(assets.key)
      return db
        .select({ key: assets.key, version: assets.version, text: assets.text })
        .from(assets)
        .where(and(inArray(assets.id, ids), eq(assets.deleted, false)))
        .orderBy(assets.key)
        .all()
        .filter(({ key }) => key !== SYNCED_VERSIONS.key)
    },

    /** Keeps a version. One that is in force already changes nothing. */
    put(asset: AssetId & { version: string; text: string; source: "api" | "sync"; at: number }): void {
      const { kind, key, version, text, source, at: createdAt } = asset
      const before = newest(asset, source)
      if (before && !before.deleted && before.version === version) return
      db.insert(assets).values({ kind, key, version, text, source, createdAt }).run()
      prune(asset)
    },

    /** Takes a key out of force; its versions stay readable. One that is not in force changes nothing. */
    remove({ kind, key, source, at: createdAt }: AssetId & { source: "api" | "sync"; at: number }): void {
      const before = newest({ kind, key }, source)
      if (!before || before.deleted) return
      db.insert(assets).values({ kind, key, version: "", text: "", source, deleted: true, createdAt }).run()
    },

    /** Keeps the text that a call ran with, so that it can be read long after its file was changed. */
    saveVersion({
      kind,
      key,
      version,
      text,
      at: createdAt,
    }: AssetId & { version: string; text: string; at: number }): void {
      const known = db
        .select({ id: assets.id })
        .from(assets)
        .where(and(at({ kind, key }), eq(assets.version, version)))
        .limit(1)
        .get()
      if (!known) db.insert(assets).values({ kind, key, version, text, source: "seen", createdAt }).run()
    },

    /** Newest first, at most 200. */
    versions(kind: AssetKind, key: string): StoredVersion[] {
      return db
        .select({ version: assets.version, source: assets.source, createdAt: assets.createdAt })
        .from(assets)
        .where(and(at({ kind, key }), eq(assets.deleted, false)))
        .orderBy(desc(assets.id))
        .limit(MAX_VERSIONS)
        .all()
    },

    /** The text of a version, also of one that is not in force any more. */
    read(kind: AssetKind, key: string, version: string): string | undefined {
      const kept = and(at({ kind, key }), eq(assets.version, version), eq(assets.deleted, false))
      return db.select({ text: assets.text }).from(assets).where(kept).limit(1).get()?.text
    },

    /** Grows with every change, also one by another process. */
    revision(source: "api" | "sync"): number {
      return (
        db
          .select({ id: max(assets.id) })
          .from(assets)
          .where(eq(assets.source, source))
          .get()?.id ?? 0
      )
    },

    /** Versions in Sync that came from files, by id. */
    syncedVersions(): ReadonlyMap<string, string> {
      const noted: unknown = JSON.parse(newest(SYNCED_VERSIONS, "sync")?.text ?? "{}")
      return new Map(Object.entries(noted ?? {}).map(([id, version]) => [id, String(version)]))
    },

    setSyncedVersions(versions: ReadonlyMap<string, string>, createdAt: number): void {
      const text = JSON.stringify(Object.fromEntries(versions))
      db.transaction((tx) => {
        tx.delete(assets).where(at(SYNCED_VERSIONS)).run()
        tx.insert(assets)
          .values({ ...SYNCED_VERSIONS, version: "", text, source: "sync", createdAt })
          .run()
      })
    },
  }
}
