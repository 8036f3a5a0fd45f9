/** The schema of `serverConfig.json`: settings of the relay, the active assets, the agents. */

import { z } from "zod"
import { TimeZone } from "../call/local-time.ts"
import { TransferTarget } from "../call/transfer-target.ts"
import { isWithheld } from "../lib/withheld.ts"
import { AVAILABLE_ENGINES, ENGINES } from "../call/engine.ts"
import { IvrMenu, IvrRules } from "../call/ivr-menu.ts"
import { closest } from "../lib/closest.ts"
import { isE164 } from "../lib/e164.ts"
import { messageOf } from "../lib/errors.ts"
import { e164, httpUrl } from "../config/text-fields.ts"
import { CallerSettings } from "./caller-rules.ts"
import { DocumentReference } from "./document-reference.ts"
import { RealtimeSettings } from "./realtime-settings.ts"
import { SpeechProviderSettings } from "./speech-settings.ts"
import { RelayConfiguration, RelayLanguage } from "./relay-attributes.ts"

/** Names that every JavaScript object has: `__proto__`, `constructor`, … */
const RESERVED: ReadonlySet<string> = new Set(["prototype", ...Object.getOwnPropertyNames(Object.prototype)])
const notReserved = z.string().refine((key) => !RESERVED.has(key), "is a reserved name")

/** The name of a context or a manifest: external input that becomes part of paths. */
export const AssetKey = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, "must be 1 to 128 letters, digits, _ or -")
  .pipe(notReserved)

const agentKey = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -")
  .pipe(notReserved)

/** A section by names. A record of zod passes over `__proto__` in silence. */
function byName<T extends z.ZodType>(section: T) {
  return z.preprocess((value, context) => {
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__"))
      context.addIssue({ code: "custom", message: "is a reserved name", path: ["__proto__"] })
    return value
  }, section)
}

const sentence = z.string().min(1).max(1000)
const listenMode = z.union([
  z.boolean(),
  z.strictObject({ enabled: z.boolean() }).transform(({ enabled }) => enabled),
])

const silence = z.strictObject({
  enabled: z.boolean().optional(),
  /** Seconds of silence before each message and before the end. */
  secondsThreshold: z.number().positive().max(3600).optional(),
  messages: z.array(sentence).max(20).optional(),
})

const model = z.union([
  z
    .string()
    .min(1)
    .transform((name) => ({ name })),
  z.strictObject({
    provider: z.enum(["auto", "openai", "openai-compatible", "flowise", "demo"]).optional(),
    name: z.string().min(1).optional(),
    baseUrl: httpUrl.optional(),
    temperature: z.number().min(0).max(2).optional(),
    maxOutputTokens: z.int().positive().optional(),
    reasoningEffort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]).optional(),
    verbosity: z.enum(["low", "medium", "high"]).optional(),
    roles: z.enum(["any", "strict"]).optional(),
  }),
])

const phrases = z
  .strictObject({
    wait: z.array(sentence).max(20),
    apology: sentence,
    lostThread: sentence,
    resumed: sentence,
    goodbye: sentence,
    timeUp: sentence,
    busy: sentence,
    transferring: z.string().max(1000),
    transferFailed: sentence,
    acceptTransfer: sentence,
  })
  .partial()

const transfer = z
  .strictObject({
    // Checked here, kept as text: a call parses it when it transfers.
    to: z.string().refine((text) => TransferTarget.safeParse(text).success, {
      error: "must be a number such as +15550100001, sip:name@host, queue:name, or workflow:WW…",
    }),
    timeoutSeconds: z.int().min(5).max(600),
    callerId: z.string().min(1).max(64).refine(isCallerId, {
      error: "must be a number in E.164 form, such as +15550100001, or the name of a client or SIP user",
    }),
    acceptKey: z.string().regex(/^[0-9*#]$/, "must be one key: 0 to 9, * or #"),
    onFailure: z.enum(["agent", "goodbye"]),
  })
  .partial()

/** Twilio refuses a call whose caller id only looks like a number. */
function isCallerId(text: string): boolean {
  return !isWithheld(text) && (isE164(text) || !/^[+\d\s().-]+$/.test(text))
}

const changeTo = z.strictObject({
  contexts: z.array(AssetKey).max(100).optional(),
  manifests: z.array(AssetKey).max(100).optional(),
})

const outcome = z.strictObject({
  schema: z.record(z.string(), z.unknown()).superRefine((schema, context) => {
    if (schema["type"] !== "object") {
      context.addIssue({ code: "custom", message: 'must be a JSON Schema of "type": "object"' })
      return
    }
    try {
      z.fromJSONSchema(schema)
    } catch (error) {
      context.addIssue({ code: "custom", message: `must be a JSON Schema: ${messageOf(error)}` })
    }
  }),
  instructions: z.string().max(20_000).optional(),
  name: agentKey.optional(),
  /** Fields of the outcome that are remembered of the caller. */
  remember: z.strictObject({ note: z.string(), name: z.string(), language: z.string() }).partial().optional(),
})

/** A phone menu of another party. Calls to its numbers pass it. */
const StoredIvrMenu = z.strictObject({ numbers: z.array(e164).max(1000).default([]), menu: IvrMenu })

const menus = z.strictObject({ begin: agentKey.optional(), modelFailed: agentKey.optional() })

/** Before the key of a menu, where a number may name an agent or a menu. */
export const MENU_PREFIX = "menu:"
/** What a number may name. */
export const AnsweredBy = z
  .string()
  .regex(/^(?:menu:)?[A-Za-z0-9_-]{1,64}$/, "must be the key of an agent, or menu: and the key of a menu")

const interruption = z.strictObject({
  characters: z.int().min(0).max(200).default(5),
  voiceMs: z.int().min(80).max(5_000).nullable().default(null),
  falseInterruption: z.enum(["resume", "cut"]).default("resume"),
})

const pronunciation = z
  .record(z.string().trim().min(1).max(100), z.string().trim().min(1).max(200))
  .refine((table) => Object.keys(table).length <= 500, "must have 500 entries at most")

const AgentSettings = z.strictObject({
  engine: z.enum(ENGINES, `must be one of ${AVAILABLE_ENGINES.join(", ")}`).optional(),
  context: z.union([AssetKey, DocumentReference]).optional(),
  manifest: AssetKey.optional(),
  greeting: z.string().max(1000).optional(),
  timeZone: TimeZone.optional(),
  model: model.optional(),
  configuration: RelayConfiguration.optional(),
  languages: z.array(RelayLanguage).optional(),
  realtime: RealtimeSettings.optional(),
  speech: SpeechProviderSettings.optional(),
  silenceDetection: silence.optional(),
  listenMode: listenMode.optional(),
  speechFilter: z.boolean().optional(),
  interruption: interruption.optional(),
  pronunciation: pronunciation.optional(),
  phrases: phrases.optional(),
  transfer: transfer.optional(),
  callers: CallerSettings.optional(),
  changeTo: changeTo.optional(),
  ivr: IvrRules.optional(),
  outcome: outcome.optional(),
  menus: menus.optional(),
})
export type AgentSettings = z.output<typeof AgentSettings>

const relay = z
  .looseObject({
    Configuration: RelayConfiguration.optional(),
    SilenceDetection: silence.optional(),
    silenceDetection: silence.optional(),
    /** Where earlier configurations kept the languages. */
    Languages: z.array(RelayLanguage).optional(),
  })
  .refine(({ SilenceDetection: a, silenceDetection: b }) => !a || !b, {
    error: "is given as SilenceDetection and as silenceDetection; keep one",
    path: ["silenceDetection"],
  })

const loader = z
  .looseObject({
    assetLoaderType: z.enum(["file", "sync", "j2"]).optional(),
    context: AssetKey.optional(),
    activeContextKey: AssetKey.optional(),
    manifest: AssetKey.optional(),
    activeManifestKey: AssetKey.optional(),
  })
  .refine(({ assetLoaderType }) => assetLoaderType !== "j2", {
    error: "J2 asset loader not yet implemented",
    path: ["assetLoaderType"],
  })
  .refine(({ context, activeContextKey: active }) => !context || !active || context === active, {
    error: "differs from context, which means the same; keep one",
    path: ["activeContextKey"],
  })
  .refine(({ manifest, activeManifestKey: active }) => !manifest || !active || manifest === active, {
    error: "differs from manifest, which means the same; keep one",
    path: ["activeManifestKey"],
  })

/** The file. A missing section is undefined and comes from the layer below. */
export const ServerConfig = z
  .looseObject({
    ConversationRelay: relay.optional(),
    AssetLoader: loader.optional(),
    Server: z.looseObject({ ListenMode: listenMode.optional() }).optional(),
    agents: byName(z.record(agentKey, AgentSettings)).optional(),
    ivrMenus: byName(z.record(AssetKey, StoredIvrMenu).superRefine(uniqueNumbers)).optional(),
    numbers: z.record(e164, AnsweredBy).optional(),
  })
  .transform(({ ConversationRelay, AssetLoader, Server, agents, numbers, ivrMenus }) => {
    const languages = ConversationRelay?.Configuration?.languages ?? ConversationRelay?.Languages
    return {
      configuration: ConversationRelay?.Configuration && { ...ConversationRelay.Configuration, languages },
      languages,
      silence: ConversationRelay?.SilenceDetection ?? ConversationRelay?.silenceDetection,
      listenMode: Server?.ListenMode,
      loader: AssetLoader && {
        type: AssetLoader.assetLoaderType ?? "file",
        context: AssetLoader.context ?? AssetLoader.activeContextKey,
        manifest: AssetLoader.manifest ?? AssetLoader.activeManifestKey,
      },
      agents,
      numbers,
      ivrMenus,
    }
  })
export type ServerConfig = z.output<typeof ServerConfig>

function uniqueNumbers(
  menus: Readonly<Record<string, z.output<typeof StoredIvrMenu>>>,
  context: z.core.$RefinementCtx,
): void {
  const menuOf = new Map<string, string>()
  for (const [key, { numbers }] of Object.entries(menus)) {
    for (const number of numbers) {
      const other = menuOf.get(number)
      menuOf.set(number, key)
      if (other === undefined) continue
      context.addIssue({
        code: "custom",
        path: [key, "numbers"],
        message: `${number} is a number of ${other} too`,
      })
    }
  }
}

const KNOWN_KEYS: readonly (readonly [string, readonly string[]])[] = [
  ["", ["ConversationRelay", "AssetLoader", "Server", "agents", "numbers", "ivrMenus"]],
  ["ConversationRelay", ["Configuration", "SilenceDetection", "silenceDetection", "Languages"]],
  ["AssetLoader", ["assetLoaderType", "context", "activeContextKey", "manifest", "activeManifestKey"]],
  ["Server", ["ListenMode"]],
]

/** Keys that are ignored, one phrase each: files of the earlier system may have keys that are not used here. */
export function unusedKeys(file: unknown): string[] {
  const whole = asObject(file)
  return KNOWN_KEYS.flatMap(([section, known]) => {
    const keys = Object.keys(section === "" ? whole : asObject(whole[section]))
    return keys
      .filter((key) => !known.includes(key))
      .map((key) => {
        const meant = closest(key, known)
        const hint = meant === undefined ? "" : `; did you mean ${meant}?`
        return `${section === "" ? key : `${section}.${key}`} is not used${hint}`
      })
  })
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {}
}
