/** The environment variables: their names, types, defaults and meanings. What is made of them is in `config.ts`. */

import { z } from "zod"
import {
  accountSid,
  allOrSome,
  country,
  e164,
  flag,
  hookUrl,
  httpUrl,
  keyList,
  notFalse,
  oneOf,
  origins,
  placeName,
  prefixes,
  sqliteUrl,
  text,
  whole,
  words,
} from "./text-fields.ts"

/** Names that are read when the variable itself is not set. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  PUBLIC_URL: ["SERVER_BASE_URL", "SERVER"],
  TWILIO_ACCOUNT_SID: ["ACCOUNT_SID"],
  TWILIO_AUTH_TOKEN: ["AUTH_TOKEN"],
  TWILIO_API_KEY: ["API_KEY"],
  TWILIO_API_SECRET: ["API_SECRET"],
  TWILIO_FROM_NUMBER: ["FROM_NUMBER", "TWILIO_PHONE_NUMBER"],
  OPENAI_API_KEY: ["OPEN_AI_KEY"],
  SERVER_CALL_STARTS_PER_MINUTE: ["OUTBOUND_RATE_LIMIT_PER_MINUTE"],
}

const SECRET = new Set([
  "TWILIO_AUTH_TOKEN",
  "TWILIO_WEBHOOK_SHARED_KEY",
  "TWILIO_API_KEY",
  "TWILIO_API_SECRET",
  "OPENAI_API_KEY",
  "AZURE_OPENAI_API_KEY",
  "FLOWISE_API_KEY",
  "API_KEYS",
  "OUTBOUND_API_KEY",
  "WEBHOOK_SECRET",
])

const meanings = z.registry<{ meaning: string }>()

function named<T extends z.ZodType>(type: T, meaning: string): T {
  meanings.add(type, { meaning })
  return type
}

const SEEDS = ["s0", "s1", "s2", "s3", "s4"] as const

const ms = (least = 1) => whole(least, 315_360_000_000)
const count = whole(1, 1_000_000)

export const Environment = z.object({
  PORT: named(whole(0, 65535).default(3000), "Port to listen on; 0 takes any free one"),
  PORT_RETRY: named(flag.default(false), "1: a taken port is followed by the next one"),
  PUBLIC_URL: named(
    httpUrl.optional(),
    "Address under which Twilio reaches this server; none: local and simulated calls only",
  ),
  TWILIO_ACCOUNT_SID: named(accountSid.optional(), "Account at Twilio"),
  TWILIO_AUTH_TOKEN: named(
    words.default([]),
    "Token that signs Twilio's requests; during a rotation a list, the current one first",
  ),
  TWILIO_WEBHOOK_SHARED_KEY: named(
    words.default([]),
    "Secret of the shared key that a Webhook Rule of the account signs with; during a rotation a list",
  ),
  TWILIO_API_KEY: named(text.optional(), "API key for requests to Twilio, in place of the token"),
  TWILIO_API_SECRET: named(text.optional(), "Secret of the API key"),
  TWILIO_FROM_NUMBER: named(
    e164.optional(),
    "Number that outgoing calls come from; none: the first number of the account",
  ),
  TWILIO_API_BASE_URL: named(httpUrl.optional(), "One address in place of all Twilio hosts"),
  TWILIO_EDGE: named(placeName.optional(), "Twilio edge; only together with TWILIO_REGION"),
  TWILIO_REGION: named(placeName.optional(), "Twilio region; only together with TWILIO_EDGE"),
  TWILIO_VALIDATE_WEBHOOKS: named(
    notFalse.default(true),
    "Exactly `false` switches the check of Twilio's signatures off",
  ),
  OPENAI_API_KEY: named(text.optional(), "Key for OpenAI"),
  OPENAI_BASE_URL: named(
    httpUrl.optional(),
    "Address of a server that speaks OpenAI's protocol, in place of https://api.openai.com/v1",
  ),
  OPENAI_MODEL: named(text.default("gpt-6-luna"), "Text model"),
  OPENAI_REALTIME_MODEL: named(text.default("gpt-realtime-2.1"), "Speech-to-speech model"),
  OPENAI_TRANSCRIBE_MODEL: named(text.default("gpt-transcribe"), "Speech-to-text model"),
  OPENAI_TTS_MODEL: named(text.default("gpt-realtime-2.1-mini"), "Model that reads text aloud"),
  AI_PROVIDER: named(oneOf("openai", "azure").default("openai"), "Where speech-to-speech models are"),
  AZURE_OPENAI_API_KEY: named(text.optional(), "Key for Azure OpenAI"),
  AZURE_OPENAI_ENDPOINT: named(httpUrl.optional(), "Address of the resource at Azure"),
  AZURE_OPENAI_DEPLOYMENT_NAME: named(text.optional(), "Deployment of a speech-to-speech model at Azure"),
  AZURE_OPENAI_VERSION: named(text.default("v1"), "Version of the interface at Azure; v1 is the current one"),
  FLOWISE_BASE_URL: named(httpUrl.optional(), "Address of a Flowise server"),
  FLOWISE_API_KEY: named(text.optional(), "Key for Flowise; none: the flows are public"),
  FLOWISE_FLOW_ID: named(text.optional(), "Flow that answers where an agent names none"),
  FLOWISE_MEMORY: named(
    oneOf("own", "flowise").default("own"),
    "own: a flow is given what was really heard; flowise: it remembers by itself, one session for each call",
  ),
  FLOWISE_SYSTEM_MESSAGE: named(flag.default(false), "1: the agent's instructions replace those of the flow"),
  MODEL_PROVIDER: named(
    oneOf("auto", "openai", "openai-compatible", "flowise", "demo").default("auto"),
    "Where text models are; auto: openai with a key, else the built-in demo",
  ),
  DATABASE_URL: named(sqliteUrl.default("file:./data/parley.db"), "SQLite file, or :memory:"),
  API_KEYS: named(
    keyList.default([]),
    "List of `key` or `key:user_id` for the API; none: only this machine is served",
  ),
  OUTBOUND_API_KEY: named(text.optional(), "One more key, bound to no user"),
  ALLOWED_ORIGINS: named(origins.default([]), "Web pages of other origins that may call the API"),
  ALLOWED_DESTINATIONS: named(
    prefixes.default([]),
    "Beginnings of the numbers that may be called; none: every number",
  ),
  ALLOW_PRIVATE_ADDRESSES: named(
    flag.default(false),
    "1: tools and webhooks may be sent to private networks; this machine itself is always allowed",
  ),
  TRANSFER_TO: named(
    text.optional(),
    "Where live-agent-handoff calls a person when the agent names nobody: a number, sip:…, queue:…, workflow:…",
  ),
  SMS_ALLOWED_DESTINATIONS: named(
    prefixes.default([]),
    "Beginnings of further numbers that the tool send-sms may write to; none: the caller only",
  ),
  SMS_PER_CALL: named(count.default(5), "Messages that the tool send-sms may send in one call"),
  WEBHOOK_URL: named(
    hookUrl.optional(),
    "Address that is told of every call that ended, with transcript and outcome; none: nobody is told",
  ),
  WEBHOOK_SECRET: named(text.optional(), "Signs what is sent to WEBHOOK_URL; none: it is not signed"),
  WEBHOOK_TIMEOUT_MS: named(ms().default(10_000), "Wait for WEBHOOK_URL to answer"),
  DEFAULT_COUNTRY: named(country.optional(), "Country of numbers that are given without +"),
  PATH_PREFIX: named(
    text
      .regex(/^(?:\/?[\w.-]+)+\/?$/, "must be a path, such as /voice")
      .transform((path) => `/${path.replace(/^\/|\/$/g, "")}`)
      .optional(),
    "Path in front of every route and socket, added to PUBLIC_URL where that has none",
  ),
  TRANSCRIPT_LOG_DIR: named(
    text.optional(),
    "Folder of a JSON file for each call that ended, off: none; default: ./logs where COMPAT has s4",
  ),
  ASSETS_DIR: named(text.default("./assets"), "Folder of contexts, manifests, serverConfig.json"),
  COMPAT: named(
    allOrSome(SEEDS).default([...SEEDS]),
    "Earlier systems whose paths are served: all, off, or some of s0 to s4",
  ),
  LOG_LEVEL: named(
    oneOf("debug", "info", "warn", "error").default("info"),
    "Least important records that are written",
  ),
  LOG_FORMAT: named(
    oneOf("auto", "json", "pretty").default("auto"),
    "auto: text on a terminal, JSON lines elsewhere",
  ),
  CALL_STARTS_PER_MINUTE: named(count.default(5), "Calls a user may start in a minute"),
  SERVER_CALL_STARTS_PER_MINUTE: named(
    count.default(30),
    "Calls that all users together may start in a minute",
  ),
  OBSERVERS_PER_USER: named(count.default(3), "Observer sockets of one user"),
  MAX_CONVERSATIONS: named(
    count.default(10_000),
    "Conversations by message that are kept; then the oldest go",
  ),
  MAX_CONCURRENT_CALLS: named(count.default(2000), "Calls at once; a caller past it hears a sentence"),
  FIRST_TOKEN_TIMEOUT_MS: named(ms().default(6000), "Wait for the first word of an answer"),
  TOKEN_GAP_TIMEOUT_MS: named(ms().default(8000), "Longest pause within an answer"),
  WAIT_PHRASE_AFTER_MS: named(ms().default(2500), "Silence before a caller is asked to wait"),
  MODEL_CONNECT_TIMEOUT_MS: named(ms().default(5000), "Wait for the model to accept a request"),
  TOOL_TIMEOUT_MS: named(ms().default(10_000), "Longest run of a tool"),
  DRAIN_TIMEOUT_MS: named(ms(0).default(8000), "Wait for running calls when the server stops"),
  MAX_CALL_MS: named(ms().default(3_600_000), "Longest call"),
  CONVERSATION_TIMEOUT_MS: named(ms().default(60_000), "Longest wait for an answer to a message"),
  CONVERSATION_TTL_MS: named(
    ms().default(86_400_000),
    "Time after its last message that a conversation is kept",
  ),
  SETUP_TIMEOUT_MS: named(ms().default(10_000), "Wait for the first message on a socket"),
  SOCKET_TOKEN_TTL_MS: named(ms().default(60_000), "Life of the one-time token of a socket"),
  DIGITS_TIMEOUT_MS: named(ms().default(2000), "Pause that ends a row of keys"),
  TWILIO_TIMEOUT_MS: named(ms().default(10_000), "Wait for Twilio to answer a request"),
  RETENTION_MS: named(ms(0).default(0), "Age at which ended calls are deleted; 0: never"),
})
export type Environment = z.output<typeof Environment>
export type Name = keyof Environment

/** Every variable for people: the page of the documentation and `parley check` are made from it. */
export const CONFIG_TABLE = Object.entries(Environment.shape).map(([name, field]) => {
  const { meaning = "" } = meanings.get(field) ?? {}
  return { name, default: defaultOf(field), also: ALSO[name] ?? [], secret: SECRET.has(name), meaning }
})

function defaultOf(field: z.ZodType): string | undefined {
  if (!(field instanceof z.ZodDefault)) return undefined
  const { defaultValue } = field.def
  return Array.isArray(defaultValue) ? defaultValue.join(",") : String(defaultValue)
}
