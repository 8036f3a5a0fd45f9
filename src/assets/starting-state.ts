/** The assets in force at the start: the files, and what the repository holds of stored ones. */

import type { Engine } from "../call/engine.ts"
import type { Log } from "../lib/log.ts"
import { AssetError, describeFault } from "./asset-error.ts"
import { ASSET_KINDS, idOf, readAsset, storedName, type AssetText } from "./asset-text.ts"
import { AssetState } from "./state.ts"
import type { AssetRepository, StoredSource } from "./stored.ts"

export type StartingStateOptions = {
  files: readonly AssetText[]
  source: StoredSource
  repository: AssetRepository
  knownTools: readonly string[]
  engines: readonly Engine[]
  log: Log
}

/** Leaves out a stored configuration that the files no longer fit, so that the server starts. Throws `AssetError`. */
export function startingState(options: StartingStateOptions): AssetState {
  const { files, source, repository, knownTools, engines, log } = options
  const stored = readStored(options)
  const create = (texts: readonly AssetText[]) =>
    new AssetState({
      layers: {
        files,
        stored: texts,
        syncedVersions: source === "sync" ? repository.syncedVersions() : new Map(),
        lenient: source === "sync",
      },
      knownTools,
      engines,
      log,
    })
  try {
    return create(stored)
  } catch (error) {
    const others = stored.filter(({ kind }) => kind !== "config")
    if (!(error instanceof AssetError) || others.length === stored.length) throw error
    const state = create(others)
    for (const fault of error.faults) {
      log.error("the stored configuration cannot be used; the configuration of the files is used", {
        fault: describeFault(fault),
      })
    }
    return state
  }
}

export type StoredTexts = Pick<StartingStateOptions, "repository" | "source" | "knownTools" | "log">

/** The stored assets in force, without those that have faults, which are logged. */
export function readStored({ repository, source, knownTools, log }: StoredTexts): AssetText[] {
  return ASSET_KINDS.flatMap((kind) =>
    repository.latest(kind, source).flatMap(({ key, text }) => {
      const asset: AssetText = { name: storedName(kind, key), kind, key, text, source }
      const read = readAsset(asset, knownTools)
      if (read.ok) return [asset]
      for (const fault of read.faults) {
        log.error("a stored asset is faulty and is left out", {
          asset: idOf(asset),
          fault: describeFault(fault),
        })
      }
      return []
    }),
  )
}

/** Stores nothing: assets changed at run time last as long as the process. */
export const NO_REPOSITORY: AssetRepository = {
  latest: () => [],
  put: () => {},
  remove: () => {},
  versions: () => [],
  read: () => undefined,
  revision: () => 0,
  syncedVersions: () => new Map(),
  setSyncedVersions: () => {},
}
