/** The session object that the model gets: models, prompt, tools and spoken language of the call as they are now. */

import type { Agent } from "../assets/agent.ts"
import type { Prompt } from "../conversation/prompt.ts"
import { sessionFor, turnEndMs } from "./protocol/session-update.ts"
import type { TurnManagerOptions } from "./turn-manager-options.ts"

export type ModelSessionOptions = {
  agent: {
    readonly agent: Pick<Agent, "realtime"> & { readonly phrases: Pick<Agent["phrases"], "wait"> }
    prompt(): Pick<Prompt, "instructions" | "tools">
  }
  /** Used where the agent names no model. */
  model: string
  transcribeModel: string
}

type TurnSettings = Pick<
  TurnManagerOptions,
  | "model"
  | "transcriber"
  | "session"
  | "serverInterrupts"
  | "serverAnswers"
  | "turnEndMs"
  | "transcribes"
  | "playsHoldPrompts"
>

export class ModelSession {
  readonly #options: ModelSessionOptions
  #language: string | undefined

  constructor(options: ModelSessionOptions) {
    this.#options = options
  }

  /** Fixed for the whole call: a session cannot change its model. */
  get model(): string {
    const { agent, model } = this.#options
    return agent.agent.realtime.model ?? model
  }

  /** What the turn manager must know of the session. */
  turnSettings(): TurnSettings {
    const { agent, transcribeModel } = this.#options
    const { realtime, phrases } = agent.agent
    const { turnDetection, transcription } = realtime
    return {
      model: this.model,
      transcriber: transcription?.model ?? transcribeModel,
      session: () => this.#object(),
      serverInterrupts: turnDetection.interruptResponse,
      serverAnswers: turnDetection.createResponse,
      turnEndMs: turnEndMs(realtime),
      transcribes: transcription !== null,
      playsHoldPrompts: phrases.wait.length > 0,
    }
  }

  /** The model speaks the language of this tag from the next session object on. */
  speak(language: string): void {
    this.#language = language
  }

  #object(): object {
    const { agent, transcribeModel } = this.#options
    const { instructions, tools } = agent.prompt()
    const language =
      this.#language === undefined ? "" : `\n\nFrom now on, speak the language ${this.#language}.`
    return sessionFor({
      model: this.model,
      transcribeModel,
      settings: agent.agent.realtime,
      instructions: instructions + language,
      tools,
    })
  }
}
