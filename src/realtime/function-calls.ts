/** The function calls of the model: each complete call runs once and returns one output; one answer follows them all. */

import type { CallEvent } from "../call/events.ts"
import type { Turn } from "../call/turn.ts"
import type { History } from "../conversation/history.ts"
import { ToolCalls } from "../conversation/tool-calls.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallAction, ToolOutcome } from "../tools/define-tool.ts"
import { outcomeText, type ToolCall } from "../tools/run-tool.ts"
import type { ModelConnection } from "./connection/reconnecting.ts"
import type { PendingResponses } from "./pending-responses.ts"
import { encodeItemCreate } from "./protocol/client-events.ts"
import type { RealtimeItem } from "./protocol/objects.ts"

/** Ids of calls that are remembered, so that none runs twice. */
const MAX_SEEN = 1_000

/** The part of a connection that function calls need. */
type CallConnection = Pick<ModelConnection, "epoch" | "send">

export type FunctionCallsOptions = {
  history: History
  /** Runs one tool. Never rejects. */
  run: (call: ToolCall) => Promise<ToolOutcome>
  /** Carries out what a tool asked of the call. */
  act: (action: CallAction) => void
  /** The connection in use now. */
  connection: () => CallConnection | undefined
  /** The latest turn in which a response is being said; undefined while it has said nothing. */
  lastTurnOf: (responseId: string) => Turn | undefined
  pending: Pick<PendingResponses, "toolStarted" | "toolFinished" | "itemSent" | "request">
  sweep: Sweep
  publish: (event: CallEvent) => void
  log: Log
}

type FunctionCall = Extract<RealtimeItem, { type: "function-call" }>

/** The calls of one response. */
type Batch = {
  readonly connection: CallConnection
  /** The agent's turn that the calls belong to. */
  turn: Turn
  running: number
  /** Whether all calls of the response are known. */
  isWhole: boolean
  /** Items with the outputs. */
  readonly outputs: string[]
  /** Whether the model is to say something about the outputs. */
  needsAnswer: boolean
}

export class FunctionCalls {
  readonly #options: FunctionCallsOptions
  readonly #calls: ToolCalls
  readonly #batches = new Map<string, Batch>()
  readonly #seen = new Set<string>()
  #serial = 0

  constructor(options: FunctionCallsOptions) {
    this.#options = options
    this.#calls = new ToolCalls(options)
  }

  /** `response.output_item.done` of a call. Incomplete calls and calls that ran before are ignored. */
  called(connection: CallConnection, responseId: string, call: FunctionCall): void {
    const { pending, log } = this.#options
    if (call.status !== "completed" || !this.#isNew(`${connection.epoch}/${call.callId}`)) return
    const key = `${connection.epoch}/${responseId}`
    const batch = this.#batchOf(key, connection, responseId)
    batch.running += 1
    pending.toolStarted()
    log.background("tool", this.#run(key, batch, call))
  }

  /** `response.done`: no further calls come of this response. */
  done({ epoch }: Pick<ModelConnection, "epoch">, responseId: string): void {
    const key = `${epoch}/${responseId}`
    const batch = this.#batches.get(key)
    if (!batch) return
    batch.isWhole = true
    this.#finish(key, batch)
  }

  #isNew(call: string): boolean {
    if (this.#seen.has(call)) return false
    this.#seen.add(call)
    const [oldest] = this.#seen
    if (this.#seen.size > MAX_SEEN && oldest !== undefined) this.#seen.delete(oldest)
    return true
  }

  #batchOf(key: string, connection: CallConnection, responseId: string): Batch {
    const { history, lastTurnOf } = this.#options
    const known = this.#batches.get(key)
    const turn = lastTurnOf(responseId) ?? known?.turn ?? history.agent()
    if (known) {
      known.turn = turn
      return known
    }
    const batch = { connection, turn, running: 0, isWhole: false, outputs: [], needsAnswer: false }
    this.#batches.set(key, batch)
    return batch
  }

  async #run(key: string, batch: Batch, { callId, name, arguments: args }: FunctionCall): Promise<void> {
    const { act, connection: connectionNow, pending } = this.#options
    const outcome = await this.#calls.run(batch.turn, { callId, name, arguments: args })
    const action = outcome.ok ? outcome.action : undefined
    const output = outcomeText(outcome)
    pending.toolFinished()
    batch.running -= 1
    batch.needsAnswer ||= action?.type !== "end-call"
    const connection = connectionNow()
    if (connection === batch.connection) {
      const id = this.#announce(batch)
      connection.send(encodeItemCreate({ type: "function-call-output", id, callId, output }))
    } else {
      // That response will never end. In the history of another connection the call has an output already: "still running".
      batch.isWhole = true
      if (connection) {
        const id = this.#announce(batch)
        const text = `The tool ${name} has finished: ${output}`
        connection.send(encodeItemCreate({ type: "message", id, role: "system", text }))
      }
    }
    if (action) act(action)
    this.#finish(key, batch)
  }

  /** A new item with an output is about to be sent. Returns its id. */
  #announce({ outputs }: Batch): string {
    this.#serial += 1
    const id = `output_${this.#serial}`
    this.#options.pending.itemSent(id)
    outputs.push(id)
    return id
  }

  #finish(key: string, batch: Batch): void {
    if (batch.running > 0 || !batch.isWhole) return
    this.#batches.delete(key)
    if (batch.needsAnswer) this.#options.pending.request({ kind: "answer", about: batch.outputs })
  }
}
