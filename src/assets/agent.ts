/** An agent as a call uses it: every layer of configuration merged, every key resolved. Immutable. */

import type { CallerState } from "../call/caller.ts"
import type { Engine } from "../call/engine.ts"
import type { IvrMenu, IvrRules } from "../call/ivr-menu.ts"
import type { JsonSchema, ToolSpec } from "../call/tool-spec.ts"
import type { Menu } from "./menu.ts"
import type { RealtimeSettings } from "./realtime-settings.ts"
import type { SpeechProviderSettings } from "./speech-settings.ts"

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

export type AgentModel = {
  /** `auto`: `openai` with a key, the built-in `demo` without one. */
  readonly provider: "auto" | "openai" | "openai-compatible" | "flowise" | "demo"
  /** For Flowise the id of a flow. */
  readonly name?: string | undefined
  readonly baseUrl?: string | undefined
  readonly temperature?: number | undefined
  readonly maxOutputTokens?: number | undefined
  readonly reasoningEffort?: string | undefined
  readonly verbosity?: "low" | "medium" | "high" | undefined
  /** `strict`: a compatible server is sent one system message, then user and assistant in turns. Default: `any`. */
  readonly roles?: "any" | "strict" | undefined
}

export type SilenceRule = {
  readonly enabled: boolean
  readonly secondsThreshold: number
  readonly messages: readonly string[]
}

/** Sentences that the program speaks itself. */
export type Phrases = {
  /** Said one after another while the caller waits for an answer. */
  readonly wait: readonly string[]
  /** After a failure, when nothing of the answer was spoken. */
  readonly apology: string
  /** After a failure in the middle of an answer. */
  readonly lostThread: string
  /** First sentence after a lost connection. */
  readonly resumed: string
  /** Last sentence when a lost connection cannot be restored. */
  readonly goodbye: string
  /** When a call reaches its maximum length. */
  readonly timeUp: string
  /** To a caller while the server is at capacity. */
  readonly busy: string
  /** Before a transfer is dialled; empty: nothing is said. */
  readonly transferring: string
  /** After a failed transfer, before the agent continues or the call ends. */
  readonly transferFailed: string
  /** Asks the called person to accept; `{key}` stands for the key. */
  readonly acceptTransfer: string
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
  readonly model: AgentModel
  /** IANA name of the time zone of the agent; undefined: the zone of this machine. */
  readonly timeZone?: string | undefined
  /** First sentence of a call; empty: the caller speaks first. */
  readonly greeting: string
  readonly relay: {
    /** Without `url`, `welcomeGreeting`, `languages` and `parameters`. */
    readonly attributes: RelayAttributes
    readonly languages: readonly Language[]
    /** Written as `<Parameter>` into the TwiML. */
    readonly parameters: Readonly<Record<string, string>>
  }
  /** Providers that hear and speak, for the engine `pipeline`; undefined: every one that is configured. */
  readonly speech?: SpeechProviderSettings | undefined
  /** Settings of the speech-to-speech model, for the engine `realtime`. */
  readonly realtime: RealtimeSettings
  readonly silence: SilenceRule
  readonly listenMode: boolean
  /** Whether Markdown, emoji and the like are removed from answers before they are spoken; undefined: they are. */
  readonly speechFilter?: boolean | undefined
  /** What interrupts the agent, for engines that decide it themselves. */
  readonly interruption?: InterruptionRule | undefined
  /** What is spoken in place of words, for engines that have a synthesizer of their own. */
  readonly pronunciation?: Readonly<Record<string, string>> | undefined
  readonly phrases: Phrases
  readonly transfer: TransferRule
  readonly callers: CallerRules
  /** What the model may switch to during a conversation, by key; undefined: nothing. */
  readonly changeTo?: ChangeRule | undefined
  /** How it passes phone menus; undefined: by the default rules. */
  readonly ivr?: IvrRules | undefined
  /** What its calls produce as structured data; undefined: nothing. */
  readonly outcome?: OutcomeRule | undefined
  readonly menus?: MenuRule | undefined
}

/** Menus by their keys. */
export type MenuRule = {
  /** The menu that a call passes before it reaches the agent. */
  readonly begin?: string | undefined
  /** Where a call goes when the model of the agent cannot be reached. */
  readonly modelFailed?: string | undefined
}

export type InterruptionRule = {
  /** Words longer than this interrupt, in characters. */
  readonly characters: number
  /** Voice that lasts this long pauses the agent, in milliseconds; null: only words do. */
  readonly voiceMs: number | null
  /** Whether the agent continues when words do not follow the voice. */
  readonly falseInterruption: "resume" | "cut"
}

/** What the agent does for a caller in one state; undefined: what it does without. */
export type CallerRole = {
  readonly contextKey: string | undefined
  readonly manifestKey: string | undefined
  /** May name parameters of the call, and `{name}`. */
  readonly greeting: string | undefined
}

export type CallerRules = {
  /** Whether the agent is shown what is remembered of the caller, and its outcomes are remembered. */
  readonly memory: boolean
  /** Whether role and greeting depend on the state of the caller; undefined: for incoming calls with a customer API or documents for the roles. */
  readonly consent: boolean | undefined
  /** Whether the model forgets what was said when the role changes; the transcript stays. */
  readonly reset: boolean
  readonly roles: Readonly<Record<CallerState, CallerRole>>
  readonly phrases: {
    /** While the customer API logs the caller in. */
    readonly loggingIn: string
    readonly consentGiven: string
    readonly infoSent: string
    /** When the customer API fails. */
    readonly failed: string
  }
}

export type ChangeRule = { readonly contexts: readonly string[]; readonly manifests: readonly string[] }

export type OutcomeRule = {
  /** Letters, digits, `_` and `-`, at most 64. (OpenAI: "Structured outputs".) */
  readonly name: string
  /** Of an object. */
  readonly schema: JsonSchema
  /** Instructions for the model in addition to the schema; may be empty. */
  readonly instructions: string
  /** Fields of the outcome whose texts are remembered of the caller. */
  readonly remember?:
    | {
        readonly note?: string | undefined
        readonly name?: string | undefined
        readonly language?: string | undefined
      }
    | undefined
}

export type TransferRule = {
  /** Number, `sip:…`, `queue:…` or `workflow:…`; undefined: the agent cannot transfer. */
  readonly to?: string | undefined
  /** Longest ringing, in seconds. */
  readonly timeoutSeconds: number
  /** The number that the called person sees; undefined: the caller's. */
  readonly callerId?: string | undefined
  /** The key by which a called person accepts the call; undefined: who answers is connected. */
  readonly acceptKey?: string | undefined
  /** Whether a failed transfer returns the caller to the agent, or ends the call. */
  readonly onFailure: "agent" | "goodbye"
}

/** What a call may choose; missing fields come from the called number, then from the defaults. */
export type AgentChoice = {
  agent?: string | undefined
  /** Our own number on the call, in E.164 form. */
  number?: string | undefined
  contextKey?: string | undefined
  manifestKey?: string | undefined
}

/** A stored phone menu, by its key or by the number that has it. */
export type IvrMenuChoice = { key: string } | { number: string }

export interface Assets {
  /**
   * The agent for a call. Throws `AppError` INVALID_REQUEST for a key that does not exist, naming those that do;
   * a called number that is not configured gets the default agent.
   */
  agentFor(choice: AgentChoice): Agent
  /**
   * The stored phone menu of this key, or of this number; undefined where the number has none. Throws `AppError`
   * INVALID_REQUEST for a key that does not exist.
   */
  ivrMenuFor(choice: IvrMenuChoice): IvrMenu | undefined
  /** The menu with this key. */
  menu(key: string): Menu | undefined
  /** Sorted. */
  menuKeys(): string[]
  /** Its file. */
  menuText(key: string): string | undefined
  /** Key of the menu that a call begins with: of the called number, unless an agent is given, else of the agent. */
  menuFor(choice: Pick<AgentChoice, "agent" | "number">): string | undefined
  /** Keys of all agents, contexts and manifests, sorted. */
  keys(): { agents: string[]; contexts: string[]; manifests: string[] }
  /**
   * Awaited before a call is answered, so that the call uses recent changes of other processes. Resolves within two
   * seconds and never rejects: what cannot be read stays unchanged.
   */
  refresh(): Promise<void>
}
