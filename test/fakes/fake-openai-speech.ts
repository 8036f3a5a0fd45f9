/** OpenAI's Realtime sockets for speech on a port of its own: transcription sessions, and out-of-band responses. */

import { z } from "zod"
import type { SynthesizerFake } from "../contract/synthesizer.contract.ts"
import { voiceOf } from "./fake-deepgram.ts"
import { clientEventFaults, parseClientEvent } from "./realtime-request-check.ts"
import { SpeechServer, type Json, type SpeechPeer } from "./speech-server.ts"

export const OPENAI_KEY = "openai-key-for-tests"

type Response = { id: string; text: string; metadata: unknown; unsaid: string }

export class FakeOpenAiSpeech extends SpeechServer implements SynthesizerFake {
  speaks = true
  /** The format that `session.updated` confirms; undefined: the one that was asked for. */
  confirms: string | undefined
  /** What is spoken in place of a text. */
  reword = (text: string): string => text
  readonly #responses = new Map<SpeechPeer, Response[]>()
  readonly #listeners = new Map<SpeechPeer, ReturnType<typeof listenerOf>>()
  #serial = 0
  #said = ""

  constructor() {
    super({
      check: (url, headers) => {
        if (url.pathname !== "/v1/realtime") return `path ${url.pathname}`
        if (headers.get("authorization") !== `Bearer ${OPENAI_KEY}`) return "authorization"
        return url.searchParams.has("model") === url.searchParams.has("intent")
          ? "model or intent"
          : undefined
      },
      opened: (peer) => {
        this.#listeners.set(peer, listenerOf(peer))
        peer.send({ type: "session.created", event_id: "e0", session: { type: "realtime" } })
      },
      received: (message, peer) => this.#received(message, peer),
    })
  }

  listener(peer: SpeechPeer): ReturnType<typeof listenerOf> {
    const listener = this.#listeners.get(peer)
    if (!listener) throw new Error("not a connection")
    return listener
  }

  said(): string {
    return this.#said
  }

  async breakAfter(characters: number): Promise<void> {
    const peer = await this.peers.next()
    await peer.texts.next(({ type }) => type === "response.create")
    this.speak(peer, characters)
    peer.drop()
  }

  /** Sends audio of so many characters of the oldest response. */
  speak(peer: SpeechPeer, characters = Infinity): void {
    const [response] = this.#responses.get(peer) ?? []
    if (!response) return
    const text = response.unsaid.slice(0, characters)
    response.unsaid = response.unsaid.slice(text.length)
    const fields = { response_id: response.id, item_id: "i", output_index: 0, content_index: 0 }
    peer.send({
      type: "response.output_audio.delta",
      ...fields,
      delta: Buffer.from(voiceOf(text)).toString("base64"),
    })
  }

  /** The oldest response ends. */
  done(peer: SpeechPeer, status = "completed"): void {
    const [response] = this.#responses.get(peer) ?? []
    if (!response) return
    this.#remove(peer, response)
    const { id, text, metadata } = response
    const transcript = { item_id: "i", output_index: 0, content_index: 0, transcript: this.reword(text) }
    peer.send({ type: "response.output_audio_transcript.done", response_id: id, ...transcript })
    peer.send({ type: "response.done", response: { id, status, metadata } })
  }

  #received(message: Json, peer: SpeechPeer): void {
    for (const fault of faultsOf(message)) this.fault(fault)
    switch (message["type"]) {
      case "session.update":
        return this.#update(message["session"] as Json, peer)
      case "input_audio_buffer.append":
        return peer.took(Buffer.from(String(message["audio"]), "base64"))
      case "input_audio_buffer.commit":
        return this.listener(peer).commit()
      case "response.create":
        return this.#respond(message["response"] as Json, peer)
      case "response.cancel": {
        const response = this.#responses.get(peer)?.find(({ id }) => id === message["response_id"])
        if (response) {
          this.#remove(peer, response)
          const { id, metadata } = response
          return peer.send({ type: "response.done", response: { id, status: "cancelled", metadata } })
        }
        const error = { type: "invalid_request_error", code: "response_cancel_not_active", message: "" }
        return peer.send({ type: "error", event_id: "e", error })
      }
      default:
    }
  }

  #update(session: Json, peer: SpeechPeer): void {
    const { confirms } = this
    const format = { format: { type: confirms } }
    const audio = confirms === undefined ? session["audio"] : { input: format, output: format }
    peer.send({ type: "session.updated", event_id: "e1", session: { ...session, audio } })
  }

  #respond(response: Json, peer: SpeechPeer): void {
    const [{ content }] = response["input"] as [{ content: [{ text: string }] }]
    const [{ text }] = content
    this.#said += text
    const made: Response = {
      id: `resp_${++this.#serial}`,
      text,
      metadata: response["metadata"],
      unsaid: text,
    }
    this.#responses.set(peer, [...(this.#responses.get(peer) ?? []), made])
    peer.send({
      type: "response.created",
      response: { id: made.id, status: "in_progress", metadata: made.metadata },
    })
    if (!this.speaks) return
    this.speak(peer)
    this.done(peer)
  }

  #remove(peer: SpeechPeer, response: Response): void {
    this.#responses.set(
      peer,
      (this.#responses.get(peer) ?? []).filter((each) => each !== response),
    )
  }
}

/** The session of `?intent=transcription`; the schema in the fixtures has that of conversations only. */
const TranscriptionUpdate = z.strictObject({
  type: z.literal("session.update"),
  session: z.strictObject({
    type: z.literal("transcription"),
    audio: z.strictObject({
      input: z.strictObject({
        format: z.strictObject({ type: z.enum(["audio/pcmu", "audio/pcma"]) }),
        transcription: z.strictObject({
          model: z.string(),
          languages: z.array(z.string()).optional(),
          keywords: z.array(z.string()).optional(),
        }),
        turn_detection: z.strictObject({
          type: z.literal("server_vad"),
          threshold: z.number().optional(),
          prefix_padding_ms: z.number().optional(),
          silence_duration_ms: z.number().optional(),
        }),
      }),
    }),
  }),
})

function faultsOf(message: Json): string[] {
  const session = message["session"] as Json | undefined
  if (message["type"] === "session.update" && session?.["type"] === "transcription") {
    return (TranscriptionUpdate.safeParse(message).error?.issues ?? []).map(({ message: text }) => text)
  }
  const event = parseClientEvent(JSON.stringify(message))
  return event ? clientEventFaults(event) : ["no event"]
}

/** A transcription session: what the caller says, in the events of OpenAI. */
function listenerOf(peer: SpeechPeer) {
  let serial = 0
  let words = ""
  const prefix = "conversation.item.input_audio_transcription"
  const id = () => `item_${serial}`
  const completed = (itemId: string, transcript: string) =>
    peer.send({
      type: `${prefix}.completed`,
      item_id: itemId,
      content_index: 0,
      transcript,
      usage: { type: "duration", seconds: 1 },
    })
  return {
    start() {
      serial += 1
      words = ""
      peer.send({ type: "input_audio_buffer.speech_started", audio_start_ms: 0, item_id: id() })
      return id()
    },
    words(text: string) {
      const delta = text.slice(words.length)
      words = text
      peer.send({ type: `${prefix}.delta`, item_id: id(), content_index: 0, delta })
    },
    stop(audioEndMs = peer.audio.length / 8) {
      peer.send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: audioEndMs, item_id: id() })
      peer.send({ type: "input_audio_buffer.committed", item_id: id(), previous_item_id: null })
    },
    completed,
    end(text: string) {
      this.stop()
      completed(id(), text)
    },
    commit() {
      peer.send({ type: "input_audio_buffer.committed", item_id: id(), previous_item_id: null })
      completed(id(), words)
    },
  }
}
