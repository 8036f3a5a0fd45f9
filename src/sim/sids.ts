/** SIDs: two letters and 32 hex digits. (Twilio: "SID prefixes".) */

export function newSid(prefix: "AC" | "CA" | "VX" | "MZ" | "PN" | "RE" | "SM"): string {
  return `${prefix}${crypto.randomUUID().replaceAll("-", "")}`
}
