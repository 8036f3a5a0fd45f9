/** What a call uses of the services it runs on, and what that costs. Pure. */

/**
 * `ivr`: a text model that decided in phone menus. `carrier`: the connection of the phone call; `relay` and `stream`: the
 * sessions of ConversationRelay and of media streams.
 */
export const USAGE_KINDS = [
  "realtime",
  "chat",
  "ivr",
  "transcription",
  "speech",
  "carrier",
  "relay",
  "stream",
] as const
export type UsageKind = (typeof USAGE_KINDS)[number]

/** Tokens, seconds, started minutes and characters by name; those of 0 are left out, except `cachedAudioTokens` beside `cachedTokens`. */
export type UsageAmounts = Readonly<Record<string, number>>

export type Usage = {
  kind: UsageKind
  model: string
  amounts: UsageAmounts
  /** In US dollars; null where no price is known. */
  cost: number | null
}
