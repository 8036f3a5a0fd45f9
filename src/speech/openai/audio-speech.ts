/**
 * Speech by `POST /audio/speech`, at OpenAI or any server with the same path: one request for each clause, PCM that is
 * resampled to the telephone's rate. Sources: OpenAI "Create speech"; speaches, Kokoro-FastAPI, LocalAI, vLLM-Omni.
 */

import { messageOf } from "../../lib/errors.ts"
import { failureOfStatus, SpeechError } from "../failure.ts"
import { PcmStream } from "../pcm-stream.ts"
import type { RequestSpeech } from "../request-synthesizer.ts"

export type AudioSpeechOptions = {
  /** As in `https://api.openai.com/v1`. */
  baseUrl: string
  /** Without one no `Authorization` header is sent. */
  apiKey?: string | undefined
  model: string
  voice: string
  /** 0.25 to 4. */
  speed?: number | undefined
  /** How to speak; ignored by most compatible servers. */
  instructions?: string | undefined
  /** Rate of raw PCM, in hertz. The header of a WAV has its own. */
  sampleRateHz?: number | undefined
  /** `wav` for servers that have no `pcm`. */
  format?: "pcm" | "wav" | undefined
}

/** Characters of one request. */
export const MAX_INPUT = 4_096
const PCM_RATE_HZ = 24_000
/** Bodies of errors that are read. */
const MAX_ERROR_CHARS = 300

export function audioSpeech(options: AudioSpeechOptions): RequestSpeech {
  const { baseUrl, apiKey, model, voice, speed, instructions, format = "pcm" } = options
  const { sampleRateHz = PCM_RATE_HZ } = options
  const headers: Record<string, string> = { "Content-Type": "application/json" }
  if (apiKey !== undefined) headers["Authorization"] = `Bearer ${apiKey}`
  const settings = { model, voice, response_format: format, speed, instructions }
  return async function requestSpeech(text, signal, take) {
    const body = JSON.stringify({ ...settings, input: text })
    const response = await fetch(`${baseUrl}/audio/speech`, { method: "POST", headers, body, signal }).catch(
      (error: unknown) => {
        throw new SpeechError({
          reason: "unreachable",
          retryable: true,
          status: null,
          message: messageOf(error),
        })
      },
    )
    if (!response.ok) throw new SpeechError(await refusalOf(response))
    const type = response.headers.get("content-type") ?? ""
    if (!response.body || !isRawAudio(type)) {
      await response.body?.cancel()
      const message = `answered ${type || "nothing"} in place of PCM`
      throw new SpeechError({ reason: "malformed", retryable: true, status: response.status, message })
    }
    const stream = new PcmStream(sampleRateHz)
    for await (const bytes of response.body) take(stream.push(bytes))
    take(stream.flush())
  }
}

async function refusalOf(response: Response) {
  const message = await response.text().catch(() => "")
  return failureOfStatus(response.status, message.slice(0, MAX_ERROR_CHARS))
}

/** Servers name PCM in many ways; text and compressed audio would be noise. */
function isRawAudio(contentType: string): boolean {
  return !/^(?:text\/|application\/(?:json|xml|problem)|audio\/(?:mpeg|mp3|opus|ogg|aac|flac))/i.test(
    contentType,
  )
}
