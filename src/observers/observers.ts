/** Who watches which call: wakes observers when something happened, and hands them the sound. Knows no socket. */

import type { AudioTap } from "../call/audio-tap.ts"
import type { RecordedEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { Track } from "../call/observer-message.ts"
import type { Sweep } from "../lib/sweep.ts"

/** Events of this time are told together, in milliseconds: each telling reads from the store. */
const GATHER_MS = 25
/** Observers are pinged at this pace, and look for events that nobody told them of. */
const PING_MS = 15_000
export interface Observer {
  /** Something was recorded. Begins to read from the store what is new to it. Must not throw. */
  changed(): void
  /** A frame of sound, in Base64. Must neither throw nor wait. */
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
  /** Whose observers are to be told. */
  #changed = new Set<CallId>()
  #cancelTelling: (() => void) | undefined
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
    const leaveSound = observer.audio ? enter(this.#listeners, callId, observer) : undefined
    return () => {
      leave()
      leaveSound?.()
    }
  }

  /** Takes notice of an event that is being recorded. Costs one look into a map where nobody watches. */
  publish({ callId }: RecordedEvent): void {
    if (this.#ofAll.size === 0 && !this.#byCall.has(callId)) return
    this.#changed.add(callId)
    this.#cancelTelling ??= this.#sweep.after(GATHER_MS, () => this.#tell())
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

  /** Tells what waits, then lets every observer go. */
  close(): void {
    this.#tell()
    this.#cancelPings()
    this.#everyone((observer) => observer.stop())
  }

  #tell(): void {
    this.#cancelTelling?.()
    this.#cancelTelling = undefined
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
