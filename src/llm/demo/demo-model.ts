/** The built-in rule-based `ChatModel`: works without a key and without a network. */

import { systemClock, type Clock } from "../../lib/clock.ts"
import type { ChatModel } from "../chat-model.ts"
import { demoAnswer } from "./demo-answer.ts"

export type DemoModelOptions = {
  /** Used only for the time of day. */
  clock?: Pick<Clock, "now">
  /** Pause before each word, in milliseconds. */
  wordMs?: number
  /** Resolves after `ms`, or as soon as the signal is aborted. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Streams word by word. Equal requests get equal answers; ids of tool calls are new in the history. */
export function createDemoModel({
  clock = systemClock,
  wordMs = 12,
  sleep = pause,
}: DemoModelOptions = {}): ChatModel {
  return {
    name: "demo",
    async *reply(request, signal) {
      if (signal.aborted) return
      const { text, call } = demoAnswer(request, clock.now())
      // A formatted answer is read by a program and needs no pauses.
      const pieces = request.format ? [text] : (text.match(/\S+\s*/g) ?? [])
      for (const word of pieces) {
        if (!request.format) await sleep(wordMs, signal)
        if (signal.aborted) return
        yield { type: "text", text: word }
        if (signal.aborted) return
      }
      if (call) {
        const earlier = request.items.filter(({ type }) => type === "tool-call").length
        const callId = `call_demo_${request.items.length}_${earlier + 1}`
        yield { type: "tool-call", callId, name: call.name, arguments: JSON.stringify(call.arguments) }
      }
      yield { type: "end", reason: call ? "tool-calls" : "stop" }
    },
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener("abort", done, { once: true })
  })
}
