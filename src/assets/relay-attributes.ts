/** Attributes of `<ConversationRelay>` and `<Language>` as a configuration may set them. (Twilio: "TwiML Voice: ConversationRelay".) */

import { z } from "zod"
import type { Language, RelayAttributes } from "./agent.ts"

const flag = z.union(
  [z.boolean(), z.enum(["true", "false"]).transform((value) => value === "true")],
  "must be true or false",
)
const words = z.string().min(1)
const languageTag = words.regex(
  /^(?:multi|[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$/,
  "must be a language such as en-US, or multi",
)
const ttsProvider = z.enum(["Google", "Amazon", "ElevenLabs"])
const transcriptionProvider = z.enum(["Google", "Deepgram"])
const interruption = z.union(
  [z.boolean(), z.enum(["none", "dtmf", "speech", "any"])],
  "must be none, dtmf, speech or any",
)
const reported = interruption.transform((value) =>
  typeof value === "boolean" ? (value ? "any" : "none") : value,
)
const debug = z.union([
  z.boolean().transform((on) => (on ? "debugging" : undefined)),
  someOf("debugging", "speaker-events", "tokens-played"),
])
const speechTimeout = z.union(
  [z.int().min(600).max(5000), z.literal("auto")],
  "must be a whole number from 600 to 5000, or auto",
)

const attributes = {
  welcomeGreetingInterruptible: interruption,
  language: languageTag,
  ttsLanguage: languageTag,
  ttsProvider,
  voice: words,
  transcriptionLanguage: languageTag,
  transcriptionProvider,
  speechModel: words,
  deepgramSmartFormat: flag,
  interruptible: interruption,
  interruptSensitivity: z.enum(["low", "medium", "high"]),
  ignoreBackchannel: flag,
  reportInputDuringAgentSpeech: reported,
  preemptible: flag,
  dtmfDetection: flag,
  hints: z.union([words, z.array(words).transform((list) => list.join(","))]),
  speechTimeout,
  eotThreshold: z.number().min(0.5).max(0.9),
  partialPrompts: flag,
  profanityFilter: flag,
  events: someOf("speaker-events", "tokens-played", "config-updated"),
  debug,
  elevenlabsTextNormalization: z.enum(["on", "auto", "off"]),
  intelligenceService: words,
  conversationConfiguration: words,
  conversationId: words,
  applicationReconnect: flag,
  echoPromptFiltering: flag,
  turnDetection: z.union([z.boolean(), words]),
  backgroundNoiseReduction: z.union([z.boolean(), words]),
}

const parameterValue = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const parameters = z.union([
  z
    .array(z.strictObject({ name: words, value: parameterValue }))
    .transform((list) => Object.fromEntries(list.map(({ name, value }) => [name, value]))),
  z.record(words, parameterValue),
])

export const RelayLanguage = z.preprocess(
  withoutBlanks,
  z.strictObject({
    code: languageTag,
    ttsProvider: ttsProvider.optional(),
    voice: words.optional(),
    transcriptionProvider: transcriptionProvider.optional(),
    speechModel: words.optional(),
  }),
)

/** `ConversationRelay.Configuration`. Empty texts, nulls and empty lists count as not set. */
export const RelayConfiguration = z.preprocess(
  withoutBlanks,
  z
    .strictObject({
      welcomeGreeting: z.string().optional(),
      languages: z.array(RelayLanguage).optional(),
      parameters: parameters.optional(),
      ...optional(attributes),
    })
    .transform(({ welcomeGreeting, languages, parameters: given, ...rest }) => ({
      greeting: welcomeGreeting,
      languages,
      parameters: given,
      attributes: defined(rest),
    })),
)
export type RelayConfiguration = z.output<typeof RelayConfiguration>

/** Merges attributes. A change of provider drops the voice or the model of the previous provider. */
export function overlay(base: RelayAttributes, own: RelayAttributes): RelayAttributes {
  const merged = { ...base, ...own }
  const drop = (provider: string, dependent: string) => {
    const changed = own[provider] !== undefined && own[provider] !== base[provider]
    if (changed && own[dependent] === undefined) delete merged[dependent]
  }
  drop("ttsProvider", "voice")
  drop("transcriptionProvider", "speechModel")
  return merged
}

/**
 * Why the language `multi` cannot be used with these settings; undefined when it can, or is not used. Recognition needs
 * Deepgram nova-2 or nova-3, speech needs ElevenLabs; `language` and `<Language>` mean both. (Twilio: "TwiML Voice:
 * ConversationRelay".)
 */
export function multiFault(relay: RelayAttributes, languages: readonly Language[]): string | undefined {
  const uses: { settings: RelayAttributes; hears: boolean; speaks: boolean }[] = [
    {
      settings: relay,
      hears: relay["language"] === "multi" || relay["transcriptionLanguage"] === "multi",
      speaks: relay["language"] === "multi" || relay["ttsLanguage"] === "multi",
    },
  ]
  for (const language of languages) {
    const isMulti = language.code === "multi"
    uses.push({ settings: { ...relay, ...defined(language) }, hears: isMulti, speaks: isMulti })
  }
  for (const { settings, hears, speaks } of uses) {
    const hearsWrong = hears && (settings["transcriptionProvider"] ?? "Deepgram") !== "Deepgram"
    const speaksWrong = speaks && (settings["ttsProvider"] ?? "ElevenLabs") !== "ElevenLabs"
    if (hearsWrong || speaksWrong) {
      const needs = [hears && "transcriptionProvider Deepgram", speaks && "ttsProvider ElevenLabs"]
      return `the language multi needs ${needs.filter(Boolean).join(" and ")}`
    }
    if (hears && !/^nova-[23]-general$/.test(String(settings["speechModel"] ?? "nova-3-general"))) {
      return "the language multi needs speechModel nova-2-general or nova-3-general"
    }
  }
  return undefined
}

function someOf(...known: readonly string[]) {
  return z
    .union([words.transform((text) => text.split(/[\s,]+/).filter(Boolean)), z.array(words)])
    .refine((list) => list.every((word) => known.includes(word)), `must be some of ${known.join(", ")}`)
    .transform((list) => list.join(" "))
}

function optional<T extends Record<string, z.ZodType>>(shape: T): { [K in keyof T]: z.ZodOptional<T[K]> } {
  return z.object(shape).partial().shape
}

function withoutBlanks(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).filter(
      ([, item]) =>
        item !== "" && item !== null && item !== undefined && !(Array.isArray(item) && item.length === 0),
    ),
  )
}

function defined<T>(values: { [key: string]: T | undefined }): Record<string, T> {
  const kept: Record<string, T> = {}
  for (const [name, value] of Object.entries(values)) if (value !== undefined) kept[name] = value
  return kept
}
