/** The table of prices: `prices.json` in the folder of assets, or else the one that is built into the program. */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import embedded from "./shipped/prices.json" with { type: "json" }
import { Prices } from "../call/price.ts"
import { messageOf } from "../lib/errors.ts"
import { AssetError } from "./asset-error.ts"
import { parseJson } from "./parse.ts"

export const PRICES_FILE = "prices.json"

/**
 * Prices of November 2026 in US dollars; those of Twilio are list prices for numbers of the United States. (OpenAI: "Models",
 * "Prompt caching", "Realtime costs". Twilio: "Voice pricing". Deepgram: "Pricing".)
 */
export const EMBEDDED_PRICES: Prices = Prices.parse(embedded)

/** A file replaces the embedded table as a whole. Throws `AssetError` with every fault of the file. */
export function readPrices(dir: string): Prices {
  const text = textOf(join(dir, PRICES_FILE))
  if (text === undefined) return EMBEDDED_PRICES
  const parsed = parseJson(PRICES_FILE, text, Prices)
  if (!parsed.ok) throw new AssetError(parsed.faults)
  return parsed.value
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    throw new AssetError([{ file: PRICES_FILE, message: `cannot be read: ${messageOf(error)}` }])
  }
}
