/** Stored assets in SQLite. */

import { and, desc, eq, inArray, lt, max, sql } from "drizzle-orm"
import type {
  StoredAssetId,
  StoredAssetKind,
  StoredRevisions,
  StoredAssets,
  AssetVersionText,
} from "../asset-versions.ts"
import type { Access } from "./access.ts"
import type { Db } from "./database.ts"
import { prepared } from "./prepared.ts"
import { assets } from "./schema.ts"

/** Versions of one key that are listed, and of those that were stored, kept. */
const MAX_VERSIONS = 200
const STORED_KINDS = ["context", "manifest", "config", "menu"] as const
/** Versions that are known to be saved: every call saves those that it runs with. */
const MAX_KNOWN_SAVED = 1000
/** Where the versions that went from files to Sync are noted; no key from outside has a slash. */
const SYNCED_VERSIONS: StoredAssetId = { kind: "config", key: "sync/pushed" }

type Source = "api" | "sync"
type NewVersion = Parameters<StoredAssets["put"]>[0]

export function createStoredAssets(db: Db, access: Access): StoredAssets {
  const at = ({ kind, key }: StoredAssetId) => and(eq(assets.kind, kind), eq(assets.key, key))
  const knownSaved = new Set<string>()

  function newest(id: StoredAssetId, source: Source) {
    const ofSource = and(at(id), eq(assets.source, source))
    return db.select().from(assets).where(ofSource).orderBy(desc(assets.id)).limit(1).get()
  }

  const newestOf = prepared(() =>
    db
      .select({ id: max(assets.id) })
      .from(assets)
      .where(eq(assets.source, sql.placeholder("source")))
      .prepare(),
  )
  /** Asked every second. */
  const revision = (source: Source): number => newestOf().get({ source })?.id ?? 0

  function changed(source: Source, work: () => void): StoredRevisions {
    // Old versions may be deleted.
    knownSaved.clear()
    const before = revision(source)
    work()
    return { before, after: revision(source) }
  }

  /** Only the newest of what was stored are kept; what calls ran with stays. */
  function prune(id: StoredAssetId): void {
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

  function latest(kind: StoredAssetKind, source: Source): AssetVersionText[] {
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
  }

  function put({ kind, key, version, text, source, at: createdAt }: NewVersion): void {
    const before = newest({ kind, key }, source)
    if (before && !before.deleted && before.version === version) return
    db.insert(assets).values({ kind, key, version, text, source, createdAt }).run()
    prune({ kind, key })
  }

  function remove({
    kind,
    key,
    source,
    at: createdAt,
  }: StoredAssetId & { source: Source; at: number }): void {
    const before = newest({ kind, key }, source)
    if (!before || before.deleted) return
    db.insert(assets).values({ kind, key, version: "", text: "", source, deleted: true, createdAt }).run()
  }

  return {
    latest: (kind, source) => access.read(() => latest(kind, source)),

    put: (asset) => access.transaction(() => changed(asset.source, () => put(asset))),
    remove: (asset) => access.transaction(() => changed(asset.source, () => remove(asset))),

    replaceAll: ({ source, texts, ids, at: createdAt }) =>
      access.transaction(() => {
        knownSaved.clear()
        for (const text of texts) put({ ...text, source, at: createdAt })
        const kept = new Set(ids.map(({ kind, key }) => `${kind}/${key}`))
        for (const kind of STORED_KINDS) {
          for (const { key } of latest(kind, source))
            if (!kept.has(`${kind}/${key}`)) remove({ kind, key, source, at: createdAt })
        }
      }),

    async saveVersion({ kind, key, version, text, at: createdAt }) {
      const name = `${kind} ${version} ${key}`
      if (knownSaved.has(name)) return
      await access.transaction(() => {
        const known = db
          .select({ id: assets.id })
          .from(assets)
          .where(and(at({ kind, key }), eq(assets.version, version)))
          .limit(1)
          .get()
        if (!known) db.insert(assets).values({ kind, key, version, text, source: "seen", createdAt }).run()
      })
      if (knownSaved.size >= MAX_KNOWN_SAVED) knownSaved.clear()
      knownSaved.add(name)
    },

    versions: (kind, key) =>
      access.read(() =>
        db
          .select({ version: assets.version, source: assets.source, createdAt: assets.createdAt })
          .from(assets)
          .where(and(at({ kind, key }), eq(assets.deleted, false)))
          .orderBy(desc(assets.id))
          .limit(MAX_VERSIONS)
          .all(),
      ),

    read: (kind, key, version) =>
      access.read(() => {
        const kept = and(at({ kind, key }), eq(assets.version, version), eq(assets.deleted, false))
        return db.select({ text: assets.text }).from(assets).where(kept).limit(1).get()?.text
      }),

    revision: (source) => access.read(() => revision(source)),

    syncedVersions: () =>
      access.read(() => {
        const noted: unknown = JSON.parse(newest(SYNCED_VERSIONS, "sync")?.text ?? "{}")
        return new Map(Object.entries(noted ?? {}).map(([id, version]) => [id, String(version)]))
      }),

    setSyncedVersions: (versions, createdAt) =>
      access.transaction(() => {
        const text = JSON.stringify(Object.fromEntries(versions))
        db.delete(assets).where(at(SYNCED_VERSIONS)).run()
        db.insert(assets)
          .values({ ...SYNCED_VERSIONS, version: "", text, source: "sync", createdAt })
          .run()
      }),
  }
}
