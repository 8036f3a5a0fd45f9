/** What was read from Twilio Sync: the last good text of each entry, put in force and copied to the repository. */

import type { Clock } from "../lib/clock.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import { AssetError, describeFault, type AssetFault } from "./asset-error.ts"
import { idOf, readAsset, storedName, type AssetId, type AssetText } from "./asset-text.ts"
import type { AssetState } from "./state.ts"
import type { AssetRepository, RemoteEntry } from "./stored.ts"
import { textOf } from "./sync-entry.ts"

export type SyncEntriesOptions = { state: AssetState; repository: AssetRepository; clock: Clock; log: Log }

type GoodEntry = { revision: string; asset: AssetText; version: string }

export class SyncEntries {
  readonly #state: AssetState
  readonly #repository: AssetRepository
  readonly #clock: Clock
  readonly #log: Log
  /** The last good state of each entry, by id. */
  readonly #good = new Map<string, GoodEntry>()
  /** Revisions of faulty entries by id: each is reported once. */
  readonly #faulty = new Map<string, string>()
  #reportedFaults = ""

  constructor({ state, repository, clock, log }: SyncEntriesOptions) {
    this.#state = state
    this.#repository = repository
    this.#clock = clock
    this.#log = log
  }

  /** The version of an entry at its present revision; undefined for a faulty one. */
  versionOf(entry: RemoteEntry): string | undefined {
    const good = this.#good.get(idOf(entry))
    return good?.revision === entry.revision ? good.version : undefined
  }

  /** This process wrote an entry. */
  async written(entry: GoodEntry): Promise<void> {
    const { kind, key, text } = entry.asset
    this.#good.set(idOf(entry.asset), entry)
    const { version } = entry
    await this.#repository.put({ kind, key, text, version, source: "sync", at: this.#clock.now() })
  }

  /** This process removed an entry. */
  async removed({ kind, key }: AssetId): Promise<void> {
    this.#good.delete(idOf({ kind, key }))
    await this.#repository.remove({ kind, key, source: "sync", at: this.#clock.now() })
  }

  /** Puts in force which versions in Sync come from files. */
  async saveSyncedVersions(syncedVersions: ReadonlyMap<string, string>): Promise<void> {
    this.#state.use({ syncedVersions })
    await this.#repository.setSyncedVersions(syncedVersions, this.#clock.now())
  }

  /**
   * Puts all entries in force. A faulty entry replaces nothing. Where they cannot be used together, the configuration
   * before stays in force, then also the assets that were removed.
   */
  async use(entries: readonly RemoteEntry[]): Promise<void> {
    const stored = entries.flatMap((entry) => this.#goodTextOf(entry) ?? [])
    const ids = new Set(stored.map(idOf))
    for (const id of this.#good.keys()) if (!ids.has(id)) this.#good.delete(id)
    const { stored: before, lenient } = this.#state.layers
    if (!lenient && haveSameItems(before, stored)) return
    const withOldConfig = [
      ...stored.filter(({ kind }) => kind !== "config"),
      ...before.filter(({ kind }) => kind === "config"),
    ]
    const withoutRemovals = [...withOldConfig, ...before.filter((asset) => !ids.has(idOf(asset)))]
    const attempts = [stored, withOldConfig, [...new Set(withoutRemovals)]]
    const inForce = attempts.find((attempt) => this.#tryToUse(attempt, false))
    if (inForce) await this.#saveCopy(inForce)
    // Until the first usable read there are only the defaults to fall back to.
    else if (lenient) this.#tryToUse(stored, true)
  }

  #tryToUse(stored: readonly AssetText[], lenient: boolean): boolean {
    try {
      this.#state.use({ stored, lenient })
      return true
    } catch (error) {
      if (!(error instanceof AssetError)) throw error
      if (error.message !== this.#reportedFaults) for (const fault of error.faults) this.#report(fault)
      this.#reportedFaults = error.message
      return false
    }
  }

  #goodTextOf(entry: RemoteEntry): AssetText | undefined {
    const id = idOf(entry)
    const known = this.#good.get(id)
    if (known?.revision === entry.revision) return known.asset
    const { kind, key, revision } = entry
    const name = `${storedName(kind, key)} in Sync`
    const text = textOf(entry)
    const asset: AssetText | undefined =
      text === undefined ? undefined : { name, kind, key, text, source: "sync" }
    const read = asset && readAsset(asset, this.#state.knownTools)
    if (asset && read?.ok) {
      this.#good.set(id, { revision, asset, version: read.meaning.version })
      return asset
    }
    if (this.#faulty.get(id) !== revision) {
      const faults = read?.ok === false ? read.faults : [{ file: name, message: "is not { content }" }]
      for (const fault of faults) this.#report(fault)
      this.#faulty.set(id, revision)
    }
    return known?.asset ?? this.#state.layers.stored.find((stored) => idOf(stored) === id)
  }

  /** The copy serves a start during which Sync cannot be reached. */
  async #saveCopy(stored: readonly AssetText[]): Promise<void> {
    const texts = stored.flatMap(({ kind, key, text }) => {
      const version = this.#good.get(idOf({ kind, key }))?.version
      return version === undefined ? [] : [{ kind, key, text, version }]
    })
    try {
      // In one change: what this process writes meanwhile is stored after it.
      await this.#repository.replaceAll({ source: "sync", texts, ids: stored, at: this.#clock.now() })
    } catch (error) {
      this.#log.warn("the copy of Twilio Sync could not be stored", { error: messageOf(error) })
    }
  }

  #report(fault: AssetFault): void {
    this.#log.error("an asset in Twilio Sync is faulty; its previous version stays in use", {
      fault: describeFault(fault),
    })
  }
}

function haveSameItems(a: readonly AssetText[], b: readonly AssetText[]): boolean {
  const known = new Set(a)
  return a.length === b.length && b.every((asset) => known.has(asset))
}
