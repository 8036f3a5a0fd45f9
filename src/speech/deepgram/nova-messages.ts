/** Parameters and messages of Deepgram's `/v1/listen`. Sources: Deepgram "Model options", "Endpointing", "Utterance end". */

import { z } from "zod"
import { ignoringOthers } from "../messages.ts"
import type { TurnProfile } from "../transcriber.ts"
import type { DeepgramQuery } from "./address.ts"

export type NovaOptions = {
  /** As in `nova-3` or `nova-2-phonecall`. */
  model: string
  /** One language, as in `en` or `de`. */
  languages?: readonly string[] | undefined
  /** Names and words to favour. */
  keyterms?: readonly string[] | undefined
}

/** Silence after words that ends a turn, and the gap between two words that ends it when noise hides the silence. */
const TIMES: Record<TurnProfile, { endpointing: number; utterance_end_ms: number }> = {
  conversation: { endpointing: 400, utterance_end_ms: 1_500 },
  menu: { endpointing: 200, utterance_end_ms: 1_000 },
  dictation: { endpointing: 1_200, utterance_end_ms: 3_000 },
}

/** The query of a socket; the times of a profile cannot be changed afterwards. */
export function novaQuery({ model, languages, keyterms }: NovaOptions, profile: TurnProfile): DeepgramQuery {
  return {
    model,
    encoding: "mulaw",
    sample_rate: 8_000,
    channels: 1,
    smart_format: true,
    interim_results: true,
    ...TIMES[profile],
    language: languages?.[0],
    // Models before nova-3 weigh words instead.
    ...(model.startsWith("nova-3") ? { keyterm: keyterms } : { keywords: keyterms }),
  }
}

const Results = z.object({
  type: z.literal("Results"),
  /** Seconds of the stream. */
  start: z.number().nonnegative(),
  duration: z.number().nonnegative(),
  is_final: z.boolean().default(false),
  speech_final: z.boolean().default(false),
  channel: z.object({ alternatives: z.array(z.object({ transcript: z.string() })).min(1) }),
})
export type NovaResults = z.output<typeof Results>

export const NovaMessage = ignoringOthers(
  ["Results", "UtteranceEnd", "Error"],
  z.discriminatedUnion("type", [
    Results,
    z.object({ type: z.literal("UtteranceEnd") }),
    z.object({
      type: z.literal("Error"),
      code: z.string().default("unknown"),
      description: z.string().default(""),
    }),
  ]),
)
export type NovaMessage = z.output<typeof NovaMessage>
