/** The assets of the program: embedded files under the files of a folder, read again when they change. */

import type { Engine } from "../call/call.ts"
import { AppError } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Agent, AgentChoice, Assets } from "./agent.ts"
import { AssetError, describeFault, type AssetFault } from "./asset-error.ts"
import { listFolder, readFiles } from "./files.ts"
import { loadSnapshot, type Snapshot } from "./load.ts"
import { DEFAULT_AGENT } from "./resolve.ts"

export type AssetsOptions = {
  /** Folder of the user's files; it may be missing. */
  dir: string
  /** Looks for changed files twice a second; without it only `reload` does. */
  sweep?: Sweep | undefined
  log: Log
  /** Names of the tools that a manifest may offer. */
  knownTools: readonly string[]
  /** Engines that an agent may choose. */
  engines?: readonly Engine[]
}

export type ReloadReport = { changed: boolean; faults: readonly AssetFault[] }

export type LiveAssets = Assets & {
  /** Reads the files again. Files with faults replace nothing: the assets stay as they were. */
  reload(): ReloadReport
  close(): void
  [Symbol.dispose](): void
}

const WATCH_EVERY_MS = 500

/** Reads all assets. Throws `AssetError` with every fault at once. */
export function createAssets({
  dir,
  sweep,
  log,
  knownTools,
  engines = ["relay"],
}: AssetsOptions): LiveAssets {
  const load = (): [Snapshot, string] => {
    const listing = listFolder(dir)
    return [loadSnapshot({ files: readFiles(dir, listing), knownTools, engines }), listing.fingerprint]
  }
  let [snapshot, loaded] = load()
  let refused: string | undefined
  for (const warning of snapshot.warnings) log.warn("an asset is used only in part", { warning })

  function reload(): ReloadReport {
    try {
      const before = loaded
      ;[snapshot, loaded] = load()
      refused = undefined
      for (const warning of snapshot.warnings) log.warn("an asset is used only in part", { warning })
      if (before !== loaded) log.info("assets were read again", { ...keys() })
      return { changed: before !== loaded, faults: [] }
    } catch (error) {
      if (!(error instanceof AssetError)) throw error
      for (const fault of error.faults) {
        log.error("an asset is faulty; the assets stay as they were", { fault: describeFault(fault) })
      }
      return { changed: false, faults: error.faults }
    }
  }

  /** A change is read when two looks find the same, so that no half-written file is. */
  let seen = loaded
  function watch(): void {
    let now: string
    try {
      now = listFolder(dir).fingerprint
    } catch {
      now = "unreadable"
    }
    if (now === seen && now !== loaded && now !== refused && reload().faults.length > 0) refused = now
    seen = now
  }
  const stopWatching = sweep?.every(WATCH_EVERY_MS, watch)

  function keys() {
    return {
      agents: sortedKeys(snapshot.agents),
      contexts: sortedKeys(snapshot.contexts),
      manifests: sortedKeys(snapshot.manifests),
    }
  }

  function agentFor({ agent: agentKey, number, contextKey, manifestKey }: AgentChoice): Agent {
    const { agents, contexts, manifests, numbers } = snapshot
    const key = agentKey ?? (number === undefined ? undefined : numbers.get(number)) ?? DEFAULT_AGENT
    const agent = find("Agent", key, agents)
    if (contextKey === undefined && manifestKey === undefined) return agent
    return Object.freeze({
      ...agent,
      context: contextKey === undefined ? agent.context : find("Context", contextKey, contexts),
      manifest: manifestKey === undefined ? agent.manifest : find("Tool manifest", manifestKey, manifests),
    })
  }

  const close = () => stopWatching?.()
  return { agentFor, keys, reload, close, [Symbol.dispose]: close }
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
