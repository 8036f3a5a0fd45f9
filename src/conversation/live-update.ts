/** What tools and others may change about the agent of a running call, alike for every kind of voice. */

import type { CallEvent } from "../call/events.ts"
import type { AgentChange, AgentState, InsertedMessage } from "../call/live-calls.ts"
import type { LiveUpdateAction } from "../tools/define-tool.ts"
import type { CallAgent } from "./call-agent.ts"
import type { SilenceDetection } from "./silence-detection.ts"

export type LiveUpdateOptions = {
  role: CallAgent
  voice: { muted: boolean }
  silence: SilenceDetection
  /** False once the call is being ended: nobody is reminded any more. */
  goesOn: () => boolean
  /** The agent has another context or manifest. */
  onRole: () => void
  forget: () => void
  insert: (message: InsertedMessage) => void
  publish: (event: CallEvent) => void
}

export class LiveUpdate {
  readonly #options: LiveUpdateOptions
  #silenceDetection: boolean

  constructor(options: LiveUpdateOptions) {
    this.#options = options
    this.#silenceDetection = options.role.agent.silence.enabled
  }

  /** Somebody outside the conversation changes it. */
  change({ contextKey, manifestKey, listenMode, silenceDetection, reset }: AgentChange): AgentState {
    const { role, voice, onRole, forget } = this.#options
    if (role.exchange({ contextKey, manifestKey })) onRole()
    if (reset) forget()
    if (listenMode !== undefined) voice.muted = listenMode
    if (silenceDetection !== undefined) this.#silenceDetection = silenceDetection
    if (listenMode !== undefined || silenceDetection !== undefined) this.watchSilence()
    const { context, manifest } = role.agent
    return {
      contextKey: context.key,
      manifestKey: manifest.key,
      listenMode: voice.muted,
      silenceDetection: this.#silenceDetection,
    }
  }

  /** A tool changes it. */
  steer(action: LiveUpdateAction): void {
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

  /** Reminders make no sense to somebody who hears nothing. */
  watchSilence(): void {
    const { silence, voice, goesOn } = this.#options
    if (this.#silenceDetection && !voice.muted && goesOn()) silence.start()
    else silence.stop()
  }

  #changed(change: AgentChange): void {
    this.#options.publish({ type: "agent.changed", ...this.change(change) })
  }
}
