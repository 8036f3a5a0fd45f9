/** The assets of Twilio Sync as a layer: read before calls, which never wait long for it. */

import { AppError, messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import { storedName, type AssetId, type AssetText } from "./asset-text.ts"
import type { AssetTarget } from "./library.ts"
import type { AssetState } from "./state.ts"
import type { AssetRepository, RemoteAssets } from "./stored.ts"
import { SyncEntries } from "./sync-entries.ts"
import { dataOf, fitsSync, MAX_ENTRY_BYTES } from "./sync-entry.ts"
import { uploadFiles } from "./sync-upload.ts"

export type SyncLayerOptions = {
  state: AssetState
  repository: AssetRepository
  remote: RemoteAssets
  sweep: Sweep
  log: Log
  /** Whether calls are running: then Sync is read for a new call only. */
  busy: () => boolean
}

const READ_EVERY_MS = 30_000
/** Longest time that a call waits for a read. */
const MAX_WAIT_MS = 1500
const PAUSE_MS = 2000
const PAUSE_AFTER_FAILURE_MS = 10_000

/** `nextAtMs`: a call asks Sync again from then on. All times are monotonic milliseconds. */
type ReadState =
  | { phase: "idle"; nextAtMs: number }
  | { phase: "reading"; startedAtMs: number; nextAtMs: number; done: Promise<void> }
  | { phase: "closed" }

export class SyncLayer implements AssetTarget {
  readonly source = "sync"
  readonly #options: SyncLayerOptions
  readonly #entries: SyncEntries
  readonly #stop: () => void
  #reading: ReadState = { phase: "idle", nextAtMs: Number.NEGATIVE_INFINITY }
  /** `outdated`: the last read failed, and the copy of an earlier one is in use. */
  #copy: "current" | "outdated" = "current"
  #upload: "pending" | "done" = "pending"
  /** Counts what this process wrote: a read that began before a write may miss it. */
  #writes = 0

  /** Begins to read at once. */
  constructor(options: SyncLayerOptions) {
    const { state, repository, sweep, log, busy } = options
    this.#options = options
    this.#entries = new SyncEntries({ state, repository, clock: sweep.clock, log })
    this.#stop = sweep.every(READ_EVERY_MS, () => {
      if (!busy()) this.#readInBackground()
    })
    this.#readInBackground()
  }

  /** Reads what has changed, at most every two seconds. Resolves within 1.5 seconds and never rejects. */
  async refresh(): Promise<void> {
    const { sweep, log } = this.#options
    const nowMs = sweep.clock.monotonic()
    if (this.#reading.phase === "closed") return
    if (this.#reading.phase === "idle" && nowMs < this.#reading.nextAtMs) return
    const { startedAtMs, done } = this.#read()
    const leftMs = MAX_WAIT_MS - (nowMs - startedAtMs)
    if (leftMs <= 0) return
    const limit = new AbortController()
    const late = await Promise.race([
      done.then(() => false),
      sweep.sleep(leftMs, limit.signal).then(() => !limit.signal.aborted),
    ])
    limit.abort()
    if (!late) return
    this.#pause(PAUSE_AFTER_FAILURE_MS)
    log.warn("Twilio Sync is slow; the last copy is used", { waitedMs: MAX_WAIT_MS })
  }

  async write(asset: AssetText, version: string): Promise<void> {
    const { kind, key } = asset
    const data = dataOf(asset)
    if (!fitsSync(data)) {
      throw new AppError(
        "INVALID_REQUEST",
        `The ${storedName(kind, key)} is too large: Twilio Sync keeps at most ${MAX_ENTRY_BYTES} bytes of JSON in one entry.`,
      )
    }
    const revision = await this.#options.remote.write({ kind, key, data })
    this.#writes += 1
    await this.#entries.written({ asset, revision, version })
  }

  async remove(id: AssetId): Promise<void> {
    await this.#options.remote.remove(id)
    this.#writes += 1
    await this.#entries.removed(id)
  }

  close(): void {
    this.#reading = { phase: "closed" }
    this.#stop()
  }

  #readInBackground(): void {
    this.#options.log.background("reading Twilio Sync", this.#read().done)
  }

  /** Joins a read that is running. `done` never rejects. */
  #read(): { startedAtMs: number; done: Promise<void> } {
    if (this.#reading.phase === "reading") return this.#reading
    const startedAtMs = this.#options.sweep.clock.monotonic()
    const closed = this.#reading.phase === "closed"
    const done = this.#readAndUpload()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#finished())
    const reading = { phase: "reading", startedAtMs, nextAtMs: startedAtMs + PAUSE_MS, done } as const
    if (!closed) this.#reading = reading
    return reading
  }

  async #readAndUpload(): Promise<void> {
    const { state, remote, log } = this.#options
    const writesBefore = this.#writes
    const entries = await remote.readAll()
    if (this.#isClosed()) return
    if (writesBefore !== this.#writes) return this.#readAgainSoon()
    await this.#entries.use(entries)
    if (this.#isClosed()) return
    log.debug("Twilio Sync was read", { entries: entries.length })
    this.#pause(PAUSE_MS)
    if (this.#copy === "outdated") log.info("Twilio Sync can be read again")
    this.#copy = "current"
    if (this.#upload === "done") return
    const upload = await uploadFiles({
      state,
      remote,
      entries,
      versionOf: (entry) => this.#entries.versionOf(entry),
      isClosed: () => this.#isClosed(),
      log,
    })
    if (upload.complete) this.#upload = "done"
    if (this.#isClosed()) return
    await this.#entries.saveSyncedVersions(upload.syncedVersions)
    if (writesBefore === this.#writes) await this.#entries.use(upload.entries)
    else this.#readAgainSoon()
  }

  #failed(error: unknown): void {
    const { log } = this.#options
    this.#pause(PAUSE_AFTER_FAILURE_MS)
    if (this.#copy === "current" && !this.#isClosed())
      log.warn("Twilio Sync cannot be read; the last copy is used", { error: messageOf(error) })
    this.#copy = "outdated"
  }

  #finished(): void {
    if (this.#reading.phase === "reading") this.#reading = { phase: "idle", nextAtMs: this.#reading.nextAtMs }
  }

  /** Counted from the start of the read that is running. */
  #pause(ms: number): void {
    if (this.#reading.phase === "reading")
      this.#reading = { ...this.#reading, nextAtMs: this.#reading.startedAtMs + ms }
  }

  /** The next call reads, and the calls that wait for this read do not wait any longer. */
  #readAgainSoon(): void {
    if (this.#reading.phase === "reading") {
      const soon = Number.NEGATIVE_INFINITY
      this.#reading = { ...this.#reading, startedAtMs: soon, nextAtMs: soon }
    }
  }

  #isClosed(): boolean {
    return this.#reading.phase === "closed"
  }
}
