/** Options of a turn manager: its own, and those that it passes on to its parts. */

import type { CallEvent } from "../call/events.ts"
import type { History } from "../conversation/history.ts"
import type { Log } from "../lib/log.ts"
import type { StreamTimes } from "../lib/progress-timeout.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { AgentAudio } from "../media/agent-audio.ts"
import type { CallerAudio } from "../media/caller-audio.ts"
import type { CallerTranscriptsOptions } from "./caller-transcripts.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import type { ReconnectingConnectionOptions } from "./connection/reconnecting.ts"
import type { FunctionCallsOptions } from "./function-calls.ts"
import type { PendingResponsesOptions } from "./pending-responses.ts"
import type { RealtimeUsageOptions } from "./usage.ts"

export type TurnManagerTimes = StreamTimes & {
  /** Longest wait for a connection, in milliseconds. */
  modelConnectMs: number
  /** Longest silence before a sentence such as "One moment, please.", in milliseconds. */
  waitPhraseMs: number
}

export type TurnManagerOptions = RealtimeUsageOptions &
  Pick<ReconnectingConnectionOptions, "connect" | "session" | "prelude"> &
  Pick<PendingResponsesOptions, "serverInterrupts" | "serverAnswers"> &
  Pick<CallerTranscriptsOptions, "transcribes" | "keep"> & {
    /** Whether prompts are played to a caller who waits. */
    playsHoldPrompts: boolean
    history: History
    callerAudio: CallerAudio
    agentAudio: AgentAudio
    publish: (event: CallEvent) => void
    runTool: FunctionCallsOptions["run"]
    act: FunctionCallsOptions["act"]
    /** The caller began to speak; what was being said is interrupted by now. */
    onCaller: () => void
    /** The model has said everything that it was asked for. */
    onQuiet: () => void
    /** The model cannot be reached any more. */
    onFailed: (failure: ConnectionFailure) => void
    times: TurnManagerTimes
    sweep: Sweep
    log: Log
  }
