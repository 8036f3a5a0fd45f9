/**
 * Deepgram's `/v1/listen`: words settle piece by piece, and silence ends a turn. The times of a profile belong to a
 * socket, so another profile opens another socket. Sources: Deepgram "Keep alive", "Endpointing", "Utterance end".
 */

import { CallerBacklog } from "../caller-backlog.ts"
import { SpeechConnection, type SpeechServices } from "../connection.ts"
import { rejection } from "../failure.ts"
import { CLOSING_MS, type Transcriber, type TranscriberListener, type TurnProfile } from "../transcriber.ts"
import { TurnWords } from "../turn-words.ts"
import { deepgramAddress, type DeepgramAccount } from "./address.ts"
import { NovaMessage, novaQuery, type NovaOptions, type NovaResults } from "./nova-messages.ts"

export type NovaListenOptions = DeepgramAccount & NovaOptions & { profile: TurnProfile }

/** One socket. `baseMs`: where its stream begins in the audio given so far. */
type Stream = { connection: SpeechConnection<NovaMessage>; profile: TurnProfile; baseMs: number }

const PIECE_MS = 100
/** Ten seconds without audio end a stream. */
const KEEP_ALIVE_MS = 4_000
const CLOSE = JSON.stringify({ type: "CloseStream" })
const KEEP_ALIVE = JSON.stringify({ type: "KeepAlive" })

export class NovaTranscriber implements Transcriber {
  readonly #options: NovaListenOptions
  readonly #services: SpeechServices
  readonly #listener: TranscriberListener
  readonly #words: TurnWords
  readonly #backlog = new CallerBacklog({
    pieceMs: PIECE_MS,
    send: (audio) => this.#current.connection.send(audio),
  })
  readonly #cancelKeepAlive: () => void
  #profile: TurnProfile
  /** Where the audio goes. */
  #current: Stream
  /** A socket with other times that is being opened; audio goes to it once it is open. */
  #next: Stream | undefined
  #isReady = false
  #isOver = false
  #heardAtLastCheck = 0

  constructor(options: NovaListenOptions, services: SpeechServices, listener: TranscriberListener) {
    this.#options = options
    this.#services = services
    this.#listener = listener
    this.#words = new TurnWords(listener)
    this.#profile = options.profile
    this.#current = this.#open(options.profile)
    this.#cancelKeepAlive = services.sweep.every(KEEP_ALIVE_MS, () => this.#keepAlive())
  }

  hear(audio: Uint8Array): void {
    if (!this.#isOver) this.#backlog.push(audio)
  }

  expect(profile: TurnProfile): void {
    if (this.#isOver || profile === this.#profile) return
    this.#profile = profile
    this.#next?.connection.close()
    this.#next = profile === this.#current.profile ? undefined : this.#open(profile)
  }

  close(): void {
    if (this.#isOver) return
    this.#stop()
    this.#backlog.flush()
    this.#current.connection.finish(CLOSE, CLOSING_MS)
  }

  #open(profile: TurnProfile): Stream {
    const stream: Stream = {
      profile,
      baseMs: 0,
      connection: new SpeechConnection<NovaMessage>({
        ...this.#services,
        address: deepgramAddress(this.#options, "/v1/listen", novaQuery(this.#options, profile)),
        schema: NovaMessage,
        opened: () => this.#opened(stream),
        message: (message) => this.#receive(message, stream),
        lost: (failure) => {
          // The socket for another profile failed: the turns end by the times before.
          if (stream === this.#next) {
            this.#next = undefined
            return this.#services.log.warn("the times of a turn could not be changed", { profile })
          }
          this.#stop()
          this.#listener({ type: "failed", failure })
        },
        finished: () => stream === this.#current && this.#finished(),
      }),
    }
    return stream
  }

  #opened(stream: Stream): void {
    if (stream === this.#next) {
      const { connection } = this.#current
      if (this.#isReady) {
        this.#backlog.flush()
        stream.baseMs = this.#backlog.heardMs
      }
      this.#current = stream
      this.#next = undefined
      connection.finish(CLOSE, CLOSING_MS)
    }
    if (this.#isReady) return
    this.#isReady = true
    this.#backlog.release()
    const { lostMs } = this.#backlog
    if (lostMs > 0) this.#services.log.warn("caller audio lost before the transcriber was ready", { lostMs })
    this.#listener({ type: "ready" })
  }

  #receive(message: NovaMessage, { connection, profile, baseMs }: Stream): void {
    switch (message.type) {
      case "Results":
        return this.#results(message, baseMs)
      case "UtteranceEnd":
        // In a menu the pauses between options are long, and only silence behind the last one ends a turn.
        if (profile !== "menu" && this.#words.settled !== "") this.#end(this.#words.settled)
        return
      case "Error":
        return connection.fail(rejection(message.code, message.description))
      case "ignored":
        return
      default:
        message satisfies never
    }
  }

  #results({ channel, start, duration, is_final, speech_final }: NovaResults, baseMs: number): void {
    const words = channel.alternatives[0]?.transcript ?? ""
    const untilMs = baseMs + (start + duration) * 1_000
    if (!is_final) return words === "" ? this.#words.repeat() : this.#words.interim(words)
    this.#words.settle(words, untilMs)
    if (speech_final) this.#words.end(this.#words.settled, untilMs)
  }

  #end(text: string): void {
    this.#words.end(text, this.#backlog.heardMs)
  }

  #keepAlive(): void {
    const { heardMs } = this.#backlog
    if (heardMs === this.#heardAtLastCheck) this.#current.connection.send(KEEP_ALIVE)
    this.#heardAtLastCheck = heardMs
  }

  #stop(): void {
    this.#isOver = true
    this.#cancelKeepAlive()
    this.#next?.connection.close()
    this.#next = undefined
  }

  /** The stream has ended: what was not released is the last turn. */
  #finished(): void {
    this.#end(this.#words.text)
    this.#listener({ type: "closed" })
  }
}
