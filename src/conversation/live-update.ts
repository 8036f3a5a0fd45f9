/** What tools and programs may change about the agent of a running call. The same for every engine. */

import type { Agent } from "../assets/agent.ts"
import type { CallEvent } from "../call/events.ts"
import type { AgentChange, AgentState, InsertedMessage, KnownCaller } from "../call/live-calls.ts"
import type { LiveUpdateAction } from "../tools/define-tool.ts"
import type { SilenceDetection } from "./silence-detection.ts"

export type AssetKeys = { contextKey?: string | undefined; manifestKey?: string | undefined }
export type RoleChange = AssetKeys & { caller?: KnownCaller | undefined }

export type LiveUpdateOptions = {
  /** `replace` changes context, manifest and what is known of the caller, or throws and changes nothing. */
  agent: { readonly agent: Agent; replace(change: RoleChange): boolean }
  output: { muted: boolean }
  silence: SilenceDetection
  /** Whether silence detection is on at the start. */
  silenceDetection: boolean
  forget: () => void
  insert: (message: InsertedMessage) => void
  publish: (event: CallEvent) => void
}

export class LiveUpdate {
  readonly #options: LiveUpdateOptions
  #silenceDetection: boolean

  constructor(options: LiveUpdateOptions) {
    this.#options = options
    this.#silenceDetection = options.silenceDetection
  }

  /** A program changes the agent. Throws `AppError` INVALID_REQUEST for an unknown key; then nothing changes. */
  change({ contextKey, manifestKey, caller, listenMode, silenceDetection, reset }: AgentChange): AgentState {
    const { agent, output, forget } = this.#options
    agent.replace({ contextKey, manifestKey, caller })
    if (reset) forget()
    if (listenMode !== undefined) output.muted = listenMode
    if (silenceDetection !== undefined) this.#silenceDetection = silenceDetection
    if (listenMode !== undefined || silenceDetection !== undefined) this.applySilenceDetection()
    const { context, manifest } = agent.agent
    return {
      contextKey: context.key,
      manifestKey: manifest.key,
      listenMode: output.muted,
      silenceDetection: this.#silenceDetection,
    }
  }

  /** A tool changes the agent. */
  update(action: LiveUpdateAction): void {
    switch (action.type) {
      case "set-listen-mode":
        return this.#changed({ listenMode: action.enabled })
      case "set-silence-detection":
        return this.#changed({ silenceDetection: action.enabled })
      case "change-context": {
        const { contextKey, manifestKey, summary } = action
        this.#changed({ contextKey, manifestKey })
        if (!summary) return
        const text = `You have taken over this conversation. What was said before, in short: ${summary}`
        return this.#options.insert({ role: "system", text, respond: false })
      }
      default:
        action satisfies never
    }
  }

  /** Starts or stops silence detection. A caller who hears nothing is not reminded. */
  applySilenceDetection(): void {
    const { silence, output } = this.#options
    if (this.#silenceDetection && !output.muted) silence.start()
    else silence.stop()
  }

  #changed(change: AgentChange): void {
    this.#options.publish({ type: "agent.changed", ...this.change(change) })
  }
}
