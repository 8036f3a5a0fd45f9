/** What use of a model costs, by a table of prices. An estimate: the provider's bill is what counts. Pure. */

import type { Usage } from "./usage.ts"

/** US dollars per million tokens, or per minute of sound. What is left out costs what the nearest other kind does. */
export type Price = {
  input?: number
  cachedInput?: number
  output?: number
  audioInput?: number
  audioOutput?: number
  perMinute?: number
}

/** Prices of November 2026. (OpenAI: model pages.) */
const PRICES: Readonly<Record<string, Price>> = {
  "gpt-6-luna": { input: 0.1, cachedInput: 0.01, output: 0.5 },
  "gpt-6.1-sol": { input: 2, output: 10 },
  "gpt-6-sol": { input: 2, output: 10 },
  "gpt-6-astra": { input: 10, output: 50 },
  "gpt-realtime-2.1": { input: 4, cachedInput: 0.4, output: 24, audioInput: 32, audioOutput: 64 },
  "gpt-realtime-2.1-mini": { input: 0.6, cachedInput: 0.06, output: 2.4, audioInput: 10, audioOutput: 20 },
  "gpt-transcribe": { perMinute: 0.0045 },
  "gpt-live-transcribe": { perMinute: 0.017 },
}

const MILLION = 1_000_000

/** The use with its cost in US dollars; null for a model whose price is not known. */
export function priced(usage: Usage, prices: Readonly<Record<string, Price>> = PRICES): Usage {
  // Back ends name themselves `openai:gpt-6-luna`.
  const model = usage.model.slice(usage.model.indexOf(":") + 1)
  const price = prices[model]
  return { ...usage, cost: price ? costOf(usage, price) : null }
}

function costOf({ amounts }: Usage, price: Price): number | null {
  const amount = (name: string) => amounts[name] ?? 0
  const { input = 0, output = 0, perMinute } = price
  if (amount("seconds") > 0 && perMinute !== undefined) return (amount("seconds") / 60) * perMinute
  if (price.input === undefined) return null
  const { cachedInput = input, audioInput = input, audioOutput = output } = price
  const cached = Math.min(amount("cachedTokens"), amount("inputTokens"))
  // Of the cached tokens the share that is sound is not told: they are taken from the sound first, as it comes first.
  const audio = Math.max(0, amount("inputAudioTokens") - cached)
  const text = Math.max(0, amount("inputTokens") - cached - audio)
  const spoken = amount("outputAudioTokens")
  const written = Math.max(0, amount("outputTokens") - spoken)
  const sum =
    text * input + cached * cachedInput + audio * audioInput + written * output + spoken * audioOutput
  return sum / MILLION
}
