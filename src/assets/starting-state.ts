/** The assets in force at the start: the files, and what the repository holds of stored ones. */

import type { Engine } from "../call/engine.ts"
import type { Log } from "../lib/log.ts"
import { AssetError, describeFault, type AssetFault } from "./asset-error.ts"
import { ASSET_KINDS, idOf, readAsset, storedName, type AssetText } from "./asset-text.ts"
import type { DocumentSource } from "./document-reference.ts"
import { AssetState } from "./state.ts"
import type { AssetRepository, StoredSource } from "./stored.ts"

export type StartingStateOptions = {
  files: readonly AssetText[]
  source: StoredSource
  repository: AssetRepository
  /** Contexts that the environment names. */
  declared?: readonly AssetText[]
  /** Copies of documents. */
  documents?: ReadonlyMap<DocumentSource, string>
  knownTools: readonly string[]
  engines: readonly Engine[]
  log: Log
}

/** Leaves out a stored configuration that the files no longer fit, so that the server starts. Rejects with `AssetError`. */
export async function startingState(options: StartingStateOptions): Promise<AssetState> {
  const {
    files,
    source,
    repository,
    declared = [],
    documents = new Map(),
    knownTools,
    engines,
    log,
  } = options
  const stored = await readStored(options)
  const syncedVersions = source === "sync" ? await repository.syncedVersions() : new Map<string, string>()
  const create = (texts: readonly AssetText[]) =>
    new AssetState({
      layers: {
        declared,
        documents,
        files,
        stored: texts,
        syncedVersions,
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
export async function readStored({ repository, source, knownTools, log }: StoredTexts): Promise<AssetText[]> {
  const usable: AssetText[] = []
  for (const kind of ASSET_KINDS) {
    for (const { key, text } of await repository.latest(kind, source)) {
      const asset: AssetText = { name: storedName(kind, key), kind, key, text, source }
      const read = readAsset(asset, knownTools)
      if (read.ok) usable.push(asset)
      else for (const fault of read.faults) reportFault(log, asset, fault)
    }
  }
  return usable
}

function reportFault(log: Log, asset: AssetText, fault: AssetFault): void {
  log.error("a stored asset is faulty and is left out", { asset: idOf(asset), fault: describeFault(fault) })
}

const UNCHANGED = { before: 0, after: 0 }

/** Stores nothing: assets changed at run time last as long as the process. */
export const NO_REPOSITORY: AssetRepository = {
  latest: async () => [],
  put: async () => UNCHANGED,
  remove: async () => UNCHANGED,
  replaceAll: async () => {},
  versions: async () => [],
  read: async () => undefined,
  revision: async () => 0,
  syncedVersions: async () => new Map(),
  setSyncedVersions: async () => {},
}
