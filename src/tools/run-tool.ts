/** Runs one tool call: exactly one outcome, within a time limit, whatever the tool does. */

import type { Sweep } from "../lib/sweep.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { AnyTool, ToolContext, ToolOutcome } from "./define-tool.ts"

export type ToolCall = { name: string; arguments: string }

export type RunToolOptions = {
  tools: ReadonlyMap<string, AnyTool>
  context: Omit<ToolContext, "signal">
  timeoutMs: number
  sweep: Sweep
  log: Log
}

/** Resolves to the outcome; never rejects. At the time limit the signal aborts, and a late result is dropped. */
export async function runTool(call: ToolCall, options: RunToolOptions): Promise<ToolOutcome> {
  const { tools, context, timeoutMs, sweep, log } = options
  const tool = tools.get(call.name)
  if (!tool) {
    const known = [...tools.keys()].join(", ") || "none"
    return {
      ok: false,
      code: "UNKNOWN_TOOL",
      message: `There is no tool named ${call.name}. Known tools: ${known}.`,
    }
  }
  const controller = new AbortController()
  const { promise: overrun, resolve: expire } = Promise.withResolvers<ToolOutcome>()
  const cancel = sweep.after(timeoutMs, () => {
    controller.abort()
    expire({ ok: false, code: "TIMED_OUT", message: `The tool ${call.name} took too long and was stopped.` })
  })
  try {
    return await Promise.race([tool.call(call.arguments, { ...context, signal: controller.signal }), overrun])
  } catch (error) {
    log.error("tool failed", { tool: call.name, error: messageOf(error) })
    return {
      ok: false,
      code: "TOOL_FAILED",
      message: `The tool ${call.name} failed and had no effect that is known.`,
    }
  } finally {
    cancel()
  }
}

/** The outcome as the model reads it. */
export function outcomeText(outcome: ToolOutcome): string {
  return outcome.ok
    ? JSON.stringify({ success: true, ...outcome.value })
    : JSON.stringify({ success: false, code: outcome.code, message: outcome.message })
}
