/** The phone menu (IVR) of a called party, as a list of what it says and how to answer; and the rules for it. Pure. */

import { z } from "zod"

const IvrEntry = z.strictObject({
  /** What the entry is for; shown in events. */
  intent: z.string().max(200),
  /** The entry is used when one of these is contained in what was heard. May have `{placeholders}`. */
  triggers: z.array(z.string().max(500)).max(50),
  /** Keys to press, or words to say; empty: stay silent. May have `{placeholders}`. */
  response: z.string().max(1000),
})
export type IvrEntry = Readonly<z.infer<typeof IvrEntry>>

/** Entries in order: the first that matches is used. */
export const IvrMenu = z.array(IvrEntry).min(1, "must have an entry").max(100)
export type IvrMenu = readonly IvrEntry[]

/** How far the call has come in the phone menu. */
export type IvrState = "navigating" | "human-reached" | "gave-up"

/** How phone menus are passed. */
export const IvrRules = z.strictObject({
  /** When a model is asked whether a person is speaking: once the last entry was used, or for everything that is heard. */
  detectHuman: z.enum(["after-last-entry", "always"]).default("after-last-entry"),
  /** Whether the model chooses from a menu that no entry matches. */
  chooseFromMenu: z.boolean().default(false),
  /** Said when the menu asks whether anybody is still there. */
  stillHere: z.string().min(1).max(200).default("Yes, I am still here."),
  /** Said when the call is screened: who calls, and why. May have `{placeholders}`; empty: nothing is said. */
  introduction: z.string().max(500).default(""),
  /** Longest time from the answer of the call until a person is reached, in seconds. */
  longestSeconds: z.number().positive().max(14_400).default(900),
  /** Longest time without a match before the last entry was used, in seconds. */
  stuckSeconds: z.number().positive().max(14_400).default(180),
  /** How often one entry may be used in a row, because the menu repeats its question. */
  mostRepeats: z.int().min(1).max(100).default(5),
  /** How often the menu may start over. */
  mostRestarts: z.int().min(0).max(100).default(3),
})
export type IvrRules = Readonly<z.infer<typeof IvrRules>>

export const DEFAULT_IVR_RULES: IvrRules = IvrRules.parse({})
