/** What a dialog with a speech-to-speech model is given. */

import type { CallEvent } from "../call/events.ts"
import type { Turn } from "../call/turn.ts"
import type { Usage } from "../call/usage.ts"
import type { History } from "../conversation/history.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallAction, ToolOutcome } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"
import type { AgentAudio } from "../media/agent-audio.ts"
import type { CallerAudio } from "../media/caller-audio.ts"
import type { ConnectModel } from "./connection/websocket.ts"
import type { ConnectionFailure } from "./connection/connection.ts"

export type TurnManagerTimes = {
  /** Longest wait for a connection, in milliseconds. */
  modelConnectMs: number
  /** Longest wait for the first sound of an answer. */
  firstTokenMs: number
  /** Longest pause within an answer. */
  tokenGapMs: number
  /** Longest silence before a sentence such as "One moment, please.". */
  waitPhraseMs: number
}

export type TurnManagerOptions = {
  connect: ConnectModel
  model: string
  transcriber: string
  session: () => object
  prelude: () => string[]
  /** Whether the server stops its answer when the caller begins to speak. */
  serverInterrupts: boolean
  /** Whether the server answers each turn of the caller by itself. */
  serverAnswers: boolean
  /** Whether what the caller says is told in words. */
  transcribes: boolean
  /** Whether a caller who waits is told so. */
  waitsWithWords: boolean
  history: History
  /** What the caller says. */
  callerAudio: CallerAudio
  voice: AgentAudio
  keep: (turn: Turn) => void
  keepUsage: (usage: Usage) => void
  publish: (event: CallEvent) => void
  runTool: (call: ToolCall) => Promise<ToolOutcome>
  act: (action: CallAction) => void
  /** The caller began to speak; what was being said is cut off by now. */
  onCaller: () => void
  /** The model has said what it had to say. */
  onQuiet: () => void
  /** The model is gone for good. */
  onFailed: (failure: ConnectionFailure) => void
  times: TurnManagerTimes
  sweep: Sweep
  log: Log
}
