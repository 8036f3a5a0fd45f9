/** ElevenLabs on a port of its own: `/v1/text-to-speech/{voice}/multi-stream-input`, strict about its messages. */

import type { SynthesizerFake } from "../contract/synthesizer.contract.ts"
import { voiceOf } from "./fake-deepgram.ts"
import { SpeechServer, type Json, type SpeechPeer } from "./speech-server.ts"

export const ELEVENLABS_KEY = "elevenlabs-key-for-tests"
const MS_PER_CHARACTER = 10

const PATH = /^\/v1\/text-to-speech\/[\w-]+\/multi-stream-input$/
const QUERY = [
  "model_id",
  "output_format",
  "sync_alignment",
  "auto_mode",
  "inactivity_timeout",
  "language_code",
]
const FIELDS = ["text", "context_id", "flush", "voice_settings", "close_context", "close_socket"]

const wordOf = (value: unknown) => (typeof value === "string" ? value : "")

type Context = { unsaid: string; isOpen: boolean }

export class FakeElevenLabs extends SpeechServer implements SynthesizerFake {
  speaks = true
  /** Whether audio comes with the times of its characters. */
  aligns = true
  readonly #contexts = new Map<string, Context>()
  #said = ""

  constructor() {
    super({
      check: (url, headers) => {
        if (!PATH.test(url.pathname)) return `path ${url.pathname}`
        if (headers.get("xi-api-key") !== ELEVENLABS_KEY) return "key"
        if (url.searchParams.get("output_format") !== "ulaw_8000") return "output_format"
        return [...url.searchParams.keys()].find((name) => !QUERY.includes(name))
      },
      opened: () => {},
      received: (message, peer) => this.#received(message, peer),
    })
  }

  said(): string {
    return this.#said
  }

  async breakAfter(characters: number): Promise<void> {
    const peer = await this.peers.next()
    const { context_id: id } = await peer.texts.next(({ flush }) => flush === true)
    this.speak(peer, String(id), characters)
    peer.drop()
  }

  /** Sends audio of so many characters of a context, in one message. */
  speak(peer: SpeechPeer, contextId: string, characters = Infinity, fields: Json = {}): void {
    const context = this.#contexts.get(contextId)
    const text = context?.unsaid.slice(0, characters) ?? ""
    if (!context || text === "") return
    context.unsaid = context.unsaid.slice(text.length)
    const chars = text.split("")
    peer.send({
      audio: Buffer.from(voiceOf(text)).toString("base64"),
      isFinal: null,
      contextId,
      alignment: this.aligns
        ? {
            chars,
            charStartTimesMs: chars.map((_, at) => at * MS_PER_CHARACTER),
            charDurationsMs: chars.map(() => MS_PER_CHARACTER),
          }
        : null,
      ...fields,
    })
  }

  #received(message: Json, peer: SpeechPeer): void {
    const unknown = Object.keys(message).find((field) => !FIELDS.includes(field))
    if (unknown !== undefined) return this.fault(`field ${unknown}`)
    if (message["close_socket"] === true) return queueMicrotask(() => peer.close())
    const id = wordOf(message["context_id"])
    if (id === "") return this.fault("no context")
    const context = this.#contexts.get(id)
    if (message["close_context"] === true) {
      if (!context?.isOpen) return this.fault(`context ${id} is not open`)
      context.isOpen = false
      return peer.send({ isFinal: true, contextId: id })
    }
    const text = wordOf(message["text"])
    if (!context) {
      if (text !== " ") return this.fault("the first text of a context must be a blank")
      this.#contexts.set(id, { unsaid: "", isOpen: true })
      return
    }
    if (!context.isOpen) return this.fault(`text for ${id}, which is closed`)
    if (text !== "" && !text.endsWith(" ")) this.fault(`text without a blank at its end: ${text}`)
    if (text.trim() !== "") {
      context.unsaid += text
      this.#said += text
    }
    if (message["flush"] === true && this.speaks) this.speak(peer, id)
  }
}
