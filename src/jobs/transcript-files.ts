/** A file for each call that ended, with all that was said. Its content is read from the store, so a crash loses none. */

import { existsSync } from "node:fs"
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Call } from "../call/call.ts"
import type { RecordedEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import { isTerminal } from "../call/status.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import { closeToOthers } from "../lib/close-to-others.ts"
import type { Store } from "../store/store.ts"
import { plainTranscript } from "../call/flat-transcript.ts"

export type TranscriptLog = {
  /** Called with every event of every call; returns at once. */
  onEvent(recorded: RecordedEvent): void
  /**
   * Takes the rights of other users away from the files that are there, and writes what an earlier process did not come
   * to: calls that ended in the last day and have no file.
   */
  catchUp(): void
  /** Deletes files of calls that ended before this time, in milliseconds since the epoch. */
  deleteBefore(time: number): void
  /** Resolves when everything that was begun is written, or could not be. Never rejects. */
  idle(): Promise<void>
}

export type TranscriptLogOptions = {
  /** Made when the first file is written. */
  dir: string
  store: Pick<Store, "calls" | "turns">
  liveCalls: LiveCalls
  now: () => number
  log: Log
}

/** How far back, and among how many of the newest calls, missing files are looked for. */
const CATCH_UP_MS = 24 * 60 * 60_000
const CATCH_UP_CALLS = 200

export function createTranscriptLog(options: TranscriptLogOptions): TranscriptLog {
  const { dir, store, liveCalls, now, log } = options
  // One file at a time: the end of many calls at once must not take the disk from those that continue.
  let last: Promise<void> = Promise.resolve()

  function inTurn(work: () => Promise<void>): void {
    last = last.then(() => attempt(work))
  }

  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      log.error("a transcript file cannot be written", { dir, error: messageOf(error) })
    }
  }

  async function closeFolder(): Promise<void> {
    const names = await transcriptNames(dir)
    const exposed = closeToOthers([dir, ...names.map((name) => join(dir, name))])
    if (exposed.length === 0) return
    const files = exposed.length
    log.warn("other users of this machine could read transcript files; they are private now", { dir, files })
  }

  async function deleteFiles(before: number): Promise<void> {
    const old = (await transcriptNames(dir)).filter((name) => (endOf(name) ?? Infinity) < before)
    for (const name of old) await rm(join(dir, name), { force: true })
    if (old.length > 0) log.info("old transcript files deleted", { files: old.length })
  }

  async function write(callId: CallId, { unlessThere }: { unlessThere: boolean }): Promise<void> {
    const call = await store.calls.byId(callId)
    // The last words are kept when the session closes, which may come after the end of the call.
    if (!call || !isTerminal(call.status) || liveCalls.get(callId)) return
    const transcript = plainTranscript(call, await store.turns.of(callId))
    if (!transcript) return
    const path = join(dir, transcriptFileName(call))
    if (unlessThere && existsSync(path)) return
    await writeAtomically(dir, path, `${JSON.stringify(transcript, null, 2)}\n`)
    log.info("transcript file written", { callSid: call.sid })
  }

  return {
    onEvent({ callId, event }) {
      const isEnd = event.type === "call.status-changed" && isTerminal(event.status)
      // Last words may be recognised when all is over; while the call continues, nothing is written.
      if (isEnd || event.type === "session.closed" || event.type === "caller.spoke")
        inTurn(() => write(callId, { unlessThere: false }))
    },

    catchUp() {
      inTurn(closeFolder)
      const earliest = now() - CATCH_UP_MS
      inTurn(async () => {
        for (const { id, endedAt } of (await store.calls.list({ limit: CATCH_UP_CALLS })).calls) {
          if (endedAt !== null && endedAt >= earliest) await attempt(() => write(id, { unlessThere: true }))
        }
      })
    },

    deleteBefore(time) {
      inTurn(() => deleteFiles(time))
    },

    idle: () => last,
  }
}

const TIME_IN_NAME = /_(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3}Z)\.json$/

/** The names of files that `transcriptFileName` made; none where the folder cannot be read. */
async function transcriptNames(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch(() => [])
  return names.filter((name) => TIME_IN_NAME.test(name))
}

/** When the call of a file ended, in milliseconds since the epoch. */
function endOf(name: string): number | undefined {
  const [, hour, minute, second] = TIME_IN_NAME.exec(name) ?? []
  return hour === undefined ? undefined : Date.parse(`${hour}:${minute}:${second}`)
}

/** `{callSid}_{phoneNumber}_{timestamp}.json`, the same for a call each time it is asked for. */
export function transcriptFileName({ id, sid, direction, from, to, endedAt, createdAt }: Call): string {
  const number = direction === "inbound" ? from : to
  const timestamp = new Date(endedAt ?? createdAt).toISOString()
  const parts = [sid ?? id, number.slice(0, 64), timestamp].map((part) => part.replace(/[^\w+.-]/g, "-"))
  return `${parts.join("_")}.json`
}

/** Readers find the whole file or none. Only its owner may read it. */
async function writeAtomically(dir: string, path: string, text: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${crypto.randomUUID()}.tmp`
  try {
    await writeFile(temporary, text, { mode: 0o600 })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
