/** The floor of every latency: the same answers read from the model by a bare `fetch`, with no server between. */

import type { Samples } from "./caller.ts"
import { promptOf } from "./model-process.ts"
import { sinceStamp, wallMs } from "./wall-clock.ts"

export class DirectReader {
  samples: Samples
  readonly #modelUrl: string
  #turns = 0

  constructor(modelUrl: string, samples: Samples) {
    this.#modelUrl = modelUrl
    this.samples = samples
  }

  /** Asks the model once and reads its answer to the end. */
  async ask(): Promise<void> {
    const body = JSON.stringify({ input: promptOf(`direct.${++this.#turns}`, wallMs()) })
    const response = await fetch(`${this.#modelUrl}/v1/responses`, { method: "POST", body })
    const decoder = new TextDecoder()
    let isFirst = true
    for await (const chunk of response.body ?? []) {
      const at = wallMs()
      for (const [, stamp = ""] of decoder.decode(chunk, { stream: true }).matchAll(/"delta":" (\w{6})"/g)) {
        const latencyMs = sinceStamp(stamp, at)
        if (latencyMs === undefined) continue
        this.samples.words.push(latencyMs)
        if (isFirst) this.samples.firstWord.push(latencyMs)
        isFirst = false
      }
    }
    this.samples.answers += 1
  }
}
