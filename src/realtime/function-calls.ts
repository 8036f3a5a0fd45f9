/** The tools of a realtime call: each complete call runs once, its one output goes back, and one answer follows them all. */

import type { History } from "../conversation/history.ts"
import type { Turn } from "../call/turn.ts"
import type { CallEvent } from "../call/events.ts"
import { ToolCalls } from "../conversation/tool-calls.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallAction, ToolOutcome } from "../tools/define-tool.ts"
import { outcomeText, type ToolCall } from "../tools/run-tool.ts"
import { encodeItemCreate } from "./protocol/client-events.ts"
import type { ModelConnection } from "./connection/reconnecting.ts"
import type { RealtimeItem } from "./protocol/objects.ts"

export type FunctionCallsOptions = {
  history: History
  /** Runs one tool. Never rejects. */
  run: (call: ToolCall) => Promise<ToolOutcome>
  /** Carries out what a tool asked of the call. */
  act: (action: CallAction) => void
  /** The connection in use now. */
  current: () => ModelConnection | undefined
  /** The agent's turn in which a response speaks. */
  turnOf: (responseId: string) => Turn
  /** The model is to answer outputs. `about`: their items, where they were sent; without a connection they are history. */
  onOutputs: (about: readonly string[]) => void
  sweep: Sweep
  publish: (event: CallEvent) => void
  log: Log
}

type FunctionCall = Extract<RealtimeItem, { type: "function-call" }>

/** The calls of one response. */
type Batch = {
  readonly modelConnection: ModelConnection
  running: number
  /** No more of them will come. */
  isWhole: boolean
  about: string[]
  /** Whether the model is to say something about the outputs. */
  speaks: boolean
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

  /** How many tools run now. */
  get running(): number {
    return this.#calls.running
  }

  /** `response.output_item.done` of a call. One that was cut off, or was seen before, is not run. */
  called(modelConnection: ModelConnection, responseId: string, item: FunctionCall): void {
    const seen = `${modelConnection.epoch}/${item.callId}`
    if (item.status !== "completed" || this.#seen.has(seen)) return
    this.#seen.add(seen)
    const key = `${modelConnection.epoch}/${responseId}`
    const batch = this.#batches.get(key) ?? {
      modelConnection,
      running: 0,
      isWhole: false,
      about: [],
      speaks: false,
    }
    this.#batches.set(key, batch)
    batch.running += 1
    this.#options.log.background("tool", this.#run(key, batch, responseId, item))
  }

  /** `response.done`. */
  done({ epoch }: ModelConnection, responseId: string): void {
    const key = `${epoch}/${responseId}`
    const batch = this.#batches.get(key)
    if (!batch) return
    batch.isWhole = true
    this.#finish(key, batch)
  }

  async #run(key: string, batch: Batch, responseId: string, { callId, name, arguments: args }: FunctionCall) {
    const { turnOf, act, current } = this.#options
    const outcome = await this.#calls.run(turnOf(responseId), { callId, name, arguments: args })
    const action = outcome.ok ? outcome.action : undefined
    batch.running -= 1
    batch.speaks ||= action?.type !== "end-call"
    const modelConnection = current()
    if (modelConnection === batch.modelConnection) this.#answer(batch, callId, outcomeText(outcome))
    else {
      // The end of that response will never come. On another connection the call has an output that says it still runs.
      batch.isWhole = true
      if (modelConnection)
        this.#tell(modelConnection, batch, `The tool ${name} has finished: ${outcomeText(outcome)}`)
    }
    if (action) act(action)
    this.#finish(key, batch)
  }

  #answer(batch: Batch, callId: string, output: string): void {
    const { link, queue, items } = batch.modelConnection
    const id = this.#newId()
    queue.itemSent(id)
    items.toolOutput(callId, output)
    link.send(encodeItemCreate({ type: "function-call-output", id, callId, output }))
    batch.about.push(id)
  }

  #tell({ link, queue }: ModelConnection, batch: Batch, text: string): void {
    const id = this.#newId()
    queue.itemSent(id)
    link.send(encodeItemCreate({ type: "message", id, role: "system", text }))
    batch.about.push(id)
  }

  #finish(key: string, batch: Batch): void {
    if (batch.running > 0 || !batch.isWhole) return
    this.#batches.delete(key)
    if (batch.speaks) this.#options.onOutputs(batch.about)
  }

  #newId(): string {
    this.#serial += 1
    return `output_${this.#serial}`
  }
}
