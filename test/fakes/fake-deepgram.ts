/** Deepgram on a port of its own: `/v2/listen`, `/v1/listen`, `/v2/speak` and `/v1/speak`, strict about parameters and messages. */

import { SpeechServer, type Json, type SpeechPeer } from "./speech-server.ts"

export const DEEPGRAM_KEY = "deepgram-key-for-tests"

/** Parameters that each path takes. (Deepgram: "Flux configuration", "Flux TTS", "TTS WebSocket".) */
const QUERIES: Record<string, readonly string[]> = {
  "/v2/listen": [
    "model",
    "encoding",
    "sample_rate",
    "eot_threshold",
    "eager_eot_threshold",
    "eot_timeout_ms",
    "keyterm",
    "language_hint",
    "numerals",
    "profanity_filter",
    "redact",
    "mip_opt_out",
    "tag",
  ],
  "/v1/listen": [
    "model",
    "encoding",
    "sample_rate",
    "channels",
    "smart_format",
    "interim_results",
    "endpointing",
    "utterance_end_ms",
    "vad_events",
    "language",
    "keyterm",
    "keywords",
  ],
  "/v2/speak": ["model", "encoding", "sample_rate", "speed", "expressivity", "mip_opt_out", "tag"],
  "/v1/speak": ["model", "encoding", "sample_rate", "speed", "mip_opt_out", "tag"],
}
const MESSAGES: Record<string, readonly string[]> = {
  "/v2/listen": ["Configure", "ForceEndTurn", "CloseStream"],
  "/v1/listen": ["KeepAlive", "Finalize", "CloseStream"],
  "/v2/speak": ["Speak", "Flush", "Interrupt", "Configure", "Close"],
  "/v1/speak": ["Speak", "Flush", "Clear", "Close"],
}

/** Milliseconds of audio that the fake speaks for a character. */
const MS_PER_CHARACTER = 10
const BYTES_PER_MS = 8

export class FakeDeepgram extends SpeechServer {
  /** Whether `/v2/listen` and `/v2/speak` send `Connected` by themselves. */
  greets = true
  /** Whether text is spoken by itself as it is flushed; otherwise `speechOf` does it. */
  speaks = true
  /** Whether a flush is confirmed by itself; otherwise `flushed` does it. */
  confirms = true
  readonly #speeches = new Map<SpeechPeer, FakeSpeech>()

  constructor() {
    super({
      check: wrongWith,
      opened: (peer) => {
        if (this.greets && peer.url.pathname.startsWith("/v2"))
          peer.send({ type: "Connected", request_id: "r" })
        if (peer.url.pathname.endsWith("speak")) this.#speeches.set(peer, new FakeSpeech(peer))
      },
      received: (message, peer) => {
        const type = String(message["type"])
        if (!MESSAGES[peer.url.pathname]?.includes(type)) {
          this.fault(`message ${type} on ${peer.url.pathname}`)
          return peer.send({ type: "Error", code: "UNPARSABLE_CLIENT_MESSAGE", description: type })
        }
        if (type === "CloseStream" || type === "Close") return queueMicrotask(() => peer.close())
        this.#speeches.get(peer)?.received(message, { speaks: this.speaks, confirms: this.confirms })
      },
    })
  }

  speechOf(peer: SpeechPeer): FakeSpeech {
    const speech = this.#speeches.get(peer)
    if (!speech) throw new Error("not a connection that speaks")
    return speech
  }
}

function wrongWith(url: URL, headers: Headers): string | undefined {
  const known = QUERIES[url.pathname]
  if (!known) return `path ${url.pathname}`
  if (headers.get("authorization") !== `Token ${DEEPGRAM_KEY}`) return "authorization"
  const unknown = [...url.searchParams.keys()].find((name) => !known.includes(name))
  if (unknown !== undefined) return `parameter ${unknown}`
  const { model, encoding, sample_rate: rate } = Object.fromEntries(url.searchParams)
  if (!model) return "no model"
  return encoding === "mulaw" && rate === "8000" ? undefined : `format ${encoding} ${rate}`
}

/** A recogniser of `/v2/listen`: sends what Flux would send. */
export function fluxListener(peer: SpeechPeer) {
  let turnIndex = 0
  const info = (event: string, transcript: string, endSeconds = peer.audio.length / 8_000) =>
    peer.send({
      type: "TurnInfo",
      request_id: "r",
      sequence_id: 1,
      event,
      turn_index: turnIndex,
      audio_window_start: 0,
      audio_window_end: endSeconds,
      transcript,
      words: [],
      end_of_turn_confidence: 0.5,
    })
  return {
    start: (text = "") => info("StartOfTurn", text),
    update: (text: string) => info("Update", text),
    eager: (text: string) => info("EagerEndOfTurn", text),
    resume: (text: string) => info("TurnResumed", text),
    end(text: string, endSeconds?: number) {
      info("EndOfTurn", text, endSeconds)
      turnIndex += 1
    },
  }
}

/** A recogniser of `/v1/listen`. Times are seconds of the stream. */
export function novaListener(peer: SpeechPeer) {
  const results = (transcript: string, fields: Json) =>
    peer.send({
      type: "Results",
      channel_index: [0, 1],
      start: 0,
      duration: peer.audio.length / 8_000,
      channel: { alternatives: [{ transcript, confidence: 0.9, words: [] }] },
      metadata: {},
      from_finalize: false,
      ...fields,
    })
  return {
    interim: (text: string) => results(text, { is_final: false, speech_final: false }),
    final: (text: string, fields: Json = {}) =>
      results(text, { is_final: true, speech_final: false, ...fields }),
    speechFinal: (text: string) => results(text, { is_final: true, speech_final: true }),
    utteranceEnd: () => peer.send({ type: "UtteranceEnd", channel: [0, 1], last_word_end: 1 }),
  }
}

/** The voice of one connection: 10 ms of the character code 0x20 to 0x7e for each character, so that audio can be read. */
export class FakeSpeech {
  readonly #peer: SpeechPeer
  #text = ""
  #unsaid = ""
  /** All text of speeches that were begun. */
  said = ""
  #isActive = false
  #speech = 0

  constructor(peer: SpeechPeer) {
    this.#peer = peer
  }

  get isFlux(): boolean {
    return this.#peer.url.pathname === "/v2/speak"
  }

  received(message: Json, { speaks, confirms }: { speaks: boolean; confirms: boolean }): void {
    switch (message["type"]) {
      case "Speak":
        return this.#take(String(message["text"]), speaks)
      case "Flush":
        if (speaks) this.speakAll()
        return confirms ? this.flushed() : undefined
      case "Interrupt":
        return this.#interrupt(message["playback_offset"] as Json)
      case "Clear":
        this.#unsaid = ""
        this.#text = ""
        return this.#peer.send({ type: "Cleared", sequence_id: 1 })
      default:
    }
  }

  #take(text: string, speaks: boolean): void {
    if (!this.#isActive && this.isFlux) {
      this.#isActive = true
      this.#speech += 1
      this.#text = ""
      this.#peer.send({ type: "SpeechStarted", speech_id: `dg_sp_${this.#speech}` })
    }
    this.#text += text
    this.#unsaid += text
    this.said += text
    if (speaks && this.isFlux) this.speakAll()
  }

  /** Sends the audio of what was not spoken yet. */
  speakAll(): void {
    this.speak(this.#unsaid.length)
  }

  /** Sends the audio of so many characters. */
  speak(characters: number): void {
    const text = this.#unsaid.slice(0, characters)
    this.#unsaid = this.#unsaid.slice(characters)
    if (text !== "") this.#peer.sendAudio(voiceOf(text))
  }

  /** Says that all audio of the flushed text was sent. */
  flushed(): void {
    if (!this.isFlux) return this.#peer.send({ type: "Flushed", sequence_id: 1 })
    this.#isActive = false
    const speechId = `dg_sp_${this.#speech}`
    this.#peer.send({ type: "Flushed", speech_id: speechId })
    const audioMs = this.#text.length * MS_PER_CHARACTER
    this.#peer.send({
      type: "SpeechMetadata",
      speech_id: speechId,
      audio_duration_ms: audioMs,
      input_character_count: this.#text.length,
    })
  }

  #interrupt(offset: Json): void {
    if (offset["type"] !== "time_ms" || !Number.isInteger(offset["value"])) {
      return this.#peer.send({ type: "Warning", code: "INVALID_INTERRUPT_OFFSET", description: "" })
    }
    const playedMs = Number(offset["value"])
    const earlier = this.said.length - this.#text.length
    const heard = Math.max(0, Math.floor(playedMs / MS_PER_CHARACTER) - earlier)
    this.#isActive = false
    this.#unsaid = ""
    this.#peer.send({
      type: "SpeechInterrupted",
      audio_played_ms: playedMs,
      text_spoken: this.#text.slice(0, heard),
      text_remaining: this.#text.slice(heard),
      metadata: {},
    })
  }
}

/** Audio that a test can read: 80 bytes of its code for each character. */
export function voiceOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * MS_PER_CHARACTER * BYTES_PER_MS)
  for (let at = 0; at < text.length; at++) {
    const size = MS_PER_CHARACTER * BYTES_PER_MS
    bytes.fill(text.charCodeAt(at), at * size, (at + 1) * size)
  }
  return bytes
}

/** The text of such audio; a character that was cut counts. */
export function textOfVoice(audio: Uint8Array): string {
  const size = MS_PER_CHARACTER * BYTES_PER_MS
  return Array.from({ length: Math.ceil(audio.length / size) }, (_, at) =>
    String.fromCharCode(audio[at * size] ?? 32),
  ).join("")
}
