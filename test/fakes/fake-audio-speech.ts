/** A server with OpenAI's `POST /v1/audio/speech` on a port of its own: 24 kHz PCM that a test can read. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { text } from "node:stream/consumers"
import type { SynthesizerFake } from "../contract/synthesizer.contract.ts"
import { decodeMulaw } from "../../src/audio/mulaw.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"

/** Milliseconds of audio for a character. */
export const MS_PER_CHARACTER = 10
const SAMPLES = 240
/** Bytes of positive samples stand for the characters from the blank on. */
const FIRST_BYTE = 0x80
const FIRST_CHAR = 32

export type SpeechRequest = { body: Record<string, unknown>; authorization: string | null }

export class FakeAudioSpeech implements SynthesizerFake {
  refuse: number | undefined
  speaks = true
  contentType = "audio/pcm"
  /** Bytes that are sent at once; 997 ends in the middle of a sample. */
  chunkBytes = 997
  /** Makes the body of a text; the default is raw PCM. */
  bodyOf = (text: string): Uint8Array => pcmOf(text)
  readonly requests = new AwaitableLog<SpeechRequest>("requests")
  readonly #held = new AwaitableLog<{ text: string; response: ServerResponse }>("held requests")
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  constructor() {
    this.#server.listen(0, "127.0.0.1")
  }

  get baseUrl(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/v1`
  }

  said(): string {
    return this.requests.all.map(({ body }) => String(body["input"])).join("")
  }

  async breakAfter(characters: number): Promise<void> {
    const { text, response } = await this.#held.next()
    response.write(pcmOf(text.slice(0, characters)))
    // The end of the connection, without that of the body.
    response.socket?.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as Record<string, unknown>
    if (request.url !== "/v1/audio/speech") return void response.writeHead(404).end()
    this.requests.push({ body, authorization: request.headers.authorization ?? null })
    if (this.refuse !== undefined) return void response.writeHead(this.refuse).end("refused")
    response.writeHead(200, { "Content-Type": this.contentType })
    const input = String(body["input"])
    if (!this.speaks) {
      response.flushHeaders()
      return this.#held.push({ text: input, response })
    }
    const bytes = this.bodyOf(input)
    for (let at = 0; at < bytes.length; at += this.chunkBytes)
      response.write(bytes.slice(at, at + this.chunkBytes))
    response.end()
  }
}

/** PCM of a text: for each character 10 ms at a level of its own, which resampling leaves as it is. */
export function pcmOf(text: string): Uint8Array {
  const samples = new Int16Array(text.length * SAMPLES)
  for (let at = 0; at < text.length; at++) {
    const [level = 0] = decodeMulaw(Uint8Array.of(FIRST_BYTE + text.charCodeAt(at) - FIRST_CHAR))
    samples.fill(level, at * SAMPLES, (at + 1) * SAMPLES)
  }
  return new Uint8Array(samples.buffer)
}

/** The text of such audio as mu-law 8 kHz, read in the middle of each character. */
export function textOfPcm(audio: Uint8Array): string {
  const size = MS_PER_CHARACTER * 8
  return Array.from({ length: Math.round(audio.length / size) }, (_, at) =>
    String.fromCharCode((audio[at * size + size / 2] ?? 0) - FIRST_BYTE + FIRST_CHAR),
  ).join("")
}
