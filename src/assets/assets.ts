/** The assets of the program: embedded files under the files of a folder, under what is stored by the API or in Sync. */

import type { Engine } from "../call/engine.ts"
import { systemClock } from "../lib/clock.ts"
import { AppError } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Agent, AgentChoice, Assets } from "./agent.ts"
import { AssetError, describeFault, type AssetFault } from "./asset-error.ts"
import { placeOf, readAsset, storedName, type AssetText } from "./asset-text.ts"
import { listFolder, readFiles } from "./files.ts"
import { createLibrary, type AssetLibrary, type AssetTarget } from "./library.ts"
import { loaderType } from "./load.ts"
import { DEFAULT_AGENT } from "./resolve.ts"
import { AssetState } from "./state.ts"
import type { AssetShelf, RemoteAssets, StoredSource } from "./stored.ts"
import { createSyncLayer, type SyncLayer } from "./sync-layer.ts"

export type AssetsOptions = {
  /** Folder of the user's files; it may be missing. */
  dir: string
  /** Looks for changes twice a second; without it only `reload` and `refresh` do, and Sync is not read. */
  sweep?: Sweep | undefined
  log: Log
  /** Names of the tools that a manifest may offer. */
  knownTools: readonly string[]
  /** Engines that an agent may choose. */
  engines?: readonly Engine[]
  /** Where stored assets are kept; without it they last as long as the process. */
  shelf?: AssetShelf
  /** Twilio Sync; used where `AssetLoader.assetLoaderType` is `sync`. */
  remote?: RemoteAssets | undefined
  /** Whether calls are running. */
  busy?: () => boolean
}

export type ReloadReport = { changed: boolean; faults: readonly AssetFault[] }

export type LiveAssets = Assets & {
  /** Reading and changing for the API. */
  readonly library: AssetLibrary
  /** Reads the files again. Files with faults replace nothing: the assets stay as they were. */
  reload(): ReloadReport
  close(): void
  [Symbol.dispose](): void
}

const WATCH_EVERY_MS = 500
const KINDS = ["context", "manifest", "config"] as const

/** Reads all assets. Throws `AssetError` with every fault of the files at once; faulty stored ones are only logged. */
export function createAssets(options: AssetsOptions): LiveAssets {
  const { dir, sweep, log, shelf = NO_SHELF, remote, busy = () => false } = options
  const now = () => (sweep?.clock ?? systemClock).now()
  const readFolder = (): [AssetText[], string] => {
    const listing = listFolder(dir)
    return [readFiles(dir, listing), listing.fingerprint]
  }
  const [firstFiles, firstFingerprint] = readFolder()
  let loaded = firstFingerprint
  const source = loaderType(firstFiles) === "sync" ? "sync" : "api"
  let mark = shelf.mark(source)
  const state = startingState(options, firstFiles, source)
  const sync = syncOf()
  let refused: string | undefined

  function syncOf(): SyncLayer | undefined {
    if (source !== "sync" || !sweep) return undefined
    if (remote) return createSyncLayer({ state, shelf, remote, sweep, log, busy })
    log.warn("AssetLoader.assetLoaderType is sync, which needs Twilio credentials; the last copy is used")
    return undefined
  }

  const target: AssetTarget = sync ?? {
    source,
    async write({ kind, key, text }, version) {
      requireShelf(source)
      shelf.put({ kind, key, text, version, source, at: now() })
      mark = shelf.mark(source)
    },
    async remove({ kind, key }) {
      requireShelf(source)
      shelf.remove({ kind, key, source, at: now() })
      mark = shelf.mark(source)
    },
  }

  function reload(): ReloadReport {
    try {
      const [files, fingerprint] = readFolder()
      state.use({ files })
      const changed = fingerprint !== loaded
      loaded = fingerprint
      refused = undefined
      if (changed) log.info("assets were read again", { ...keys() })
      return { changed, faults: [] }
    } catch (error) {
      if (!(error instanceof AssetError)) throw error
      for (const fault of error.faults) tellFault(fault)
      return { changed: false, faults: error.faults }
    }
  }

  function tellFault(fault: AssetFault): void {
    log.error("an asset is faulty; the assets stay as they were", { fault: describeFault(fault) })
  }

  /** Another process may have stored something. */
  function lookAtShelf(): void {
    const found = shelf.mark(source)
    if (source !== "api" || found === mark) return
    mark = found
    try {
      state.use({ stored: usableStored(options, source) })
      log.info("stored assets were read again", { ...keys() })
    } catch (error) {
      if (!(error instanceof AssetError)) throw error
      for (const fault of error.faults) tellFault(fault)
    }
  }

  /** A change is read when two looks find the same, so that no half-written file is. */
  let seen = loaded
  function watch(): void {
    lookAtShelf()
    let found: string
    try {
      found = listFolder(dir).fingerprint
    } catch {
      found = "unreadable"
    }
    if (found === seen && found !== loaded && found !== refused && reload().faults.length > 0) refused = found
    seen = found
  }
  const stopWatching = sweep?.every(WATCH_EVERY_MS, watch)

  function keys() {
    const { agents, contexts, manifests } = state.snapshot
    return { agents: sortedKeys(agents), contexts: sortedKeys(contexts), manifests: sortedKeys(manifests) }
  }

  function agentFor({ agent: agentKey, number, contextKey, manifestKey }: AgentChoice): Agent {
    const { agents, contexts, manifests, numbers } = state.snapshot
    const key = agentKey ?? (number === undefined ? undefined : numbers.get(number)) ?? DEFAULT_AGENT
    const agent = find("Agent", key, agents)
    if (contextKey === undefined && manifestKey === undefined) return agent
    return Object.freeze({
      ...agent,
      context: contextKey === undefined ? agent.context : find("Context", contextKey, contexts),
      manifest: manifestKey === undefined ? agent.manifest : find("Tool manifest", manifestKey, manifests),
    })
  }

  async function refresh(): Promise<void> {
    try {
      lookAtShelf()
    } catch (error) {
      log.warn("stored assets could not be read; the assets stay as they were", { error })
    }
    await sync?.refresh()
  }

  const close = () => {
    stopWatching?.()
    sync?.close()
  }
  const library = createLibrary({ state, shelf, target, log, now })
  return { agentFor, keys, refresh, library, reload, close, [Symbol.dispose]: close }
}

/** A stored configuration that does not fit the files any more is left out: the server starts with theirs. */
function startingState(
  options: AssetsOptions,
  files: readonly AssetText[],
  source: StoredSource,
): AssetState {
  const { log, knownTools, engines = ["relay"], shelf = NO_SHELF } = options
  const stored = usableStored(options, source)
  const create = (texts: readonly AssetText[]) =>
    new AssetState({
      layers: {
        files,
        stored: texts,
        pushed: source === "sync" ? shelf.pushed() : new Map(),
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
      log.error("the stored configuration cannot be used; the one of the files is", {
        fault: describeFault(fault),
      })
    }
    return state
  }
}

/** What is stored, without what this program cannot read. */
function usableStored(
  { shelf = NO_SHELF, knownTools, log }: AssetsOptions,
  source: StoredSource,
): AssetText[] {
  return KINDS.flatMap((kind) =>
    shelf.latest(kind, source).flatMap(({ key, text }) => {
      const asset: AssetText = { name: storedName(kind, key), kind, key, text, source }
      const read = readAsset(asset, knownTools)
      if (read.ok) return [asset]
      for (const fault of read.faults) {
        log.error("a stored asset is faulty and is left out", {
          place: placeOf(asset),
          fault: describeFault(fault),
        })
      }
      return []
    }),
  )
}

function requireShelf(source: StoredSource): void {
  if (source === "api") return
  throw new AppError(
    "NOT_CONFIGURED",
    "Assets are kept in Twilio Sync here, which needs TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
  )
}

const NO_SHELF: AssetShelf = {
  latest: () => [],
  put: () => {},
  remove: () => {},
  versions: () => [],
  read: () => undefined,
  mark: () => 0,
  pushed: () => new Map(),
  setPushed: () => {},
}

function find<T>(what: string, key: string, among: ReadonlyMap<string, T>): T {
  const found = among.get(key)
  if (found !== undefined) return found
  const known = sortedKeys(among)
  const shown = key.length > 64 ? `${key.slice(0, 64)}…` : key
  throw new AppError(
    "INVALID_REQUEST",
    `${what} not found for key: ${shown}. Known keys: ${known.join(", ")}`,
    {
      details: { known },
    },
  )
}

function sortedKeys(map: ReadonlyMap<string, unknown>): string[] {
  return [...map.keys()].toSorted()
}
