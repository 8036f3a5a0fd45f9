/** The assets of Twilio Sync as a layer: filled from the files once, read before calls, never waited for long. */

import { AppError, messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import { AssetError, describeFault, type AssetFault } from "./asset-error.ts"
import { placeOf, readAsset, storedName, type AssetText } from "./asset-text.ts"
import type { AssetTarget } from "./library.ts"
import { localTexts } from "./load.ts"
import type { AssetState } from "./state.ts"
import type { AssetShelf, RemoteAssets, RemoteEntry } from "./stored.ts"
import { dataOf, fitsSync, MAX_ENTRY_BYTES, textOf } from "./sync-entry.ts"

export type SyncLayerOptions = {
  state: AssetState
  shelf: AssetShelf
  remote: RemoteAssets
  sweep: Sweep
  log: Log
  /** Whether calls are running: then Sync is read for a new call only. */
  busy: () => boolean
}

export type SyncLayer = AssetTarget & {
  /** Reads what has changed, at most every two seconds. Never rejects. */
  refresh(): Promise<void>
  close(): void
}

const EVERY_MS = 30_000
/** A call is not kept waiting longer. */
const WAIT_MS = 1500
const PAUSE_MS = 2000
const PAUSE_AFTER_FAILURE_MS = 10_000
/** Failures in a row after which filling is left for later. */
const MAX_FAILURES = 3

const KINDS = ["context", "manifest", "config"] as const

type Taken = { revision: string; asset: AssetText; version: string }

export function createSyncLayer({ state, shelf, remote, sweep, log, busy }: SyncLayerOptions): SyncLayer {
  const { clock } = sweep
  /** The last good state of each entry, by place. */
  const taken = new Map<string, Taken>()
  /** Revisions of faulty entries, each told once. */
  const refused = new Map<string, string>()
  let toldFaults = ""
  let running: Promise<void> | undefined
  let startedAt = Number.NEGATIVE_INFINITY
  let pauseMs = PAUSE_MS
  let writes = 0
  let filled = false
  let failing = false
  let closed = false

  /** Of several at once all get the same reading. */
  function pull(): Promise<void> {
    if (running) return running
    startedAt = clock.now()
    running = readAndFill()
      .catch((error: unknown) => {
        pauseMs = PAUSE_AFTER_FAILURE_MS
        if (!failing && !closed)
          log.warn("Twilio Sync cannot be read; the last copy is used", { error: messageOf(error) })
        failing = true
      })
      .finally(() => {
        running = undefined
      })
    return running
  }

  async function readAndFill(): Promise<void> {
    const before = writes
    const entries = await remote.readAll()
    if (closed) return
    // What was written meanwhile may be missing here.
    if (before !== writes) return readSoon()
    take(entries)
    log.debug("Twilio Sync was read", { entries: entries.length })
    pauseMs = PAUSE_MS
    if (failing) log.info("Twilio Sync can be read again")
    failing = false
    if (filled) return
    const complete = await fill(entries)
    if (closed) return
    if (before === writes) take(complete)
    else readSoon()
  }

  function readSoon(): void {
    startedAt = Number.NEGATIVE_INFINITY
  }

  /** Writes the files to Sync, except where an entry was edited there. */
  async function fill(entries: readonly RemoteEntry[]): Promise<RemoteEntry[]> {
    const found = new Map(entries.map((entry) => [placeOf(entry), entry]))
    const pushed = new Map(state.layers.pushed)
    let failures = 0
    for (const asset of localTexts(state.layers.files)) {
      const { kind, key } = asset
      const place = placeOf(asset)
      const version = versionOf(asset)
      if (version === undefined || closed) continue
      const entry = found.get(place)
      const there = taken.get(place)
      const versionThere = there?.revision === entry?.revision ? there?.version : undefined
      if (versionThere === version) {
        pushed.set(place, version)
        continue
      }
      if (entry && (versionThere === undefined || pushed.get(place) !== versionThere)) {
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
        pushed.set(place, version)
        found.set(place, { kind, key, data, revision })
      } catch (error) {
        log.error("an asset could not be written to Twilio Sync", { kind, key, error: messageOf(error) })
        failures += 1
        if (failures === MAX_FAILURES) break
      }
    }
    filled = failures < MAX_FAILURES
    if (!closed) {
      state.use({ pushed })
      shelf.setPushed(pushed, clock.now())
    }
    return [...found.values()]
  }

  function versionOf(asset: AssetText): string | undefined {
    const read = readAsset(asset, state.knownTools)
    return read.ok ? read.meaning.version : undefined
  }

  /** Puts what was read in force. A faulty entry replaces nothing. */
  function take(entries: readonly RemoteEntry[]): void {
    const stored = entries.flatMap((entry) => goodStateOf(entry) ?? [])
    const places = new Set(stored.map(placeOf))
    for (const place of taken.keys()) if (!places.has(place)) taken.delete(place)
    const before = state.layers.stored
    if (!state.layers.lenient && same(before, stored)) return
    const withOldConfig = [
      ...stored.filter(({ kind }) => kind !== "config"),
      ...before.filter(({ kind }) => kind === "config"),
    ]
    const withoutRemovals = [...withOldConfig, ...before.filter((asset) => !places.has(placeOf(asset)))]
    const attempts = [stored, withOldConfig, [...new Set(withoutRemovals)]]
    const inForce = attempts.find((attempt) => tryToUse(attempt, false))
    if (inForce) keep(inForce)
    // Nothing better is known yet than the defaults.
    else if (state.layers.lenient) tryToUse(stored, true)
  }

  function tryToUse(stored: readonly AssetText[], lenient: boolean): boolean {
    try {
      state.use({ stored, lenient })
      return true
    } catch (error) {
      if (!(error instanceof AssetError)) throw error
      if (error.message !== toldFaults) for (const fault of error.faults) tellFault(fault)
      toldFaults = error.message
      return false
    }
  }

  function goodStateOf(entry: RemoteEntry): AssetText | undefined {
    const place = placeOf(entry)
    const known = taken.get(place)
    if (known?.revision === entry.revision) return known.asset
    const name = `${storedName(entry.kind, entry.key)} in Sync`
    const { kind, key } = entry
    const text = textOf(entry)
    const asset: AssetText | undefined =
      text === undefined ? undefined : { name, kind, key, text, source: "sync" }
    const read = asset && readAsset(asset, state.knownTools)
    if (asset && read?.ok) {
      taken.set(place, { revision: entry.revision, asset, version: read.meaning.version })
      return asset
    }
    if (refused.get(place) !== entry.revision) {
      const faults = read?.ok === false ? read.faults : [{ file: name, message: "is not { content }" }]
      for (const fault of faults) tellFault(fault)
      refused.set(place, entry.revision)
    }
    return known?.asset ?? state.layers.stored.find((stored) => placeOf(stored) === place)
  }

  function tellFault(fault: AssetFault): void {
    log.error("an asset in Twilio Sync is faulty; the one before stays in use", {
      fault: describeFault(fault),
    })
  }

  /** Keeps the last good copy for a start without Sync. */
  function keep(stored: readonly AssetText[]): void {
    const at = clock.now()
    const places = new Set(stored.map(placeOf))
    try {
      for (const { kind, key, text } of stored) {
        const version = taken.get(placeOf({ kind, key }))?.version
        if (version !== undefined) shelf.put({ kind, key, text, version, source: "sync", at })
      }
      for (const kind of KINDS) {
        for (const { key } of shelf.latest(kind, "sync"))
          if (!places.has(placeOf({ kind, key }))) shelf.remove({ kind, key, source: "sync", at })
      }
    } catch (error) {
      log.warn("the copy of Twilio Sync could not be kept", { error: messageOf(error) })
    }
  }

  const stop = sweep.every(EVERY_MS, () => {
    if (!busy()) log.background("reading Twilio Sync", pull())
  })
  log.background("reading Twilio Sync", pull())

  return {
    source: "sync",

    async refresh() {
      if (closed || (!running && clock.now() - startedAt < pauseMs)) return
      const work = pull()
      const leftMs = WAIT_MS - (clock.now() - startedAt)
      if (leftMs <= 0) return
      const limit = new AbortController()
      const late = await Promise.race([
        work.then(() => false),
        sweep.sleep(leftMs, limit.signal).then(() => !limit.signal.aborted),
      ])
      limit.abort()
      if (!late) return
      pauseMs = PAUSE_AFTER_FAILURE_MS
      log.warn("Twilio Sync is slow; the last copy is used", { waitedMs: WAIT_MS })
    },

    async write(asset, version) {
      const { kind, key, text } = asset
      const data = dataOf(asset)
      if (!fitsSync(data)) {
        const name = storedName(kind, key)
        const message = `The ${name} is too large: Twilio Sync keeps at most ${MAX_ENTRY_BYTES} bytes of JSON in one entry.`
        throw new AppError("INVALID_REQUEST", message)
      }
      const revision = await remote.write({ kind, key, data })
      writes += 1
      taken.set(placeOf(asset), { revision, asset, version })
      shelf.put({ kind, key, text, version, source: "sync", at: clock.now() })
    },

    async remove(place) {
      await remote.remove(place)
      writes += 1
      taken.delete(placeOf(place))
      shelf.remove({ kind: place.kind, key: place.key, source: "sync", at: clock.now() })
    },

    close() {
      closed = true
      stop()
    },
  }
}

function same(a: readonly AssetText[], b: readonly AssetText[]): boolean {
  const known = new Set(a)
  return a.length === b.length && b.every((asset) => known.has(asset))
}
