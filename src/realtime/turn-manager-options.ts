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
import type { SpeechReactionOptions } from "./speech-reaction.ts"
import type { RealtimeUsageOptions } from "./usage.ts"

/** Limits of a connection to the model, in milliseconds. */
export type ModelTimes = {
  /** Longest wait for a connection. */
  modelConnectMs: number
  /** Time between two pings; a server that sends nothing for two of them is lost. */
  modelPingMs: number
  /** A server that takes none of the unsent data for this long is lost. */
  modelStallMs: number
  /** Longest wait for a reaction of the server after the caller's speech. */
  modelSilenceMs: number
}

export type TurnManagerTimes = StreamTimes &
  ModelTimes & {
    /** Longest silence before a sentence such as "One moment, please.", in milliseconds. */
    waitPhraseMs: number
  }

export type TurnManagerOptions = RealtimeUsageOptions &
  Pick<ReconnectingConnectionOptions, "connect" | "session" | "prelude"> &
  Pick<PendingResponsesOptions, "serverInterrupts" | "serverAnswers"> &
  Pick<CallerTranscriptsOptions, "transcribes" | "keep"> &
  Pick<SpeechReactionOptions, "turnEndMs"> & {
    /** Whether prompts are played while the caller waits. */
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
