/** Writes the files of this machine to Twilio Sync, except where an entry was edited there. */

import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import { idOf, readAsset } from "./asset-text.ts"
import { localTexts } from "./load.ts"
import type { AssetState } from "./state.ts"
import type { RemoteAssets, RemoteEntry } from "./stored.ts"
import { dataOf, fitsSync, MAX_ENTRY_BYTES } from "./sync-entry.ts"

export type UploadFilesOptions = {
  state: AssetState
  remote: RemoteAssets
  /** What Sync held a moment ago. */
  entries: readonly RemoteEntry[]
  /** The version of an entry; undefined for a faulty one. */
  versionOf: (entry: RemoteEntry) => string | undefined
  isClosed: () => boolean
  log: Log
}

export type UploadedFiles = {
  /** What Sync holds now. */
  entries: RemoteEntry[]
  /** Versions in Sync that come from files, by id. */
  syncedVersions: ReadonlyMap<string, string>
  /** False when writing failed so often that it has to be tried again later. */
  complete: boolean
}

/** Consecutive failures after which the rest is left for the next read. */
const MAX_FAILURES = 3

/** Never rejects for a write that fails: the asset of the file stays in use. */
export async function uploadFiles(options: UploadFilesOptions): Promise<UploadedFiles> {
  const { state, remote, entries, versionOf, isClosed, log } = options
  const found = new Map(entries.map((entry) => [idOf(entry), entry]))
  const syncedVersions = new Map(state.layers.syncedVersions)
  let failures = 0
  for (const asset of localTexts(state.layers.files)) {
    const { kind, key } = asset
    const id = idOf(asset)
    const read = readAsset(asset, state.knownTools)
    if (!read.ok || isClosed()) continue
    const { version } = read.meaning
    const entry = found.get(id)
    const versionThere = entry && versionOf(entry)
    if (versionThere === version) {
      syncedVersions.set(id, version)
      continue
    }
    if (entry && (versionThere === undefined || syncedVersions.get(id) !== versionThere)) {
      log.info("an entry of Twilio Sync was edited there; it is used instead of the file", { kind, key })
      continue
    }
    const data = dataOf(asset)
    if (!fitsSync(data)) {
      const maxBytes = MAX_ENTRY_BYTES
      log.error("an asset is too large for Twilio Sync; the file is used", { kind, key, maxBytes })
      continue
    }
    try {
      const revision = await remote.writeIf({ kind, key, data }, entry?.revision ?? null)
      failures = 0
      if (revision === undefined) continue
      syncedVersions.set(id, version)
      found.set(id, { kind, key, data, revision })
    } catch (error) {
      log.error("an asset could not be written to Twilio Sync", { kind, key, error: messageOf(error) })
      failures += 1
      if (failures === MAX_FAILURES) break
    }
  }
  return { entries: [...found.values()], syncedVersions, complete: failures < MAX_FAILURES }
}
