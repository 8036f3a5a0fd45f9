/** The tool calls of a conversation: each runs once and to its end, whatever becomes of the reply that made it. */

import type { CallEvent } from "../call/events.ts"
import type { Turn } from "../call/turn.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { ToolOutcome } from "../tools/define-tool.ts"
import { outcomeText, type ToolCall } from "../tools/run-tool.ts"
import { validToolCall } from "../tools/valid-tool-call.ts"
import type { History } from "./history.ts"

export type ToolCallsOptions = {
  history: History
  /** Runs one tool. Never rejects. */
  run: (call: ToolCall) => Promise<ToolOutcome>
  sweep: Sweep
  publish: (event: CallEvent) => void
}

export class ToolCalls {
  readonly #options: ToolCallsOptions
  readonly #running = new Set<Promise<ToolOutcome>>()

  constructor(options: ToolCallsOptions) {
    this.#options = options
  }

  /** How many run now. */
  get running(): number {
    return this.#running.size
  }

  /** Runs a call that was made in the agent's turn `reply`. When it resolves, the result is in the history. */
  run(reply: Turn, call: ToolCall & { callId: string }): Promise<ToolOutcome> {
    const running = this.#run(reply, call).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return running
  }

  /** Resolves when no call runs any more, at the latest after `withinMs`, or when the signal is aborted. Never rejects. */
  async settled({ withinMs, signal }: { withinMs: number; signal: AbortSignal }): Promise<void> {
    if (this.#running.size === 0) return
    await Promise.race([Promise.allSettled(this.#running), this.#options.sweep.sleep(withinMs, signal)])
  }

  async #run(reply: Turn, call: ToolCall & { callId: string }): Promise<ToolOutcome> {
    const { history, run, sweep, publish } = this.#options
    const { callId } = call
    // A call that no model would take back must not get into the history: it would break every later request.
    const { call: valid, fault } = validToolCall(call)
    const { name } = valid
    const { clock } = sweep
    const startedMs = clock.monotonic()
    const turn = history.toolCalled(reply, { callId, ...valid }, clock.now())
    publish({ type: "tool.started", toolCallId: callId, name })
    const outcome: ToolOutcome =
      fault === undefined ? await run(valid) : { ok: false, code: "INVALID_ARGUMENTS", message: fault }
    const tookMs = clock.monotonic() - startedMs
    history.toolFinished(turn, { output: outcomeText(outcome), ok: outcome.ok, at: clock.now(), tookMs })
    publish({
      type: "tool.finished",
      toolCallId: callId,
      name,
      ok: outcome.ok,
      tookMs,
      ...(outcome.ok ? {} : failureOf(outcome)),
    })
    return outcome
  }
}

function failureOf({ code, message, status }: Extract<ToolOutcome, { ok: false }>) {
  return { message, code, ...(status === undefined ? {} : { status }) }
}
