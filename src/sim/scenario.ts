/** A caller that follows a script: what it does next, and what it waits for. */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallSummary } from "./call-summary.ts"
import type { HeardAudio } from "./media/playback-buffer.ts"
import type { SimulatedCall } from "./simulated-call.ts"
import type { HeardItem } from "./relay/speech-playout.ts"

export type ScenarioStep =
  /** Waits until the agent has said something and is silent. */
  | { type: "listen" }
  | { type: "say"; text: string }
  /** Interrupts the agent once so many words were heard. */
  | { type: "interrupt"; afterWords: number; text: string }
  /** Waits until audio of the agent was heard and the line is quiet: `listen` for a call with audio. */
  | { type: "hear" }
  /** Plays audio, a WAV or mu-law, to its end. `text` describes it in the printed line. */
  | { type: "speak"; audio: Uint8Array; text: string }
  /** Speaks over the agent once so much of its audio was heard. */
  | { type: "speak-over"; afterMs: number; audio: Uint8Array; text: string }
  | { type: "press"; digits: string }
  | { type: "pause"; ms: number }
  | { type: "hang-up" }
  /** Waits until the agent ends the call. */
  | { type: "wait-for-end" }

/** A line to print. */
export type ScenarioEvent = {
  /** Milliseconds since the epoch. */
  at: number
  who: "caller" | "agent" | "system"
  text: string
  /** What the line does not show: that it was cut off, that it was keys. */
  note?: string
}

export type PlayOptions = {
  sweep: Sweep
  onEvent: (event: ScenarioEvent) => void
  /** How long the agent must be silent to have finished, in milliseconds. */
  settleMs?: number
  /** How long the agent may take for one step, in milliseconds. */
  stepMs?: number
  /** Whether the call was ended from outside, which is no fault of the script. */
  isInterrupted?: () => boolean
}

/**
 * Plays the script to its end and waits for the end of the call. Hangs up and throws an `Error` that names the step
 * when the agent takes too long for one or ends the call before its time.
 */
export async function playScenario(
  call: SimulatedCall,
  steps: readonly ScenarioStep[],
  { sweep, onEvent, settleMs = 700, stepMs = 30_000, isInterrupted = () => false }: PlayOptions,
): Promise<CallSummary> {
  const stopWords = call.spoken.listen((spoken) => onEvent(heard(spoken)))
  const stopAudio = call.audio.heard.listen(audioReporter((text, note) => report("agent", text, note)))
  const report = (who: ScenarioEvent["who"], text: string, note?: string) =>
    onEvent({ at: sweep.clock.now(), who, text, ...(note === undefined ? {} : { note }) })
  try {
    for (const [index, step] of steps.entries()) {
      const deadline = new AbortController()
      const late = sweep.sleep(stepMs, deadline.signal).then(() => "late" as const)
      const over = call.ended.then(() => "over" as const)
      const outcome = await Promise.race([perform(call, step, { sweep, report, settleMs }), late, over])
      deadline.abort()
      const wasEnd = step.type === "wait-for-end" || step.type === "hang-up"
      if (outcome === "over" && isInterrupted()) break
      if (outcome === "late" || (outcome === "over" && !wasEnd)) {
        const why = outcome === "late" ? `took more than ${stepMs} ms` : "found the call over"
        throw new Error(`step ${index + 1} of the scenario (${step.type}) ${why}`)
      }
    }
  } finally {
    call.hangup()
    await call.ended
    stopWords()
    stopAudio()
  }
  const summary = await call.ended
  report("system", `call ended: ${summary.status}`, summary.problems.join("; ") || undefined)
  return summary
}

type Tools = {
  sweep: Sweep
  report: (who: ScenarioEvent["who"], text: string, note?: string) => void
  settleMs: number
}

async function perform(
  call: SimulatedCall,
  step: ScenarioStep,
  { sweep, report, settleMs }: Tools,
): Promise<"done"> {
  switch (step.type) {
    case "listen":
      do {
        await call.agentTurn()
        await sweep.sleep(settleMs)
      } while (call.agentSpeaking)
      return "done"
    case "say":
      report("caller", step.text)
      if (!call.say(step.text).delivered) report("system", "no session is open")
      return "done"
    case "interrupt":
      await call.heardWords(step.afterWords)
      // The event of the interrupted speech comes first.
      call.say(step.text)
      report("caller", step.text, "interrupts")
      return "done"
    case "hear":
      do {
        await call.audio.heard.next(({ last, complete }) => last && complete)
        await sweep.sleep(settleMs)
      } while (call.agentSpeaking)
      return "done"
    case "speak":
      report("caller", step.text)
      if (call.stream) await call.stream.say(step.audio)
      else report("system", "no session is open")
      return "done"
    case "speak-over":
      await heardAudio(call, step.afterMs)
      report("caller", step.text, "interrupts")
      await call.stream?.say(step.audio)
      return "done"
    case "press":
      report("caller", step.digits, "keys")
      call.press(step.digits)
      return "done"
    case "pause":
      await sweep.sleep(step.ms)
      return "done"
    case "hang-up":
      report("caller", "", "hangs up")
      call.hangup()
      return "done"
    case "wait-for-end":
      await call.ended
      return "done"
    default:
      return step satisfies never
  }
}

function heard({ at, source, text, complete }: HeardItem): ScenarioEvent {
  const note = source === "digits" ? "keys" : source === "audio" ? "audio" : complete ? undefined : "cut off"
  return { at, who: "agent", text: text.trim(), ...(note === undefined ? {} : { note }) }
}

/** Resolves when so much of the agent's next audio was heard, counted piece by piece. */
async function heardAudio(call: SimulatedCall, afterMs: number): Promise<void> {
  let heardMs = 0
  await call.audio.heard.next(({ audio }) => (heardMs += lengthMs(audio)) >= afterMs)
}

/** Reports the length of the agent's audio after each turn: its words are not known here. */
function audioReporter(report: (text: string, note?: string) => void): (heard: HeardAudio) => void {
  let ms = 0
  return function reportAudio({ audio, last, complete }) {
    ms += lengthMs(audio)
    if (!last) return
    report(`(speaks for ${(ms / 1000).toFixed(1)} s)`, complete ? undefined : "cut off")
    ms = 0
  }
}

function lengthMs(audio: Uint8Array): number {
  return audio.length / MULAW_BYTES_PER_MS
}

/** A first call to a new server: a question, a tool, an interruption, a question about it, a goodbye. */
export const DEMO_SCENARIO: readonly ScenarioStep[] = [
  { type: "listen" },
  { type: "say", text: "What are your opening hours?" },
  { type: "listen" },
  { type: "say", text: "Please press 1 2 3 for me" },
  { type: "listen" },
  { type: "say", text: "Tell me a long story" },
  { type: "interrupt", afterWords: 8, text: "Stop, book me a table for Tuesday at seven" },
  { type: "listen" },
  { type: "say", text: "What did you say before I interrupted you?" },
  { type: "listen" },
  { type: "say", text: "Goodbye" },
  { type: "wait-for-end" },
]
