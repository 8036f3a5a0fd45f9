/** Plays the audio of responses to the caller, and reports to the model how much of each item was heard. */

import type { AgentAudio } from "../media/agent-audio.ts"
import type { ModelConnection } from "./connection/reconnecting.ts"
import { encodeTruncate } from "./protocol/client-events.ts"
import type { AudioDelta } from "./protocol/delta-fast-path.ts"

/** The part of a connection that audio items need. */
type ItemConnection = Pick<ModelConnection, "epoch" | "mutedIds" | "send"> & {
  readonly items: Pick<ModelConnection["items"], "textOf">
}

export class ResponseAudio {
  readonly #agentAudio: Pick<AgentAudio, "muted" | "speak" | "cut">

  constructor(agentAudio: Pick<AgentAudio, "muted" | "speak" | "cut">) {
    this.#agentAudio = agentAudio
  }

  /** Plays a piece. False: the response was interrupted or the agent is muted, and nothing is played. */
  play(event: AudioDelta, connection: ItemConnection): boolean {
    const { itemId, responseId } = event
    const { mutedIds } = connection
    if (mutedIds.has(responseId) || this.#agentAudio.muted) {
      // Sent once for each item, and only when there is audio to be truncated.
      if (mutedIds.has(itemId)) return false
      mutedIds.add(itemId)
      connection.send(encodeTruncate({ itemId, audioEndMs: 0 }))
      return false
    }
    this.#agentAudio.speak(event, connection.epoch, connection.items.textOf)
    return true
  }

  /** Stops what is being played at once. Nothing more is played of `responseId`, the response that runs now. */
  cut(connection: ItemConnection | undefined, responseId: string | undefined): void {
    if (responseId !== undefined) connection?.mutedIds.add(responseId)
    for (const { itemId, epoch, heardMs, whole } of this.#agentAudio.cut()) {
      if (whole || connection?.epoch !== epoch) continue
      connection.mutedIds.add(itemId)
      connection.send(encodeTruncate({ itemId, audioEndMs: heardMs }))
    }
  }
}
