/** What came of the response that runs: without audio and without a tool call the caller hears nothing of it. */

import type { RealtimeItem } from "./protocol/objects.ts"

export class ResponseOutput {
  #responseId: string | undefined
  #isPerceptible = false
  #messageIds: string[] = []

  /** Audio has come. Called for every piece. */
  audio(responseId: string): void {
    if (responseId !== this.#responseId) this.#begin(responseId)
    this.#isPerceptible = true
  }

  /** An item is complete. An incomplete call does not run, so nothing comes of it. */
  item(responseId: string, item: RealtimeItem): void {
    if (responseId !== this.#responseId) this.#begin(responseId)
    if (item.type === "function-call" && item.status === "completed") this.#isPerceptible = true
    if (item.type === "message") this.#messageIds.push(item.id)
  }

  /** Whether the caller hears something of a response, or a tool runs for it. */
  isPerceptible(responseId: string): boolean {
    return responseId === this.#responseId && this.#isPerceptible
  }

  /** Messages of a response that the caller did not hear: text, refusals, nothing. */
  unspokenMessages(responseId: string): readonly string[] {
    return responseId === this.#responseId && !this.#isPerceptible ? this.#messageIds : []
  }

  #begin(responseId: string): void {
    this.#responseId = responseId
    this.#isPerceptible = false
    this.#messageIds = []
  }
}
