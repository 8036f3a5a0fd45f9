/** Kinds of telephone lines. (Twilio: "Lookup v2 API: line type intelligence".) */

export const LINE_TYPES = [
  "landline",
  "mobile",
  "fixedVoip",
  "nonFixedVoip",
  "personal",
  "tollFree",
  "premium",
  "sharedCost",
  "uan",
  "voicemail",
  "pager",
  "unknown",
] as const
export type LineType = (typeof LINE_TYPES)[number]
