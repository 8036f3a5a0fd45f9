/** An agent as a call uses it: every layer of configuration merged, every key resolved. Immutable once handed out. */

import type { Engine } from "../call/engine.ts"
import type { JsonSchema, ToolSpec } from "../call/tool-spec.ts"
import type { RealtimeSettings } from "./realtime-settings.ts"

/** Attribute values of `<ConversationRelay>` by their documented names. (Twilio: "TwiML Voice: ConversationRelay".) */
export type RelayAttributes = Readonly<Record<string, string | number | boolean>>

/** One `<Language>` of the relay. */
export type Language = {
  readonly code: string
  readonly ttsProvider?: string | undefined
  readonly voice?: string | undefined
  readonly transcriptionProvider?: string | undefined
  readonly speechModel?: string | undefined
}

export type ModelChoice = {
  /** `auto`: `openai` with a key, the built-in `demo` without one. */
  readonly provider: "auto" | "openai" | "openai-compatible" | "flowise" | "demo"
  /** At Flowise the id of a flow. */
  readonly name?: string | undefined
  readonly baseUrl?: string | undefined
  readonly temperature?: number | undefined
  readonly maxOutputTokens?: number | undefined
  readonly reasoningEffort?: string | undefined
  readonly verbosity?: "low" | "medium" | "high" | undefined
}

export type SilenceRule = {
  readonly enabled: boolean
  readonly secondsThreshold: number
  readonly messages: readonly string[]
}

/** Sentences that the program itself says. */
export type Phrases = {
  /** Said one after another while the caller waits for an answer. */
  readonly wait: readonly string[]
  /** After a failure, when nothing of the answer was spoken. */
  readonly apology: string
  /** After a failure in the middle of an answer. */
  readonly lostThread: string
  /** First words after a lost connection. */
  readonly resumed: string
  /** Last words when a lost connection cannot be had back. */
  readonly goodbye: string
  /** When the longest allowed length of a call is reached. */
  readonly timeUp: string
  /** To a caller who finds every line taken. */
  readonly busy: string
  /** Before a person is called; empty: nothing is said. */
  readonly transferring: string
  /** When no person took the call, and the agent is back. */
  readonly transferFailed: string
}

export type Agent = {
  readonly key: string
  readonly engine: Engine
  /** `version` is a short hash of the text: the same text, the same version. */
  readonly context: { readonly key: string; readonly version: string; readonly text: string }
  readonly manifest: {
    readonly key: string
    readonly version: string
    readonly tools: readonly ToolSpec[]
  }
  readonly model: ModelChoice
  /** First words of a call; empty: the caller speaks first. */
  readonly greeting: string
  readonly relay: {
    /** Without `url`, `welcomeGreeting`, `languages` and `parameters`. */
    readonly attributes: RelayAttributes
    readonly languages: readonly Language[]
    /** Written as `<Parameter>` into the TwiML. */
    readonly parameters: Readonly<Record<string, string>>
  }
  /** How the speech-to-speech model hears and speaks; for the engine of that name. */
  readonly realtime: RealtimeSettings
  readonly silence: SilenceRule
  readonly listenMode: boolean
  readonly phrases: Phrases
  readonly transfer: TransferRule
  /** What is to be learned in its calls; undefined: nothing. */
  readonly outcome?: OutcomeRule | undefined
}

export type OutcomeRule = {
  /** Letters, digits, `_` and `-`, at most 64. (OpenAI: "Structured outputs".) */
  readonly name: string
  /** Of an object. */
  readonly schema: JsonSchema
  /** What the model is told beside the schema; empty: nothing. */
  readonly instructions: string
}

export type TransferRule = {
  /** Number, `sip:…`, `queue:…` or `workflow:…`; undefined: there is nobody to hand a caller to. */
  readonly to?: string | undefined
  /** Longest ringing, in seconds. */
  readonly timeoutSeconds: number
  /** The number the person sees; undefined: the caller's. */
  readonly callerId?: string | undefined
  /** Whether the caller goes on with the agent, or hears a goodbye, when nobody answers. */
  readonly onFailure: "agent" | "goodbye"
}

/** What a call may choose; what is left out comes from the called number, then from the defaults. */
export type AgentChoice = {
  agent?: string | undefined
  /** The number of ours that is on the call, in E.164 shape. */
  number?: string | undefined
  contextKey?: string | undefined
  manifestKey?: string | undefined
}

export interface Assets {
  /**
   * The agent for a call. Throws `AppError` INVALID_REQUEST for a key that does not exist, naming those that do;
   * a called number that is not configured gets the default agent.
   */
  agentFor(choice: AgentChoice): Agent
  /** Keys of all agents, contexts and manifests, sorted. */
  keys(): { agents: string[]; contexts: string[]; manifests: string[] }
  /**
   * Awaited before a call is answered, so that it finds what was changed elsewhere a moment ago. Resolves within two
   * seconds and never rejects: what cannot be read stays as it was.
   */
  refresh(): Promise<void>
}
