/** DTMF tones as mu-law audio, for a stream that has no frame for keys. Pure. */

import { encodeMulaw, MULAW_RATE_HZ, silence } from "./mulaw.ts"

/** The two frequencies of each key, in hertz. (ITU-T Q.23.) */
const ROWS = [697, 770, 852, 941] as const
const COLUMNS = [1209, 1336, 1477, 1633] as const
const KEYS = ["123A", "456B", "789C", "*0#D"] as const

/** Both are twice what a receiver must take. (ITU-T Q.24.) */
const TONE_MS = 100
const GAP_MS = 100
/** Duration of `w`. */
const PAUSE_MS = 500
/** Each of the two tones, of a full scale of 32,767: together about -9 dBm0. */
const AMPLITUDE = 7_000

const tones = new Map<string, Uint8Array<ArrayBuffer>>()

/** The audio of keys `0`–`9`, `*`, `#`, `A`–`D`, and `w` for half a second of pause; other characters are passed over. */
export function dtmfTones(digits: string): Uint8Array {
  return Buffer.concat(digits.split("").map((key) => (key === "w" ? silence(PAUSE_MS) : toneOf(key))))
}

function toneOf(key: string): Uint8Array<ArrayBuffer> {
  const known = tones.get(key)
  if (known) return known
  const row = KEYS.findIndex((keys) => keys.includes(key))
  const low = ROWS[row]
  const high = COLUMNS[KEYS[row]?.indexOf(key) ?? -1]
  if (low === undefined || high === undefined) return new Uint8Array(0)
  const samples = Int16Array.from({ length: (TONE_MS * MULAW_RATE_HZ) / 1000 }, (_, at) => {
    const angle = (2 * Math.PI * at) / MULAW_RATE_HZ
    return Math.round(AMPLITUDE * (Math.sin(low * angle) + Math.sin(high * angle)))
  })
  const made = new Uint8Array([...encodeMulaw(samples), ...silence(GAP_MS)])
  tones.set(key, made)
  return made
}
