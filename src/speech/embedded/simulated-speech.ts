/** The speech of a simulated caller: a sentence, spoken, and its words as a sound for the embedded transcriber. */

import { textToSound } from "../../audio/bell202.ts"
import { speakWithFlite } from "./flite.ts"

/** Differs from the voice of the agent, and takes the least time. */
const CALLER_VOICE = "kal"

/** Mu-law 8 kHz. */
export async function simulatedSpeech(text: string): Promise<Uint8Array> {
  const spoken = await speakWithFlite(text, { voice: CALLER_VOICE })
  return Buffer.concat([spoken, textToSound(text)])
}
