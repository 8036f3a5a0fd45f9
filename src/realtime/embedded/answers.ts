/** What the built-in Realtime server says next: it looks at the last thing in the conversation and nowhere else. Pure. */

import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import type { StandInItem } from "./requests.ts"
import type { Answer, Sentence } from "./response.ts"

/** What it can say. */
export interface Sounds {
  /** When it is asked to speak first. */
  readonly greeting: Sentence
  /** Before the caller's own words come back. */
  readonly youSaid: Sentence
  /** To a text and to the output of a tool. */
  readonly done: Sentence
}

/** One entry of its conversation. */
export type StandInEntry = {
  id: string
  /** As a client created it; null for what was said. */
  item: StandInItem | null
  /** Audio of an answer that was sent; null for everything that has none. */
  sentMs: number | null
  /** The caller's voice. */
  speech: { audio: Uint8Array; speechMs: number } | null
}

const MAX_ECHO_BYTES = 5_000 * MULAW_BYTES_PER_MS
/** A user text of this shape calls a tool: `call end_call {"reason":"done"}`. */
const COMMAND = /^call ([\w-]{1,64})\s*(\{.*\})?$/s

export function answerTo(
  last: StandInEntry | undefined,
  { greeting, youSaid, done }: Sounds,
  toolNames: readonly string[],
): Answer {
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

/** The transcript of speech that nobody has understood. */
export function wordsFor(speechMs: number): string {
  return `(speech of ${(speechMs / 1000).toFixed(1)} s)`
}
