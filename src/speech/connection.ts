/**
 * One socket to a speech provider: deadline of the handshake, liveness, bounded sending, and messages checked by a schema.
 * Knows no vendor.
 */

import type { z } from "zod"
import {
  connectSocket,
  type ClientSocket,
  type ClientSocketEvents,
  type SocketTarget,
  type SocketEnd,
} from "../lib/client-socket.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import { SocketLiveness, type LivenessTimes } from "../lib/socket-liveness.ts"
import type { Sweep } from "../lib/sweep.ts"
import { failureOfEnd, type SpeechFailure } from "./failure.ts"

/** `connectMs`: longest handshake, in milliseconds. */
export type SpeechTimes = LivenessTimes & { connectMs: number }

/** What every provider is opened with. */
export type SpeechServices = { times: SpeechTimes; sweep: Sweep; log: Log }

export type SpeechConnectionOptions<Message> = SpeechServices & {
  address: SocketTarget
  /** Text frames are JSON of this form; others are counted as malformed. */
  schema: z.ZodType<Message>
  /** The socket is open. */
  opened: () => void
  /** A text frame has arrived. */
  message: (message: Message) => void
  /** A binary frame has arrived; the bytes may be kept. Without it, a binary frame is malformed. */
  audio?: (bytes: Uint8Array) => void
  /** The connection has ended without `close`. Called once, nothing follows. */
  lost: (failure: SpeechFailure) => void
  /** The connection has ended after `finish`. Called once, nothing follows. */
  finished?: () => void
}

/** A provider with more unsent data than this is not keeping up: 30 s of audio. */
const MAX_BUFFER_BYTES = 240_000
/** How long the server may take to answer a close before the socket is terminated. */
const CLOSE_TIMEOUT_MS = 1_000
/** Malformed frames in a row after which the provider is not used any more. */
const MAX_MALFORMED = 3

type Phase = "connecting" | "open" | "finishing" | "closed"

export class SpeechConnection<Message> implements ClientSocketEvents {
  #phase: Phase = "connecting"
  readonly #options: SpeechConnectionOptions<Message>
  readonly #socket: ClientSocket
  #liveness: SocketLiveness | undefined
  #cancelDeadline: () => void
  #malformed = 0

  constructor(options: SpeechConnectionOptions<Message>) {
    const { address, sweep, times } = options
    this.#options = options
    this.#cancelDeadline = sweep.after(times.connectMs, () =>
      this.fail({ reason: "timeout", retryable: true, status: null, message: "the handshake took too long" }),
    )
    this.#socket = connectSocket(address, this)
  }

  get isOpen(): boolean {
    return this.#phase === "open"
  }

  /** Sends a frame; bytes are copied. Without effect unless the connection is open. */
  send(frame: string | Uint8Array<ArrayBuffer>): void {
    if (this.#phase !== "open") return
    if (this.#socket.bufferedAmount <= MAX_BUFFER_BYTES) return this.#socket.send(frame)
    // Later, so that the owner hears of nothing while it calls.
    queueMicrotask(() =>
      this.fail({ reason: "stalled", retryable: true, status: null, message: "the send buffer is full" }),
    )
  }

  /** Sends a last frame and waits until the server closes the socket, for `waitMs` at most; then `finished` is called. */
  finish(frame: string | Uint8Array<ArrayBuffer>, waitMs: number): void {
    if (this.#phase !== "open") {
      this.close()
      return this.#options.finished?.()
    }
    this.send(frame)
    this.#phase = "finishing"
    this.#cancelDeadline = this.#options.sweep.after(waitMs, () => {
      this.close()
      this.#options.finished?.()
    })
  }

  /** Ends the connection without another event. Closing twice is harmless. */
  close(): void {
    if (!this.#end()) return
    this.#cancelDeadline = this.#options.sweep.after(CLOSE_TIMEOUT_MS, () => this.#socket.terminate())
    this.#socket.close(1000, "")
  }

  /** Ends the connection with a failure, such as one that the server has reported in a message. */
  fail(failure: SpeechFailure): void {
    if (this.#phase === "finishing") {
      this.close()
      return this.#options.finished?.()
    }
    if (!this.#end()) return
    this.#socket.terminate()
    this.#options.lost(failure)
  }

  opened(): void {
    this.#guard(() => {
      if (this.#phase !== "connecting") return
      this.#phase = "open"
      this.#cancelDeadline()
      const { times, sweep, opened } = this.#options
      const onLost = (message: string) =>
        this.fail({ reason: "stalled", retryable: true, status: null, message })
      this.#liveness = new SocketLiveness({ socket: this.#socket, times, sweep, onLost })
      opened()
    })
  }

  text(text: string): void {
    this.#liveness?.seen()
    if (this.#phase === "closed") return
    const parsed = this.#options.schema.safeParse(jsonOf(text))
    if (!parsed.success) return this.#reject(parsed.error.issues[0]?.message)
    this.#malformed = 0
    this.#guard(() => this.#options.message(parsed.data))
  }

  binary(bytes: Uint8Array): void {
    this.#liveness?.seen()
    if (this.#phase === "closed") return
    const { audio } = this.#options
    if (!audio) return this.#reject("binary frame")
    try {
      audio(bytes)
    } catch (error) {
      this.#caught(error)
    }
  }

  ponged(): void {
    this.#liveness?.seen()
  }

  closed(end: SocketEnd): void {
    this.#cancelDeadline()
    this.#guard(() => this.fail(failureOfEnd(end)))
  }

  #reject(reason = "not JSON"): void {
    this.#malformed += 1
    this.#options.log.warn("malformed frame of a speech provider dropped", { reason })
    if (this.#malformed < MAX_MALFORMED) return
    this.fail({ reason: "malformed", retryable: true, status: null, message: "messages cannot be read" })
  }

  /** Returns whether the connection was open until now. */
  #end(): boolean {
    if (this.#phase === "closed") return false
    this.#phase = "closed"
    this.#cancelDeadline()
    this.#liveness?.stop()
    return true
  }

  /** An exception in a handler must not end the process. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#caught(error)
    }
  }

  #caught(error: unknown): void {
    this.#options.log.error("handler of a speech event failed", { error: messageOf(error) })
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
