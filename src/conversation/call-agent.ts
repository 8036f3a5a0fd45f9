/** What the agent of a call is told to be: its context, its tools and the facts of the call. May change in mid-call. */

import type { Agent, Assets } from "../assets/agent.ts"
import type { Call, Parameters } from "../call/call.ts"
import { fillPlaceholders } from "../call/placeholders.ts"
import type { Log } from "../lib/log.ts"
import { promptFor, type Brief } from "./prompt.ts"
import { chooseAgent } from "./choose-agent.ts"

export type CallAgentOptions = {
  assets: Assets
  call: Call
  /** What else the engine knows about the call; empty ones are left out. */
  facts: Record<string, string | null>
  /** Those of the call and of the socket, without the program's own. */
  parameters: Parameters
  log: Log
}

export class CallAgent {
  readonly #options: CallAgentOptions
  #agent: Agent
  /** Instructions given with the call; an exchanged context takes their place. */
  #prompt: string | null

  constructor(options: CallAgentOptions) {
    this.#options = options
    this.#agent = chooseAgent(options)
    this.#prompt = options.call.prompt
  }

  get agent(): Agent {
    return this.#agent
  }

  /** What the agent says first, with `{placeholders}` filled from the parameters; empty: nothing. */
  get firstWords(): string {
    const { call, parameters } = this.#options
    return fillPlaceholders(call.firstMessage ?? this.#agent.greeting, parameters)
  }

  /** Exchanges what is named. Returns whether anything was. Throws INVALID_REQUEST for an unknown key; then nothing changes. */
  exchange({
    contextKey,
    manifestKey,
  }: {
    contextKey?: string | undefined
    manifestKey?: string | undefined
  }): boolean {
    const { assets } = this.#options
    // Both are looked up before anything is exchanged. A key means the same whatever the agent.
    const context = contextKey === undefined ? undefined : assets.agentFor({ contextKey }).context
    const manifest = manifestKey === undefined ? undefined : assets.agentFor({ manifestKey }).manifest
    if (!context && !manifest) return false
    if (context) this.#prompt = null
    const { context: role, manifest: tools } = this.#agent
    this.#agent = { ...this.#agent, context: context ?? role, manifest: manifest ?? tools }
    return true
  }

  /** For the next request to the model. */
  brief(): Brief {
    const { call, parameters, facts } = this.#options
    return promptFor({
      agent: this.#agent,
      call: { ...call, prompt: this.#prompt },
      parameters,
      facts,
    })
  }
}
