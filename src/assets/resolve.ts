/** Builds agents from a configuration, contexts and manifests: merges the layers and resolves every key. Pure. */

import type { Engine } from "../call/engine.ts"
import type {
  Agent,
  ChangeRule,
  Language,
  AgentModel,
  OutcomeRule,
  Phrases,
  SilenceRule,
  TransferRule,
} from "./agent.ts"
import { callerRulesOf, missingIn } from "./caller-rules.ts"
import { multiFault, overlay } from "./relay-attributes.ts"
import { RealtimeSettings } from "./realtime-settings.ts"
import { MENU_PREFIX, type AgentSettings, type ServerConfig } from "./server-config.ts"

export const DEFAULT_AGENT = "default"
const DEFAULT_CONTEXT = "defaultContext"
const DEFAULT_MANIFEST = "defaultToolManifest"

export type AgentSources = {
  config: ServerConfig
  contexts: ReadonlyMap<string, Agent["context"]>
  manifests: ReadonlyMap<string, Agent["manifest"]>
  menuKeys: ReadonlySet<string>
  /** Engines that this program has. */
  engines: readonly Engine[]
  /** Whether the default replaces a missing context or manifest. */
  lenient: boolean
}

export type Resolved = {
  agents: Map<string, Agent>
  faults: { path: string[]; message: string; replaced: boolean }[]
}

/** The agents by key, always including `default`. Missing settings of an agent come from `default`. */
export function resolveAgents(sources: AgentSources): Resolved {
  const { config, contexts, manifests, menuKeys, engines, lenient } = sources
  const faults: Resolved["faults"] = []
  const fault = (path: string[], message: string, replaced = false) =>
    faults.push({ path, message, replaced })
  const agents = new Map<string, Agent>()
  const shared = config.agents?.[DEFAULT_AGENT] ?? {}
  const keys = new Set([DEFAULT_AGENT, ...Object.keys(config.agents ?? {})])

  for (const key of keys) {
    const own = config.agents?.[key] ?? {}
    const at = (field: keyof AgentSettings, section: string) => {
      if (own[field] !== undefined) return ["agents", key, field]
      return shared[field] === undefined ? ["AssetLoader", section] : ["agents", DEFAULT_AGENT, field]
    }
    const contextKey = own.context ?? shared.context ?? config.loader?.context ?? DEFAULT_CONTEXT
    const manifestKey = own.manifest ?? shared.manifest ?? config.loader?.manifest ?? DEFAULT_MANIFEST
    const context = contexts.get(contextKey) ?? (lenient ? contexts.get(DEFAULT_CONTEXT) : undefined)
    const manifest = manifests.get(manifestKey) ?? (lenient ? manifests.get(DEFAULT_MANIFEST) : undefined)
    const engine = own.engine ?? shared.engine ?? "relay"
    const relay = relayOf(config, shared, own)
    const multi = multiFault(relay.attributes, relay.languages)

    if (!contexts.has(contextKey))
      fault(at("context", "context"), missing("context", contextKey, contexts), lenient)
    if (!manifests.has(manifestKey))
      fault(at("manifest", "manifest"), missing("manifest", manifestKey, manifests), lenient)
    if (!engines.includes(engine)) fault(at("engine", ""), `must be one of ${engines.join(", ")}`)
    const changeTo = changeRuleOf(own.changeTo ?? shared.changeTo)
    const transfer = transferOf(shared, own)
    for (const [field, known, kind] of [
      ["contexts", contexts, "context"],
      ["manifests", manifests, "manifest"],
    ] as const) {
      for (const wanted of changeTo?.[field] ?? []) {
        if (known.has(wanted)) continue
        fault([...at("changeTo", ""), field], missing(kind, wanted, known), lenient)
      }
    }
    const menus = { ...shared.menus, ...own.menus }
    for (const [field, menu] of Object.entries(menus)) {
      if (menu !== undefined && !menuKeys.has(menu))
        fault([...at("menus", ""), field], missing("menu", menu, menuKeys), lenient)
    }
    for (const { role, kind, key: wanted } of missingIn(own.callers, { contexts, manifests })) {
      const known = kind === "context" ? contexts : manifests
      fault(["agents", key, "callers", role, kind], missing(kind, wanted, known), lenient)
    }
    if (multi) fault(own.configuration || own.languages ? ["agents", key] : ["ConversationRelay"], multi)
    if (!context || !manifest) continue
    agents.set(key, {
      key,
      engine,
      context,
      manifest,
      timeZone: own.timeZone ?? shared.timeZone,
      model: modelOf(shared, own),
      greeting: greetingOf(own) ?? greetingOf(shared) ?? config.configuration?.greeting ?? "",
      relay,
      speech: own.speech ?? shared.speech,
      realtime: own.realtime ?? shared.realtime ?? RealtimeSettings.parse({}),
      silence: silenceOf(config, shared, own),
      listenMode: own.listenMode ?? shared.listenMode ?? config.listenMode ?? false,
      speechFilter: own.speechFilter ?? shared.speechFilter,
      interruption: own.interruption ?? shared.interruption,
      pronunciation: own.pronunciation ?? shared.pronunciation,
      phrases: phrasesOf({ shared, own, onFailure: transfer.onFailure }),
      transfer,
      callers: callerRulesOf({ shared: shared.callers, own: own.callers, contexts }),
      changeTo,
      ivr: own.ivr ?? shared.ivr,
      outcome: outcomeOf(own.outcome ?? shared.outcome),
      menus,
    })
  }

  for (const [number, key] of Object.entries(config.numbers ?? {})) {
    const menu = key.startsWith(MENU_PREFIX) ? key.slice(MENU_PREFIX.length) : undefined
    if (menu !== undefined) {
      if (!menuKeys.has(menu)) fault(["numbers", number], missing("menu", menu, menuKeys), lenient)
    } else if (!keys.has(key))
      fault(["numbers", number], `there is no agent ${key}; there are ${[...keys].toSorted().join(", ")}`)
  }
  return { agents, faults: once(faults) }
}

function changeRuleOf(given: AgentSettings["changeTo"]): ChangeRule | undefined {
  return given && { contexts: given.contexts ?? [], manifests: given.manifests ?? [] }
}

function greetingOf({ greeting, configuration }: AgentSettings): string | undefined {
  return greeting ?? configuration?.greeting
}

function relayOf(config: ServerConfig, shared: AgentSettings, own: AgentSettings): Agent["relay"] {
  const layers = [config.configuration, shared.configuration, own === shared ? undefined : own.configuration]
  const attributes = layers.reduce((below, layer) => overlay(below, layer?.attributes ?? {}), {})
  const languages: readonly Language[] =
    own.languages ??
    own.configuration?.languages ??
    shared.languages ??
    shared.configuration?.languages ??
    config.languages ??
    []
  const parameters = layers.reduce<Record<string, string>>(
    (below, layer) => ({ ...below, ...layer?.parameters }),
    {},
  )
  return { attributes, languages, parameters }
}

function modelOf(shared: AgentSettings, own: AgentSettings): AgentModel {
  const given: Omit<AgentModel, "provider"> = { ...shared.model, ...own.model }
  return { ...given, provider: providerOf(own) ?? providerOf(shared) ?? "auto" }
}

function providerOf({ model }: AgentSettings): AgentModel["provider"] | undefined {
  return model && "provider" in model ? model.provider : undefined
}

const SILENCE: SilenceRule = {
  enabled: true,
  secondsThreshold: 20,
  messages: ["Still there?", "Just checking you are still there?", "Hello? Are you still on the line?"],
}

function silenceOf(config: ServerConfig, shared: AgentSettings, own: AgentSettings): SilenceRule {
  const layers = [config.silence, shared.silenceDetection, own.silenceDetection]
  return {
    enabled: last(layers.map((layer) => layer?.enabled)) ?? SILENCE.enabled,
    secondsThreshold: last(layers.map((layer) => layer?.secondsThreshold)) ?? SILENCE.secondsThreshold,
    messages: last(layers.map((layer) => layer?.messages)) ?? SILENCE.messages,
  }
}

const PHRASES: Phrases = {
  wait: [
    "One moment, please.",
    "I am still working on it.",
    "It takes a little longer. Thank you for waiting.",
  ],
  apology: "I am sorry, something went wrong. Could you say that again?",
  lostThread: "Sorry, I lost my thread. Could you say that again?",
  resumed: "Sorry, we were cut off. Please go on.",
  goodbye: "I am sorry, I cannot continue this call. Goodbye.",
  timeUp: "I am sorry, we have run out of time for this call. Goodbye.",
  busy: "All our lines are busy at the moment. Please call again later.",
  transferring: "",
  transferFailed: "I am sorry, nobody could take your call just now. How else can I help you?",
  acceptTransfer: "Press {key} to take the call.",
}

/** Said in place of `transferFailed` where the call ends after it. */
const TRANSFER_FAILED_GOODBYE = "I am sorry, nobody could take your call just now. Goodbye."

type GivenPhrases = { shared: AgentSettings; own: AgentSettings } & Pick<TransferRule, "onFailure">

function phrasesOf({ shared, own, onFailure }: GivenPhrases): Phrases {
  const transferFailed = onFailure === "goodbye" ? TRANSFER_FAILED_GOODBYE : PHRASES.transferFailed
  const given = { ...shared.phrases, ...own.phrases }
  return {
    wait: given.wait ?? PHRASES.wait,
    apology: given.apology ?? PHRASES.apology,
    lostThread: given.lostThread ?? PHRASES.lostThread,
    resumed: given.resumed ?? PHRASES.resumed,
    goodbye: given.goodbye ?? PHRASES.goodbye,
    timeUp: given.timeUp ?? PHRASES.timeUp,
    busy: given.busy ?? PHRASES.busy,
    transferring: given.transferring ?? PHRASES.transferring,
    transferFailed: given.transferFailed ?? transferFailed,
    acceptTransfer: given.acceptTransfer ?? PHRASES.acceptTransfer,
  }
}

function transferOf(shared: AgentSettings, own: AgentSettings): TransferRule {
  const given = { ...shared.transfer, ...own.transfer }
  const { to, timeoutSeconds = 30, callerId, acceptKey, onFailure = "agent" } = given
  return { to, timeoutSeconds, callerId, acceptKey, onFailure }
}

function outcomeOf(given: AgentSettings["outcome"]): OutcomeRule | undefined {
  return (
    given && {
      name: given.name ?? "outcome",
      schema: given.schema,
      instructions: given.instructions ?? "",
      remember: given.remember,
    }
  )
}

function missing(what: string, key: string, known: Pick<ReadonlySet<string>, "keys">): string {
  return `there is no ${what} ${key}; there are ${[...known.keys()].toSorted().join(", ") || "none"}`
}

function last<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.findLast((value) => value !== undefined)
}

/** A fault of a shared section occurs in every agent; it is reported once. */
function once(faults: Resolved["faults"]): Resolved["faults"] {
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()]
}
