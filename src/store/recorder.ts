/** Collects turns and events and writes them in batches, so that a call never waits for the disk. */

import type { RecordedEvent } from "../call/events.ts"
import type { Recorder } from "../call/recorder.ts"
import type { Turn } from "../call/turn.ts"
import { getLog, type Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
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
export type ClosableRecorder = Recorder & {
  /** Rows that wait to be written. */
  readonly waiting: number
  close(): void
  [Symbol.dispose](): void
}

/** A batch this large is written without waiting. */
const LARGE_BATCH = 500
/** How long a flush waits for another process that writes: calls stand still meanwhile. */
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
  let cancelFlush: (() => void) | undefined
  let failures = 0
  let dropped = 0
  let closed = false

  function arm(): void {
    if (failures === 0 && turns.size + events.length >= LARGE_BATCH) return flush()
    cancelFlush ??= sweep.after(Math.min(everyMs * 2 ** Math.min(failures, 10), MAX_RETRY_MS), flush)
  }

  function flush(): void {
    write(WAIT_MS)
  }

  function write(waitMs: number): void {
    cancelFlush?.()
    cancelFlush = undefined
    if (turns.size + events.length === 0) return
    try {
      for (const { row, id, error } of store.writer.write({ turns: turns.values(), events }, waitMs)) {
        log.error("a row cannot be stored and is lost", { row, id, error })
      }
    } catch (error) {
      if (failures++ === 0) log.error("the database cannot be written; rows wait in memory", { error })
      return arm()
    }
    if (failures > 0) log.info("the database can be written again", { failures, droppedEvents: dropped })
    turns = new Map()
    events = []
    failures = 0
    dropped = 0
  }

  const cancelOnRead = store.onRead(flush)
  function close(): void {
    closed = true
    write(MAX_RETRY_MS)
    cancelFlush?.()
    cancelFlush = undefined
    cancelOnRead()
  }

  return {
    get waiting() {
      return turns.size + events.length
    },

    turn(turn) {
      if (closed) return
      turns.set(turn.id, turn)
      arm()
    },

    event(recorded) {
      if (closed) return
      events.push(recorded)
      if (events.length > maxEvents) {
        // A tenth at once, because each cut copies the rest.
        const tenth = Math.ceil(maxEvents / 10)
        events.splice(0, tenth)
        dropped += tenth
      }
      arm()
      try {
        onEvent?.(recorded)
      } catch (error) {
        log.error("an observer of events failed", { error })
      }
    },

    flush,

    close,
    [Symbol.dispose]: close,
  }
}
