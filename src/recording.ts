/** Where the events of calls go: into the store, the failure log, the transcript files and to observers. */

import type { RecordedEvent } from "./call/events.ts"
import type { LiveCalls } from "./call/live-calls.ts"
import type { Config } from "./config/config.ts"
import { failureLog } from "./control/failure-log.ts"
import { createTranscriptLog, type TranscriptLog } from "./jobs/transcript-files.ts"
import { getLog } from "./lib/log.ts"
import type { Sweep } from "./lib/sweep.ts"
import { Observers } from "./observers/observers.ts"
import { createRecorder, type ClosableRecorder } from "./store/recorder.ts"
import type { Store } from "./store/store.ts"

export type Recording = {
  recorder: ClosableRecorder
  observers: Observers
  /** Undefined without a directory for them. */
  transcripts: TranscriptLog | undefined
  /** Logs an event that reports a failure; without effect for others. */
  reportFailure: ReturnType<typeof failureLog>
}

export type RecordingOptions = {
  config: Config
  store: Store
  liveCalls: LiveCalls
  sweep: Sweep
  /** Receives every event of every call at once. */
  onEvent: ((event: RecordedEvent) => void) | undefined
}

export function createRecording({ config, store, liveCalls, sweep, onEvent }: RecordingOptions): Recording {
  const observers = new Observers({ sweep })
  const reportFailure = failureLog(config, getLog("calls"))
  const dir = config.transcriptLogDir
  const now = () => sweep.clock.now()
  const transcripts =
    dir === undefined
      ? undefined
      : createTranscriptLog({ dir, store, liveCalls, now, log: getLog("transcripts") })
  const recorder = createRecorder({
    store,
    sweep,
    onEvent(event) {
      reportFailure(event)
      transcripts?.onEvent(event)
      observers.publish(event)
      onEvent?.(event)
    },
  })
  return { recorder, observers, transcripts, reportFailure }
}
