/** Reads the asset files of a folder again when they change. */

import type { Log } from "../lib/log.ts"
import { snapshotKeys } from "./agent-lookup.ts"
import { AssetError, describeFault, type AssetFault } from "./asset-error.ts"
import type { AssetText } from "./asset-text.ts"
import { listFolder, readFiles } from "./files.ts"
import type { Snapshot } from "./load.ts"
import type { AssetState } from "./state.ts"

export type ReloadReport = { changed: boolean; faults: readonly AssetFault[] }

/** The files of a folder, and a fingerprint that differs after every change. Throws `AssetError`. */
export function readFolder(dir: string): { files: AssetText[]; fingerprint: string } {
  const listing = listFolder(dir)
  return { files: readFiles(dir, listing), fingerprint: listing.fingerprint }
}

export class FolderReload {
  readonly #dir: string
  readonly #state: AssetState
  readonly #log: Log
  /** Fingerprint of the files in force. */
  #inForce: string
  /** Fingerprint at the last check. */
  #seen: string
  /** Fingerprint of files that had faults. */
  #refused: string | undefined

  constructor({
    dir,
    state,
    fingerprint,
    log,
  }: {
    dir: string
    state: AssetState
    fingerprint: string
    log: Log
  }) {
    this.#dir = dir
    this.#state = state
    this.#log = log
    this.#inForce = fingerprint
    this.#seen = fingerprint
  }

  /** Reads the files now. Files with faults replace nothing: the assets stay as they were. */
  reload(): ReloadReport {
    try {
      const { files, fingerprint } = readFolder(this.#dir)
      this.#state.use({ files })
      const changed = fingerprint !== this.#inForce
      this.#inForce = fingerprint
      this.#refused = undefined
      if (changed) {
        this.#log.info("assets were read again", snapshotKeys(this.#state.snapshot))
        reportHidden(this.#state.snapshot, this.#log)
      }
      return { changed, faults: [] }
    } catch (error) {
      return { changed: false, faults: reportFaults(error, this.#log) }
    }
  }

  /** Reads a change once two checks in a row find the same files, so that a half-written file is not read. */
  check(): void {
    const found = this.#fingerprint()
    const isNew = found !== this.#inForce && found !== this.#refused
    if (found === this.#seen && isNew && this.reload().faults.length > 0) this.#refused = found
    this.#seen = found
  }

  #fingerprint(): string {
    try {
      return listFolder(this.#dir).fingerprint
    } catch {
      return "unreadable"
    }
  }
}

/** Logs which parts of the files have no effect, because the API stored something else. */
export function reportHidden({ hidden }: Snapshot, log: Log): void {
  if (hidden.length > 0)
    log.warn("stored assets hide parts of the files; change or delete them through the API", { hidden })
}

/** Logs the faults of an `AssetError` and returns them; throws anything else again. */
export function reportFaults(error: unknown, log: Log): readonly AssetFault[] {
  if (!(error instanceof AssetError)) throw error
  for (const fault of error.faults)
    log.error("an asset is faulty; the assets stay as they were", { fault: describeFault(fault) })
  return error.faults
}
