/** Assets as the API reads and changes them: every change is validated as a whole before it is stored. */

import { AppError } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sequence } from "../lib/sequence.ts"
import { AssetError, describeFault } from "./asset-error.ts"
import {
  CONFIG_KEY,
  idOf,
  readAsset,
  storedName,
  type AssetId,
  type AssetKind,
  type AssetSource,
  type AssetText,
} from "./asset-text.ts"
import { changesBetween, patchedConfig, rawConfig } from "./config-layers.ts"
import { SHIPPED_CONFIG } from "./embedded.ts"
import type { Entry, Layers, Snapshot } from "./load.ts"
import type { AssetState } from "./state.ts"
import type { AssetRepository, StoredSource } from "./stored.ts"

export type AssetVersion = {
  version: string
  /** `seen`: the text of a file that a call ran with. */
  source: AssetSource | "seen"
  /** Milliseconds since the epoch; null for a file that no call ran with. */
  createdAt: number | null
  inForce: boolean
}

export type GivenAsset = Pick<AssetText, "kind" | "key" | "text">

/** Changes run one after another and apply to the next call; live calls keep the assets they started with. */
export interface AssetLibrary {
  /** What is in force of a kind, by key. */
  list(kind: AssetKind): Entry[]
  find(id: AssetId): Entry | undefined
  /** The configuration with every section that comes from the layers below. */
  config(): Readonly<Record<string, unknown>>
  /**
   * Stores all or none. A configuration takes the place of the one in force; only what differs from the files is stored.
   * Throws INVALID_REQUEST with every fault.
   */
  put(assets: readonly GivenAsset[]): Promise<Entry[]>
  /** Changes single fields of the configuration; null takes one away. Throws INVALID_REQUEST. */
  patchConfig(patch: Readonly<Record<string, unknown>>): Promise<Entry>
  /** Deletes a stored asset: the layers below apply again. Throws NOT_FOUND, and CONFLICT while it is needed. */
  remove(id: AssetId): Promise<void>
  /** Newest first. */
  versions(id: AssetId): Promise<AssetVersion[]>
  /** The text of one version. */
  read(id: AssetId, version: string): Promise<string | undefined>
}

/** Where changes are written. A failed write throws and stores nothing. */
export interface AssetTarget {
  readonly source: StoredSource
  write(asset: AssetText, version: string): Promise<void>
  remove(id: AssetId): Promise<void>
}

export type LibraryOptions = {
  state: AssetState
  repository: AssetRepository
  target: AssetTarget
  /** Changes take their turn in it. */
  sequence: Sequence
  log: Log
  now: () => number
}

/** Limit of stored contexts, of stored manifests, and of stored menus. */
const MAX_STORED = 500
const SHOWN_FAULTS = 5

export function createLibrary(options: LibraryOptions): AssetLibrary {
  const { state, repository, target, sequence, log, now } = options

  function entryOf(id: AssetId, { entries }: Snapshot): Entry {
    const entry = entries.get(idOf(id))
    if (!entry) throw new AppError("INTERNAL", "A stored asset is not in force")
    return entry
  }

  /** The layers with these assets stored, or without them. */
  function changed(ids: readonly AssetId[], assets: readonly AssetText[]): Partial<Layers> {
    const names = new Set(ids.map(idOf))
    const { stored, syncedVersions } = state.layers
    return {
      stored: [...stored.filter((asset) => !names.has(idOf(asset))), ...assets],
      syncedVersions: new Map([...syncedVersions].filter(([id]) => !names.has(id))),
    }
  }

  async function use(change: Partial<Layers>): Promise<void> {
    const before = state.layers.syncedVersions.size
    state.use(change)
    if (state.layers.syncedVersions.size !== before)
      await repository.setSyncedVersions(state.layers.syncedVersions, now())
  }

  /** What a whole configuration changes of the one below. Throws `AssetError`. */
  function changesOf(asset: Omit<AssetText, "source">): string {
    const read = readAsset({ ...asset, source: "file" }, state.knownTools)
    if (!read.ok) throw new AssetError(read.faults)
    const wanted = read.meaning.kind === "config" ? rawConfig(SHIPPED_CONFIG, read.meaning.raw) : {}
    return JSON.stringify(changesBetween(state.snapshot.configBelow, wanted), null, 2)
  }

  async function put(given: readonly GivenAsset[]): Promise<Entry[]> {
    const assets = given.map((asset): GivenAsset => {
      if (asset.kind !== "config" || target.source !== "api") return asset
      const name = storedName(asset.kind, asset.key)
      const text = refusing("INVALID_REQUEST", "The config cannot be used", () =>
        changesOf({ ...asset, name }),
      )
      return { ...asset, text }
    })
    return store(assets)
  }

  async function store(given: readonly GivenAsset[]): Promise<Entry[]> {
    const source = target.source
    const assets = given.map(({ kind, key, text }): AssetText => {
      return { kind, key, text: text.replace(/^\uFEFF/, ""), source, name: storedName(kind, key) }
    })
    const change = changed(assets, assets)
    requireRoom(change.stored ?? [])
    const snapshot = refusing("INVALID_REQUEST", `The ${assets[0]?.kind ?? "asset"} cannot be used`, () =>
      state.preview(change),
    )
    requireLoaderType(snapshot, target.source)
    for (const asset of assets) await target.write(asset, entryOf(asset, snapshot).version)
    // The layers may have changed during the writes.
    await use(changed(assets, assets))
    const entries = assets.map((asset) => entryOf(asset, state.snapshot))
    for (const { kind, key, version, source } of entries)
      log.info("asset stored", { kind, key, version, source })
    return entries
  }

  return {
    list: (kind) =>
      [...state.snapshot.entries.values()]
        .filter((entry) => entry.kind === kind)
        .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    find: (id) => state.snapshot.entries.get(idOf(id)),
    config: () => state.snapshot.config,
    put: (assets) => sequence.run(() => put(assets)),

    patchConfig: (patch) =>
      sequence.run(async () => {
        const { config, configBelow } = state.snapshot
        const wanted = patchedConfig(config, patch)
        const stored = target.source === "api" ? changesBetween(configBelow, wanted) : wanted
        const text = JSON.stringify(stored, null, 2)
        await store([{ kind: "config", key: CONFIG_KEY, text }])
        return entryOf({ kind: "config", key: CONFIG_KEY }, state.snapshot)
      }),

    remove: (id) =>
      sequence.run(async () => {
        const name = storedName(id.kind, id.key)
        if (!state.layers.stored.some((asset) => idOf(asset) === idOf(id))) {
          const inFile = state.snapshot.entries.has(idOf(id))
          const why = inFile ? "comes from a file; only stored assets can be deleted" : "does not exist"
          throw new AppError(inFile ? "CONFLICT" : "NOT_FOUND", `The ${name} ${why}.`)
        }
        refusing("CONFLICT", `The ${name} is still needed`, () => state.preview(changed([id], [])))
        await target.remove(id)
        await use(changed([id], []))
        log.info("stored asset deleted", { kind: id.kind, key: id.key })
      }),

    async versions(id) {
      const entry = state.snapshot.entries.get(idOf(id))
      const versions = await repository.versions(id.kind, id.key)
      const stored = versions.map((version) => ({ ...version, inForce: version.version === entry?.version }))
      if (!entry || stored.some(({ inForce }) => inForce)) return stored
      return [{ version: entry.version, source: entry.source, createdAt: null, inForce: true }, ...stored]
    },

    async read(id, version) {
      const entry = state.snapshot.entries.get(idOf(id))
      return entry?.version === version ? entry.text : repository.read(id.kind, id.key, version)
    },
  }
}

function refusing<T>(code: "INVALID_REQUEST" | "CONFLICT", message: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof AssetError)) throw error
    const { faults } = error
    const shown = faults.slice(0, SHOWN_FAULTS).map(describeFault).join("; ")
    const more = faults.length > SHOWN_FAULTS ? `; and ${faults.length - SHOWN_FAULTS} more` : ""
    const details = faults.map(({ file, line, path, message: fault }) => ({
      asset: file,
      ...(line === undefined ? {} : { line }),
      ...(path === undefined ? {} : { field: path }),
      message: fault,
    }))
    throw new AppError(code, `${message}: ${shown}${more}`, { details, cause: error })
  }
}

function requireRoom(stored: readonly AssetText[]): void {
  for (const kind of ["context", "manifest", "menu"] as const) {
    if (stored.filter((asset) => asset.kind === kind).length > MAX_STORED)
      throw new AppError("CONFLICT", `At most ${MAX_STORED} ${kind}s can be stored; delete one first.`)
  }
}

/** The file of this machine decides where assets are kept; a stored configuration must not contradict it. */
function requireLoaderType({ config }: Snapshot, source: StoredSource): void {
  const type = source === "sync" ? "sync" : "file"
  const loader = config["AssetLoader"]
  if (typeof loader !== "object" || loader === null || !("assetLoaderType" in loader)) return
  if (loader.assetLoaderType === type) return
  throw new AppError(
    "INVALID_REQUEST",
    `AssetLoader.assetLoaderType is ${type} on this server. Change it in the server's own serverConfig.json and restart.`,
  )
}
