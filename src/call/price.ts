/** What use of a model costs, by a table of prices. An estimate: the provider's bill is what counts. Pure. */

import { z } from "zod"
import type { Usage } from "./usage.ts"

const rate = z.number().min(0).max(1_000_000)

/** US dollars per million tokens, per minute, or per million characters. A missing rate falls back to the closest one. */
const Price = z
  .strictObject({
    input: rate,
    cachedInput: rate,
    output: rate,
    audioInput: rate,
    cachedAudioInput: rate,
    audioOutput: rate,
    perMinute: rate,
    perMillionCharacters: rate,
  })
  .partial()
  .refine(
    (price) => [price.input, price.perMinute, price.perMillionCharacters].some((of) => of !== undefined),
    {
      error: "must have input, perMinute or perMillionCharacters",
    },
  )
type Price = z.infer<typeof Price>

/** Prices by the name of the model. */
export const Prices = z.record(z.string().min(1).max(128), Price)
export type Prices = Readonly<z.infer<typeof Prices>>

const MILLION = 1_000_000

/** The use with its cost in US dollars; null for a model whose price is not known. */
export function priced(usage: Usage, prices: Prices): Usage {
  // Back ends name themselves `openai:gpt-6-luna`; models of other servers may have a colon in their own name.
  const model = usage.model.slice(usage.model.indexOf(":") + 1)
  const name = [usage.model, model].find((key) => Object.hasOwn(prices, key))
  const price = name === undefined ? undefined : prices[name]
  return { ...usage, cost: price ? costOf(usage, price) : null }
}

function costOf({ amounts }: Usage, price: Price): number | null {
  const amount = (name: string) => amounts[name] ?? 0
  const { input = 0, output = 0, perMinute, perMillionCharacters } = price
  // Where a provider charges for started minutes, they are counted beside the seconds.
  if (amount("minutes") > 0 && perMinute !== undefined) return amount("minutes") * perMinute
  if (amount("seconds") > 0 && perMinute !== undefined) return (amount("seconds") / 60) * perMinute
  if (amount("characters") > 0 && perMillionCharacters !== undefined)
    return (amount("characters") / MILLION) * perMillionCharacters
  if (price.input === undefined) return null
  const { cachedInput = input, audioInput = input, audioOutput = output } = price
  const { cachedAudioInput = price.cachedInput ?? audioInput } = price
  const cached = Math.min(amount("cachedTokens"), amount("inputTokens"))
  // Where the audio share of the cached tokens is not reported, they count as audio first.
  const cachedAudio = Math.min(cached, amounts["cachedAudioTokens"] ?? amount("inputAudioTokens"))
  const cachedText = cached - cachedAudio
  const audio = Math.max(0, amount("inputAudioTokens") - cachedAudio)
  const text = Math.max(0, amount("inputTokens") - cached - audio)
  const spoken = amount("outputAudioTokens")
  const written = Math.max(0, amount("outputTokens") - spoken)
  const sum =
    text * input +
    cachedText * cachedInput +
    cachedAudio * cachedAudioInput +
    audio * audioInput +
    written * output +
    spoken * audioOutput
  return sum / MILLION
}
