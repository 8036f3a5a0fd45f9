/** The store: everything that must outlive the process, as questions and changes named for what they are about. */

import type { StoredAssets } from "./asset-versions.ts"
import type { Callers } from "./callers.ts"
import type { Calls } from "./calls.ts"
import type { Conversations } from "./conversations.ts"
import type { Documents } from "./documents.ts"
import type { Events, Reading, Transcripts, Turns, Writer } from "./history.ts"
import type { Jobs } from "./jobs.ts"
import type { Outcomes } from "./outcomes.ts"
import type { Quotas } from "./quotas.ts"
import type { Receipts } from "./receipts.ts"
import type { UsageRecords } from "./usage.ts"
import type { VoiceMessages } from "./voice-messages.ts"

/** `applied` when this store was opened; `present` in the database now; `unknown`: written by a newer version. */
export type MigrationReport = { applied: string[]; present: string[]; unknown: string[] }

/** `callsInMemory`: calls that wait for a database that cannot be written. */
/** Whether the file that is in use is still the one that the next start finds. */
export type FileState = "ok" | "deleted" | "replaced"

export type StoreState = ({ isWritable: true } | { isWritable: false; callsInMemory: number }) & {
  file: FileState
}

/**
 * Every method is one transaction. It rejects with `AppError` UNAVAILABLE when another process keeps the database locked
 * for ten seconds. Writes take effect in the order in which their methods were called.
 */
export interface Store extends AsyncDisposable {
  readonly calls: Calls
  readonly turns: Turns
  readonly transcripts: Transcripts
  readonly events: Events
  readonly receipts: Receipts
  readonly quotas: Quotas
  readonly assets: StoredAssets
  readonly conversations: Conversations
  readonly callers: Callers
  readonly documents: Documents
  readonly jobs: Jobs
  readonly outcomes: Outcomes
  readonly usage: UsageRecords
  readonly voiceMessages: VoiceMessages
  /**
   * The time of everything that is due, leased or limited, in milliseconds. It passes as monotonic time does, whatever
   * happens to the clock of the machine, and is the same for all processes on this database.
   */
  readonly steadyNow: () => number
  /** For the recorder alone. */
  readonly writer: Writer
  /**
   * Awaits `flush` before each reading of turns and events, so that a reader finds what was recorded before, and without
   * a reading before closing. `flush` must not reject. Returns the cancellation.
   */
  onRead(flush: (reading?: Reading) => Promise<void>): () => void
  /** Whether the database can be written, and whether it will be found again, as far as is known. */
  state(): StoreState
  /** Which migrations there are. */
  readonly migrations: MigrationReport
  /** Deletes calls that ended before a time, with everything that belongs to them; resolves to how many. */
  purgeEndedBefore(ms: number): Promise<number>
  /** Writes what waits and closes the database. What still waits for a lock is rejected. Closing twice is harmless. */
  close(): Promise<void>
}
