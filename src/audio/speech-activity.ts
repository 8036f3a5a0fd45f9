/**
 * Notices when somebody on a phone line speaks, by the loudness of a few samples. Made for a glance at every call: it
 * decodes no audio, and what it reports is good enough to doubt a server that reports nothing, not to take turns by.
 */

import { MULAW_BYTES_PER_MS } from "./mulaw.ts"

/**
 * `ended`: speech that was clear, and then a pause of `PAUSE_MS`. `dropped`: it was too short, or noise. `long`: speech of
 * `LONG_SPEECH_MS` that continues.
 */
export type SpeechActivityChange = "started" | "long" | "ended" | "dropped"

/** Characters of Base64 that carry a millisecond of mu-law. */
const CHARS_PER_MS = (MULAW_BYTES_PER_MS * 4) / 3
/** So much audio apart are the pieces that are looked at: 80 ms. */
export const LOOK_EVERY_CHARS = 80 * CHARS_PER_MS
/** Loudness is the mean of absolute 16-bit samples. Speech on a phone line is at 1,000 to 8,000. */
const MIN_SPEECH = 800
/** How much louder than the background speech is, and how much louder than the pause after it. */
const ABOVE_NOISE = 4
const ABOVE_PAUSE = 3
/** Audio below this level, or hardly above the background, is not speech. */
const MAX_QUIET = 200
const QUIET_ABOVE_NOISE = 2
/** The background counts as this much louder after each look that was not quieter: doubles in about three seconds. */
const NOISE_GROWTH = 1.02
const MIN_NOISE = 100
/** A click is shorter, and so is most of what a caller does not mean to say. */
const MIN_SPEECH_MS = 240
const LONG_SPEECH_MS = 10_000
/** Silence that ends speech. */
export const PAUSE_MS = 400

type State = { phase: "quiet" } | { phase: "speaking"; spokenMs: number; loudMs: number; peak: number }

export class SpeechActivity {
  #noise = MIN_NOISE
  #least = MIN_SPEECH
  #quietMs = 0
  #state: State = { phase: "quiet" }

  /** How long the line has been quiet by now, in milliseconds. */
  get quietMs(): number {
    return this.#quietMs
  }

  /**
   * Takes a piece of mu-law in Base64, which stands for the `chars` characters since the last one. Called for every
   * `LOOK_EVERY_CHARS`. Returns undefined as a rule.
   */
  look(payload: string, chars: number): SpeechActivityChange | undefined {
    return this.#look(loudnessOf(payload), chars / CHARS_PER_MS)
  }

  /** The server has heard what was reported here as well: quieter speech counts again. */
  confirm(): void {
    this.#least = MIN_SPEECH
  }

  /** The reported speech was perhaps none: from now on only louder audio counts. */
  doubt(): void {
    this.#least = Math.min(this.#least * 2, MIN_SPEECH * 8)
  }

  #look(loudness: number, ms: number): SpeechActivityChange | undefined {
    this.#noise = Math.max(MIN_NOISE, Math.min(loudness, this.#noise * NOISE_GROWTH))
    const isLoud = loudness > Math.max(this.#least, this.#noise * ABOVE_NOISE)
    const isQuiet = loudness <= Math.max(MAX_QUIET, this.#noise * QUIET_ABOVE_NOISE)
    this.#quietMs = isQuiet ? this.#quietMs + ms : 0
    const state = this.#state
    if (state.phase === "quiet") {
      if (!isLoud) return undefined
      this.#state = { phase: "speaking", spokenMs: ms, loudMs: ms, peak: loudness }
      return "started"
    }
    const isLong = state.spokenMs < LONG_SPEECH_MS && state.spokenMs + ms >= LONG_SPEECH_MS
    state.spokenMs += ms
    state.peak = Math.max(state.peak, loudness)
    state.loudMs += isLoud ? ms : 0
    if (this.#quietMs < PAUSE_MS) return isLong ? "long" : undefined
    this.#state = { phase: "quiet" }
    // Steady noise ends by becoming the background, without a pause.
    const isClear = state.loudMs >= MIN_SPEECH_MS && loudness * ABOVE_PAUSE < state.peak
    return isClear ? "ended" : "dropped"
  }
}

/**
 * Loudness of a payload by the first byte of every few groups of three: its sign, exponent and upper mantissa are the first
 * character of a group of Base64. Looks at 256 characters at most.
 */
function loudnessOf(payload: string): number {
  const step = Math.max(4, (payload.length >> 9) << 2)
  let sum = 0
  let count = 0
  for (let at = 0; at < payload.length; at += step) {
    sum += LOUDNESS[payload.charCodeAt(at) & 0x7f] ?? 0
    count += 1
  }
  return sum / count
}

/** The middle of the absolute samples whose byte begins with the six bits of a Base64 character. (ITU-T G.711.) */
const LOUDNESS = Uint16Array.from({ length: 128 }, (_, code) => {
  const bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(
    String.fromCharCode(code),
  )
  if (bits < 0) return 0
  const inverted = ~bits & 0x1f
  const exponent = inverted >> 2
  const mantissa = ((inverted & 3) << 2) + 1.5
  return Math.round((mantissa * 8 + 132) * 2 ** exponent - 132)
})
