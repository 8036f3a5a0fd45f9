/** The observers of each call: wakes them for new events and passes audio to them. Knows no socket. */

import type { AudioTap } from "../call/audio-tap.ts"
import type { RecordedEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { Track } from "../call/observer-message.ts"
import type { Sweep } from "../lib/sweep.ts"

/** Events within this time, in milliseconds, are sent together: each send reads from the store. */
const GATHER_MS = 25
/** Interval of pings, in milliseconds, and of checks for events of other processes. */
const PING_MS = 15_000
export interface Observer {
  /** Something was recorded. Begins to read from the store what is new to it. Must not throw. */
  changed(): void
  /** A frame of audio, in base64. Must neither throw nor wait. */
  audio?: ((payload: string, track: Track) => void) | undefined
  ping(): void
  /** The server stops. */
  stop(): void
}

export class Observers implements AudioTap {
  readonly #sweep: Sweep
  readonly #byCall = new Map<CallId, Set<Observer>>()
  readonly #ofAll = new Set<Observer>()
  readonly #listeners = new Map<CallId, Set<Observer>>()
  /** Calls whose observers have events to send. */
  #changed = new Set<CallId>()
  #cancelNotify: (() => void) | undefined
  readonly #cancelPings: () => void

  constructor({ sweep }: { sweep: Sweep }) {
    this.#sweep = sweep
    this.#cancelPings = sweep.every(PING_MS, () => this.#everyone((observer) => observer.ping()))
  }

  /** Watches one call, or all. Returns the end of it; ending twice is harmless. */
  follow(callId: CallId | "all", observer: Observer): () => void {
    if (callId === "all") {
      this.#ofAll.add(observer)
      return () => void this.#ofAll.delete(observer)
    }
    const leave = enter(this.#byCall, callId, observer)
    const leaveAudio = observer.audio ? enter(this.#listeners, callId, observer) : undefined
    return () => {
      leave()
      leaveAudio?.()
    }
  }

  /** Called for each recorded event. Without observers it costs one map lookup. */
  publish({ callId }: RecordedEvent): void {
    if (this.#ofAll.size === 0 && !this.#byCall.has(callId)) return
    this.#changed.add(callId)
    this.#cancelNotify ??= this.#sweep.after(GATHER_MS, () => this.#notify())
  }

  hasListeners(callId: CallId): boolean {
    return this.#listeners.size > 0 && this.#listeners.has(callId)
  }

  inbound(callId: CallId, payload: string): void {
    for (const observer of this.#listeners.get(callId) ?? []) observer.audio?.(payload, "inbound")
  }

  outbound(callId: CallId, payload: string): void {
    for (const observer of this.#listeners.get(callId) ?? []) observer.audio?.(payload, "outbound")
  }

  /** Sends pending events, then closes every observer. */
  close(): void {
    this.#notify()
    this.#cancelPings()
    this.#everyone((observer) => observer.stop())
  }

  #notify(): void {
    this.#cancelNotify?.()
    this.#cancelNotify = undefined
    if (this.#changed.size === 0) return
    const changed = this.#changed
    this.#changed = new Set()
    for (const callId of changed) {
      for (const observer of this.#byCall.get(callId) ?? []) observer.changed()
    }
    for (const observer of this.#ofAll) observer.changed()
  }

  #everyone(act: (observer: Observer) => void): void {
    for (const watching of [...this.#byCall.values(), this.#ofAll]) {
      for (const observer of watching) act(observer)
    }
  }
}

function enter(map: Map<CallId, Set<Observer>>, callId: CallId, observer: Observer): () => void {
  const watching = map.get(callId) ?? new Set<Observer>()
  map.set(callId, watching.add(observer))
  return () => {
    watching.delete(observer)
    if (watching.size === 0 && map.get(callId) === watching) map.delete(callId)
  }
}
