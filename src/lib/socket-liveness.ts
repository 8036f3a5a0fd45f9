/** Notices that the peer of a socket is gone although the socket is open: it answers no pings, or takes no data. */

import type { Sweep } from "./sweep.ts"

export type LivenessTimes = {
  /** Time between two pings, in milliseconds. A peer that sends nothing for two of them in a row is gone. */
  pingMs: number
  /** A peer that takes none of the unsent data for this long is gone, in milliseconds. */
  stallMs: number
}

/** The part of a socket that is needed. What it does not have is not watched. */
export type WatchedSocket = {
  /** Bytes that were given to the socket and are not sent yet. */
  readonly bufferedAmount?: number
  /** Sends a ping. (RFC 6455, 5.5.2.) */
  ping?(): void
}

export type SocketLivenessOptions = {
  socket: WatchedSocket
  times: LivenessTimes
  sweep: Sweep
  /** Called once, with a sentence for the log; nothing is watched after that. */
  onLost: (message: string) => void
}

const MISSED_PONGS = 2
const CHECKS_PER_STALL = 3

export class SocketLiveness {
  readonly #options: SocketLivenessOptions
  #wasSeen = true
  #missedPongs = 0
  #unsentBytes = 0
  #checksWithoutProgress = 0
  readonly #cancelPings: () => void
  readonly #cancelStallChecks: () => void

  /** Watches from now on, until `stop`. */
  constructor(options: SocketLivenessOptions) {
    const { sweep, times } = options
    this.#options = options
    this.#cancelPings = sweep.every(times.pingMs, () => this.#ping())
    this.#cancelStallChecks = sweep.every(times.stallMs / CHECKS_PER_STALL, () => this.#checkProgress())
  }

  /** A pong or a frame has come. Called for every frame: only sets a flag. */
  seen(): void {
    this.#wasSeen = true
  }

  /** Stopping twice is harmless. */
  stop(): void {
    this.#cancelPings()
    this.#cancelStallChecks()
  }

  #ping(): void {
    const { socket, times } = this.#options
    if (!socket.ping) return
    this.#missedPongs = this.#wasSeen ? 0 : this.#missedPongs + 1
    this.#wasSeen = false
    if (this.#missedPongs < MISSED_PONGS) socket.ping()
    else this.#lost(`no pong for ${times.pingMs * MISSED_PONGS} ms`)
  }

  #checkProgress(): void {
    const { socket, times } = this.#options
    const { bufferedAmount = 0 } = socket
    const before = this.#unsentBytes
    this.#unsentBytes = bufferedAmount
    const isStuck = before > 0 && bufferedAmount >= before
    this.#checksWithoutProgress = isStuck ? this.#checksWithoutProgress + 1 : 0
    if (this.#checksWithoutProgress >= CHECKS_PER_STALL)
      this.#lost(`no data accepted for ${times.stallMs} ms`)
  }

  #lost(message: string): void {
    this.stop()
    this.#options.onLost(message)
  }
}
