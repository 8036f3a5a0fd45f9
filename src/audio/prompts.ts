/** The stored sentences, carried inside the program: mu-law at 8 kHz, as a call plays them. */

import { readFileSync } from "node:fs"
import goodbye from "./prompts/goodbye.ulaw" with { type: "file" }
import greeting from "./prompts/greeting.ulaw" with { type: "file" }
import longStory from "./prompts/long-story.ulaw" with { type: "file" }
import notCaught from "./prompts/not-caught.ulaw" with { type: "file" }
import oneMoment from "./prompts/one-moment.ulaw" with { type: "file" }
import pleaseHold from "./prompts/please-hold.ulaw" with { type: "file" }
import technicalProblem from "./prompts/technical-problem.ulaw" with { type: "file" }
import youSaid from "./prompts/you-said.ulaw" with { type: "file" }

export const PROMPT_NAMES = [
  "greeting",
  "please-hold",
  "not-caught",
  "technical-problem",
  "goodbye",
  "one-moment",
  "long-story",
  "you-said",
] as const
export type PromptName = (typeof PROMPT_NAMES)[number]

const FILES = {
  greeting: { path: greeting, text: "Hello, you are speaking with Parley. How can I help you?" },
  "please-hold": { path: pleaseHold, text: "Please hold the line." },
  "not-caught": { path: notCaught, text: "Sorry, I did not catch that. Could you say it again?" },
  "technical-problem": {
    path: technicalProblem,
    text: "Sorry, there is a technical problem. Please stay on the line.",
  },
  goodbye: { path: goodbye, text: "Thank you for calling. Goodbye." },
  "one-moment": { path: oneMoment, text: "One moment, please." },
  "long-story": {
    path: longStory,
    text:
      "Once upon a time there was a small telephone that nobody ever called. Every evening it listened to the wind " +
      "in the wires. Then, one day, it rang, and the whole house came running.",
  },
  "you-said": { path: youSaid, text: "You said:" },
} satisfies Record<PromptName, { path: string; text: string }>

export type StoredPrompt = {
  readonly name: PromptName
  /** The words that are spoken. */
  readonly text: string
  /** Shared by all calls; read-only. */
  readonly audio: Uint8Array
  /** The whole file as one payload of a media frame. */
  readonly base64: string
}

const loaded = new Map<PromptName, StoredPrompt>()

/** A stored sentence. It is read from the program on first use and kept; all of them are under 400 KB. */
export function storedPrompt(name: PromptName): StoredPrompt {
  const known = loaded.get(name)
  if (known) return known
  const { path, text } = FILES[name]
  const audio = readFileSync(path)
  const made: StoredPrompt = { name, text, audio: new Uint8Array(audio), base64: audio.toString("base64") }
  loaded.set(name, made)
  return made
}
