/** The assets in force: the layers and the snapshot built from them. They change as a whole or not at all. */

import type { Engine } from "../call/engine.ts"
import type { Log } from "../lib/log.ts"
import { loadSnapshot, type Layers, type Snapshot } from "./load.ts"

export type AssetStateOptions = {
  layers: Layers
  knownTools: readonly string[]
  engines: readonly Engine[]
  log: Log
}

/** The constructor and every change throw `AssetError` for layers that cannot be used together. */
export class AssetState {
  readonly knownTools: readonly string[]
  readonly #engines: readonly Engine[]
  readonly #log: Log
  #layers: Layers
  #snapshot: Snapshot

  constructor({ layers, knownTools, engines, log }: AssetStateOptions) {
    this.knownTools = knownTools
    this.#engines = engines
    this.#log = log
    this.#layers = layers
    this.#snapshot = this.#load(layers)
    this.#warn([])
  }

  get layers(): Layers {
    return this.#layers
  }

  get snapshot(): Snapshot {
    return this.#snapshot
  }

  /** The snapshot after a change, without applying it. */
  preview(change: Partial<Layers>): Snapshot {
    return this.#load({ ...this.#layers, ...change })
  }

  /** Replaces layers; those missing in `change` stay. */
  use(change: Partial<Layers>): void {
    const before = this.#snapshot.warnings
    this.#snapshot = this.preview(change)
    this.#layers = { ...this.#layers, ...change }
    this.#warn(before)
  }

  #load(layers: Layers): Snapshot {
    return loadSnapshot({ ...layers, knownTools: this.knownTools, engines: this.#engines })
  }

  #warn(before: readonly string[]): void {
    for (const warning of this.#snapshot.warnings) {
      if (!before.includes(warning)) this.#log.warn("part of an asset is ignored or replaced", { warning })
    }
  }
}
