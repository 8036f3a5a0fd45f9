/** Collects turns and events and writes them in batches, so that a call never waits for the disk. */

import type { RecordedEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { Recorder } from "../call/recorder.ts"
import type { Turn } from "../call/turn.ts"
import { getLog, type Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Reading } from "./history.ts"
import type { Store } from "./store.ts"

export type RecorderOptions = {
  store: Pick<Store, "writer" | "onRead">
  sweep: Sweep
  /** Longest time that a row waits, without the resolution of the sweep. */
  everyMs?: number
  /** Is shown each event at once. What it throws is logged and harms nothing. */
  onEvent?: ((event: RecordedEvent) => void) | undefined
  /** Events that wait at most while the database cannot be written; then the oldest are dropped. */
  maxEvents?: number
  log?: Log
}

/** Closing writes what waits, and is harmless when done twice. What comes after it is gone. */
export type ClosableRecorder = Recorder &
  AsyncDisposable & {
    /** Rows that wait to be written. */
    readonly waiting: number
    close(): Promise<void>
  }

/** A batch this large is written without waiting. */
const LARGE_BATCH = 500
/** How long a flush waits for another process that writes: no call makes progress meanwhile. */
const WAIT_MS = 50
const MAX_RETRY_MS = 1000

/**
 * The recorder of the whole program. With the sweep's 20 ms, the 75 ms of `everyMs` keep the promise of 100 ms.
 * While the database cannot be written, everything waits in memory and is tried again; turns are never dropped.
 */
export function createRecorder({
  store,
  sweep,
  everyMs = 75,
  onEvent,
  maxEvents = 20_000,
  log = getLog("store"),
}: RecorderOptions): ClosableRecorder {
  // A turn that changes keeps its place, and only its last state is written.
  let turns = new Map<string, Turn>()
  let events: RecordedEvent[] = []
  /** The batch that is being written, of so many rows. */
  let writing: { rows: number; done: Promise<void> } | undefined
  let cancelFlush: (() => void) | undefined
  let failures = 0
  let dropped = 0
  let closed = false

  function arm(): void {
    if (failures === 0 && turns.size + events.length >= LARGE_BATCH) return flush()
    cancelFlush ??= sweep.after(Math.min(everyMs * 2 ** Math.min(failures, 10), MAX_RETRY_MS), flush)
  }

  function flush(): void {
    log.background("writing turns and events", write(WAIT_MS))
  }

  /** Resolves once everything that waits now was tried. Never rejects. */
  function write(waitMs: number): Promise<void> {
    if (writing) return writing.done.then(() => write(waitMs))
    cancelFlush?.()
    cancelFlush = undefined
    const rows = turns.size + events.length
    if (rows === 0) return Promise.resolve()
    const batch = { turns, events }
    turns = new Map()
    events = []
    const done = writeBatch(batch, waitMs).finally(() => (writing = undefined))
    writing = { rows, done }
    return done
  }

  async function writeBatch(batch: Batch, waitMs: number): Promise<void> {
    try {
      const refused = await store.writer.write({ turns: batch.turns.values(), events: batch.events }, waitMs)
      for (const { row, id, error } of refused) {
        log.error("a row cannot be stored and is lost", { row, id, error })
      }
    } catch (error) {
      if (failures++ === 0) log.error("the database cannot be written; rows wait in memory", { error })
      // What came meanwhile is newer.
      turns = new Map([...batch.turns, ...turns])
      events = [...batch.events, ...events]
      dropOldest()
      return arm()
    }
    if (failures > 0) log.info("the database can be written again", { failures, droppedEvents: dropped })
    failures = 0
    dropped = 0
    if (turns.size + events.length > 0 && !closed) arm()
  }

  function dropOldest(): void {
    if (events.length <= maxEvents) return
    // A tenth at once, because each cut copies the rest.
    const surplus = Math.max(Math.ceil(maxEvents / 10), events.length - maxEvents)
    events.splice(0, surplus)
    dropped += surplus
  }

  /** Writes what waits, if it may be part of the reading: reads of other calls cost no transaction. */
  function flushFor(reading: Reading | undefined): Promise<void> {
    if (writing) return writing.done.then(() => flushFor(reading))
    return reading === undefined || isWaiting(reading) ? write(WAIT_MS) : Promise.resolve()
  }

  function isWaiting({ rows, callId }: Reading): boolean {
    if (callId === undefined) return rows === "turns" ? turns.size > 0 : events.length > 0
    const isOfCall = (row: { callId: CallId }) => row.callId === callId
    return rows === "turns" ? turns.values().some(isOfCall) : events.some(isOfCall)
  }

  const cancelOnRead = store.onRead(flushFor)

  async function close(): Promise<void> {
    closed = true
    await write(MAX_RETRY_MS)
    if (turns.size + events.length > 0 && !store.writer.keep({ turns: turns.values(), events })) {
      log.error("turns and events that could not be written are lost", {
        turns: turns.size,
        events: events.length,
      })
    }
    cancelFlush?.()
    cancelFlush = undefined
    cancelOnRead()
  }

  return {
    get waiting() {
      return turns.size + events.length + (writing?.rows ?? 0)
    },

    turn(turn) {
      if (closed) return
      turns.set(turn.id, turn)
      arm()
    },

    event(recorded) {
      if (closed) return
      events.push(recorded)
      dropOldest()
      arm()
      try {
        onEvent?.(recorded)
      } catch (error) {
        log.error("an observer of events failed", { error })
      }
    },

    flush,

    close,
    [Symbol.asyncDispose]: close,
  }
}

type Batch = { turns: ReadonlyMap<string, Turn>; events: readonly RecordedEvent[] }
