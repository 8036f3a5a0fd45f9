/**
 * Transcription of one recording by `POST /audio/transcriptions`, at OpenAI or any server with such a path. Sources:
 * OpenAI "Create transcription"; speaches, LocalAI, whisper.cpp (with `--inference-path`), vLLM.
 */

import { z } from "zod"
import { decodeMulaw, MULAW_RATE_HZ } from "../../audio/mulaw.ts"
import { monoWav } from "../../audio/wav.ts"
import { messageOf } from "../../lib/errors.ts"
import { failureOfStatus, SpeechError } from "../failure.ts"

export type AudioTranscriptionsOptions = {
  /** As in `http://127.0.0.1:8000/v1`. */
  baseUrl: string
  /** Without one no `Authorization` header is sent. */
  apiKey?: string | undefined
  model: string
  language?: string | undefined
  prompt?: string | undefined
}

/** Returns the text of mu-law 8 kHz. Rejects with a `SpeechError`, or with anything once the signal is aborted. */
export type RequestTranscript = (audio: Uint8Array, signal: AbortSignal) => Promise<string>

const Transcript = z.object({ text: z.string() })
const MAX_ERROR_CHARS = 300

export function audioTranscriptions(options: AudioTranscriptionsOptions): RequestTranscript {
  const { baseUrl, apiKey, model, language, prompt } = options
  const headers: Record<string, string> = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }
  return async function requestTranscript(audio, signal) {
    const form = new FormData()
    // Servers know the format by the name of the file; none takes raw mu-law.
    const wav = monoWav({ samples: decodeMulaw(audio), sampleRateHz: MULAW_RATE_HZ })
    form.set("file", new Blob([wav], { type: "audio/wav" }), "turn.wav")
    form.set("model", model)
    form.set("response_format", "json")
    if (language !== undefined) form.set("language", language)
    if (prompt !== undefined) form.set("prompt", prompt)
    const url = `${baseUrl}/audio/transcriptions`
    const response = await fetch(url, { method: "POST", headers, body: form, signal }).catch(
      (error: unknown) => {
        throw new SpeechError({
          reason: "unreachable",
          retryable: true,
          status: null,
          message: messageOf(error),
        })
      },
    )
    const text = await response.text()
    if (!response.ok) throw new SpeechError(failureOfStatus(response.status, text.slice(0, MAX_ERROR_CHARS)))
    const parsed = Transcript.safeParse(jsonOf(text))
    if (parsed.success) return parsed.data.text
    const message = "the answer has no text"
    throw new SpeechError({ reason: "malformed", retryable: true, status: response.status, message })
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
