/** What a call uses of the services it runs on, and what that costs. Pure. */

/** `ivr`: a text model that decided in phone menus. */
export type UsageKind = "realtime" | "chat" | "ivr" | "transcription" | "speech"

/** Tokens, seconds and characters by name; those of 0 are left out, except `cachedAudioTokens` beside `cachedTokens`. */
export type UsageAmounts = Readonly<Record<string, number>>

export type Usage = {
  kind: UsageKind
  model: string
  amounts: UsageAmounts
  /** In US dollars; null where no price is known. */
  cost: number | null
}
