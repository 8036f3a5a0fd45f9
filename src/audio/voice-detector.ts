/**
 * Notices when somebody speaks, by the voice detector of WebRTC: noise and tones are no voice to it, loud or not. In the
 * time of the audio. It is loaded on first use; until then loudness decides. Costs about 5 µs for 20 ms.
 */

import fvadWasm from "@echogarden/fvad-wasm/fvad.wasm" with { type: "file" }
import type { Fvad } from "@echogarden/fvad-wasm"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { isLoud } from "./loudness.ts"
import { decodeMulawInto, MULAW_BYTES_PER_MS, MULAW_RATE_HZ } from "./mulaw.ts"

/** `ended`: speech, and then a pause. `dropped`: it was too short to be a word. */
export type VoiceChange = "started" | "ended" | "dropped"

const FRAME_MS = 20
const FRAME_BYTES = FRAME_MS * MULAW_BYTES_PER_MS
/** From 0, which takes most for voice, to 3. */
const MODE = 3
/** The detector takes the beginning of a stream for voice. */
const IGNORED_MS = 200
/** Frames with voice among the newest ones that begin speech. */
const MIN_VOICED = 3
const NEWEST = 5
/** Quiet that ends speech. */
const PAUSE_MS = 400
const MIN_SPEECH_MS = 160

/** `memory`: its samples, which are read anew each time, because they may move. `pointer`: where a frame is put. */
type Loaded = {
  memory: Pick<Fvad, "HEAP16">
  pointer: number
  open: () => number
  process: Fvad["_fvad_process"]
  free: Fvad["_fvad_free"]
}
const log = getLog("audio")
let loading: Promise<void> | undefined
let loaded: Loaded | undefined

/** Loads the detector. Never rejects: without it, as before it is there, loudness decides. */
export function loadVoiceDetector(): Promise<void> {
  loading ??= load().catch((error: unknown) => {
    log.warn("the voice detector cannot be loaded, loudness takes its place", { error: messageOf(error) })
  })
  return loading
}

async function load(): Promise<void> {
  const { default: init } = await import("@echogarden/fvad-wasm")
  const fvad = await init({ wasmBinary: await Bun.file(fvadWasm).bytes() })
  const {
    _malloc: allocate,
    _fvad_new: create,
    _fvad_set_mode: setMode,
    _fvad_set_sample_rate: setRate,
  } = fvad
  const { _fvad_process: process, _fvad_free: free } = fvad
  const open = () => {
    const handle = create()
    setMode(handle, MODE)
    setRate(handle, MULAW_RATE_HZ)
    return handle
  }
  loaded = { memory: fvad, pointer: allocate(FRAME_BYTES * 2), open, process, free }
}

export class VoiceDetector {
  readonly #frame = new Uint8Array(FRAME_BYTES)
  #filled = 0
  #heardMs = 0
  #handle: number | undefined
  /** One bit for each of the newest frames. */
  #newest = 0
  #quietMs = 0
  /** Milliseconds with voice since speech began; undefined while nobody speaks. */
  #voicedMs: number | undefined
  #isClosed = false

  constructor() {
    log.background("loading the voice detector", loadVoiceDetector())
  }

  /** How long nobody has spoken by now, in milliseconds. */
  get quietMs(): number {
    return this.#quietMs
  }

  /** Takes mu-law of any length. Returns the newest change; undefined as a rule. */
  hear(audio: Uint8Array): VoiceChange | undefined {
    let change: VoiceChange | undefined
    for (let at = 0; at < audio.length;) {
      const part = audio.subarray(at, at + FRAME_BYTES - this.#filled)
      this.#frame.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled < FRAME_BYTES) break
      this.#filled = 0
      change = this.#take(this.#isVoice()) ?? change
    }
    return change
  }

  /** Frees what it holds of the detector. Closing twice is harmless. */
  close(): void {
    this.#isClosed = true
    if (this.#handle !== undefined) loaded?.free(this.#handle)
    this.#handle = undefined
  }

  #take(isVoice: boolean): VoiceChange | undefined {
    this.#heardMs += FRAME_MS
    if (this.#heardMs <= IGNORED_MS) return undefined
    this.#newest = ((this.#newest << 1) | (isVoice ? 1 : 0)) & ((1 << NEWEST) - 1)
    this.#quietMs = isVoice ? 0 : this.#quietMs + FRAME_MS
    if (this.#voicedMs === undefined) {
      const voiced = countOfBits(this.#newest)
      if (voiced < MIN_VOICED) return undefined
      this.#voicedMs = voiced * FRAME_MS
      return "started"
    }
    this.#voicedMs += isVoice ? FRAME_MS : 0
    if (this.#quietMs < PAUSE_MS) return undefined
    const change = this.#voicedMs >= MIN_SPEECH_MS ? "ended" : "dropped"
    this.#voicedMs = undefined
    this.#newest = 0
    return change
  }

  #isVoice(): boolean {
    if (!loaded || this.#isClosed) return isLoud(this.#frame)
    const { memory, pointer, open, process } = loaded
    this.#handle ??= open()
    decodeMulawInto(memory.HEAP16, pointer / 2, this.#frame)
    return process(this.#handle, pointer, FRAME_BYTES) === 1
  }
}

function countOfBits(bits: number): number {
  let count = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1
  return count
}
