/** Recognition and synthesis of one call, added up over all its connections and providers. */

import type { Usage, UsageKind } from "../call/usage.ts"
import type { SpeechMeter } from "../speech/speech-meter.ts"

/** `keepUsage` is given the totals of the call so far. */
export function speechUsage(keepUsage: (usage: Usage) => void): SpeechMeter {
  const totals = new Map<string, number>()

  function add(kind: UsageKind, model: string, unit: "seconds" | "characters", amount: number): void {
    const key = `${kind} ${model}`
    const total = (totals.get(key) ?? 0) + amount
    totals.set(key, total)
    keepUsage({ kind, model, amounts: { [unit]: total }, cost: null })
  }

  return {
    recognised: (model, seconds) => add("transcription", model, "seconds", seconds),
    spoken: (model, characters) => add("speech", model, "characters", characters),
  }
}
