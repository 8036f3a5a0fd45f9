/** Whether a piece of mu-law is loud enough to be speech, by a few of its samples. Pure. */

import { decodeMulaw } from "./mulaw.ts"

/** The mean of absolute 16-bit samples. Speech on a phone line is at 1,000 to 8,000. */
const MIN_SPEECH = 600
/** One sample in so many is looked at. */
const STEP = 5

const ABSOLUTE = Uint16Array.from(decodeMulaw(Uint8Array.from({ length: 256 }, (_, byte) => byte)), Math.abs)

/** False for an empty piece. Allocates nothing. */
export function isLoud(audio: Uint8Array): boolean {
  let sum = 0
  let count = 0
  for (let at = 0; at < audio.length; at += STEP) {
    sum += ABSOLUTE[audio[at] ?? 0xff] ?? 0
    count += 1
  }
  return count > 0 && sum / count > MIN_SPEECH
}
