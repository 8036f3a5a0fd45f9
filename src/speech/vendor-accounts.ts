/** Address and key of each vendor, with the vendor's own address as default. */

import { AppError } from "../lib/errors.ts"
import type { SpeechAccounts } from "./choices.ts"

const DEEPGRAM_URL = "https://api.deepgram.com"
const ELEVENLABS_URL = "https://api.elevenlabs.io"
const OPENAI_URL = "https://api.openai.com/v1"

/** Longest request that speaks or transcribes a text, in milliseconds: a local server may have to load its model. */
export const REQUEST_MS = 20_000

export function deepgramAccount({ deepgram: { baseUrl = DEEPGRAM_URL, apiKey } }: SpeechAccounts) {
  return { baseUrl, apiKey: keyOf(apiKey, "DEEPGRAM_API_KEY") }
}

export function elevenLabsAccount({ elevenlabs: { baseUrl = ELEVENLABS_URL, apiKey } }: SpeechAccounts) {
  return { baseUrl, apiKey: keyOf(apiKey, "ELEVENLABS_API_KEY") }
}

/** Another address with OpenAI's protocol may need no key. */
export function openAiAccount({ openai: { baseUrl, apiKey } }: SpeechAccounts) {
  if (baseUrl === undefined) return { baseUrl: OPENAI_URL, apiKey: keyOf(apiKey, "OPENAI_API_KEY") }
  return { baseUrl, apiKey }
}

/** A server of one's own gets no key, unless it is the one of OPENAI_BASE_URL. */
export function compatibleAccount(baseUrl: string | undefined, { openai }: SpeechAccounts) {
  if (baseUrl !== undefined && baseUrl !== openai.baseUrl) return { baseUrl, apiKey: undefined }
  if (openai.baseUrl !== undefined) return { baseUrl: openai.baseUrl, apiKey: openai.apiKey }
  throw new AppError("NOT_CONFIGURED", "a compatible server needs baseUrl, or OPENAI_BASE_URL must be set")
}

function keyOf(apiKey: string | undefined, variable: string): string {
  if (apiKey !== undefined) return apiKey
  throw new AppError("NOT_CONFIGURED", `${variable} is not set`)
}
