/** A caller that follows a script: what it does next, and what it waits for. */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallSummary } from "./call-summary.ts"
import type { HeardAudio } from "./media/playback-buffer.ts"
import type { SimulatedCall } from "./simulated-call.ts"
import type { Spoken } from "./relay/speech-playout.ts"

export type ScenarioStep =
  /** Waits until the agent has said something and is silent. */
  | { type: "listen" }
  | { type: "say"; text: string }
  /** Speaks into the agent's words, once so many of them were heard. */
  | { type: "interrupt"; afterWords: number; text: string }
  /** Waits until sound of the agent was heard and the line is quiet: `listen` for a call by sound. */
  | { type: "hear" }
  /** Says sound, a WAV or mu-law, to its end. `text` is what is told of it. */
  | { type: "speak"; audio: Uint8Array; text: string }
  /** Speaks into the agent's sound, once so much of it was heard. */
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
  patienceMs?: number
}

/**
 * Plays the script to its end and waits for the end of the call. Hangs up and throws an `Error` that names the step
 * when the agent takes too long for one or ends the call before its time.
 */
export async function playScenario(
  call: SimulatedCall,
  steps: readonly ScenarioStep[],
  { sweep, onEvent, settleMs = 700, patienceMs = 30_000 }: PlayOptions,
): Promise<CallSummary> {
  const stopWords = call.spoken.listen((spoken) => onEvent(heard(spoken)))
  const stopSound = call.audio.heard.listen(soundTeller((text, note) => tell("agent", text, note)))
  const tell = (who: ScenarioEvent["who"], text: string, note?: string) =>
    onEvent({ at: sweep.clock.now(), who, text, ...(note === undefined ? {} : { note }) })
  try {
    for (const [index, step] of steps.entries()) {
      const patience = new AbortController()
      const late = sweep.sleep(patienceMs, patience.signal).then(() => "late" as const)
      const over = call.ended.then(() => "over" as const)
      const outcome = await Promise.race([perform(call, step, { sweep, tell, settleMs }), late, over])
      patience.abort()
      const wasEnd = step.type === "wait-for-end" || step.type === "hang-up"
      if (outcome === "late" || (outcome === "over" && !wasEnd)) {
        const why = outcome === "late" ? `took more than ${patienceMs} ms` : "found the call over"
        throw new Error(`step ${index + 1} of the scenario (${step.type}) ${why}`)
      }
    }
  } finally {
    call.hangup()
    await call.ended
    stopWords()
    stopSound()
  }
  const summary = await call.ended
  tell("system", `call ended: ${summary.status}`, summary.problems.join("; ") || undefined)
  return summary
}

type Tools = {
  sweep: Sweep
  tell: (who: ScenarioEvent["who"], text: string, note?: string) => void
  settleMs: number
}

async function perform(
  call: SimulatedCall,
  step: ScenarioStep,
  { sweep, tell, settleMs }: Tools,
): Promise<"done"> {
  switch (step.type) {
    case "listen":
      do {
        await call.agentTurn()
        await sweep.sleep(settleMs)
      } while (call.agentSpeaking)
      return "done"
    case "say":
      tell("caller", step.text)
      if (!call.say(step.text).delivered) tell("system", "nobody heard that")
      return "done"
    case "interrupt":
      await call.heardWords(step.afterWords)
      // What is cut off is told first.
      call.say(step.text)
      tell("caller", step.text, "interrupts")
      return "done"
    case "hear":
      do {
        await call.audio.heard.next(({ last, complete }) => last && complete)
        await sweep.sleep(settleMs)
      } while (call.agentSpeaking)
      return "done"
    case "speak":
      tell("caller", step.text)
      if (call.stream) await call.stream.say(step.audio)
      else tell("system", "nobody heard that")
      return "done"
    case "speak-over":
      await heardSound(call, step.afterMs)
      tell("caller", step.text, "interrupts")
      await call.stream?.say(step.audio)
      return "done"
    case "press":
      tell("caller", step.digits, "keys")
      call.press(step.digits)
      return "done"
    case "pause":
      await sweep.sleep(step.ms)
      return "done"
    case "hang-up":
      tell("caller", "", "hangs up")
      call.hangup()
      return "done"
    case "wait-for-end":
      await call.ended
      return "done"
    default:
      return step satisfies never
  }
}

function heard({ at, source, text, complete }: Spoken): ScenarioEvent {
  const note = source === "digits" ? "keys" : source === "audio" ? "audio" : complete ? undefined : "cut off"
  return { at, who: "agent", text: text.trim(), ...(note === undefined ? {} : { note }) }
}

/** Resolves when so much of the agent's next sound was heard, counted piece by piece. */
async function heardSound(call: SimulatedCall, afterMs: number): Promise<void> {
  let heardMs = 0
  await call.audio.heard.next(({ audio }) => (heardMs += lengthMs(audio)) >= afterMs)
}

/** Tells of sound once a turn of the agent is over; its words nobody knows on this side. */
function soundTeller(tell: (text: string, note?: string) => void): (heard: HeardAudio) => void {
  let ms = 0
  return function tellSound({ audio, last, complete }) {
    ms += lengthMs(audio)
    if (!last) return
    tell(`(speaks for ${(ms / 1000).toFixed(1)} s)`, complete ? undefined : "cut off")
    ms = 0
  }
}

function lengthMs(audio: Uint8Array): number {
  return audio.length / MULAW_BYTES_PER_MS
}

/** A first call to a new server: a question, a tool, an interruption, the memory of it, a goodbye. */
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
