/** Chooses what the embedded Realtime server says next, from the last entry of the conversation alone. Pure. */

import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import type { CreatedItem } from "./requests.ts"
import type { EmbeddedAnswer, Sentence } from "./response.ts"

/** The recorded sentences that the server speaks. */
export interface Prompts {
  /** Said when the conversation is empty, and to an instruction. */
  readonly greeting: Sentence
  /** Said before the caller's own audio is played back. */
  readonly youSaid: Sentence
  /** Said to a text and to the output of a tool. */
  readonly done: Sentence
}

/** One entry of the conversation. */
export type ConversationEntry = {
  id: string
  /** The item that the client created; null for speech of either side. */
  item: CreatedItem | null
  /** Milliseconds of audio sent of an answer; null for entries without such audio. */
  sentMs: number | null
  /** What the caller said: mu-law at 8 kHz. */
  speech: { audio: Uint8Array; speechMs: number } | null
}

const MAX_ECHO_BYTES = 5_000 * MULAW_BYTES_PER_MS
/** A user text of this shape calls a tool: `call end_call {"reason":"done"}`. */
const COMMAND = /^call ([\w-]{1,64})\s*(\{.*\})?$/s

export function answerTo(
  last: ConversationEntry | undefined,
  { greeting, youSaid, done }: Prompts,
  toolNames: readonly string[],
): EmbeddedAnswer {
  if (!last) return { type: "speech", ...greeting }
  if (last.speech) {
    const audio = Buffer.concat([youSaid.audio, last.speech.audio.subarray(0, MAX_ECHO_BYTES)])
    return { type: "speech", text: `${youSaid.text} ${wordsFor(last.speech.speechMs)}`, audio }
  }
  if (last.item?.type !== "message") return { type: "speech", ...done }
  if (last.item.role !== "user") return { type: "speech", ...greeting }
  const text = last.item.content.map(({ text = "" }) => text).join("")
  const [, name = "", args = "{}"] = COMMAND.exec(text) ?? []
  return toolNames.includes(name) ? { type: "call", name, arguments: args } : { type: "speech", ...done }
}

/** The transcript of speech, which the server does not recognize: only its length. */
export function wordsFor(speechMs: number): string {
  return `(speech of ${(speechMs / 1000).toFixed(1)} s)`
}
