/** The environment variables: their names, types, defaults and meanings. `config.ts` groups them. */

import { z } from "zod"
import { callerVariables } from "./caller-variables.ts"
import {
  accountSid,
  allOrSome,
  country,
  destinations,
  domains,
  queues,
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
  anyText,
  whole,
  words,
} from "./text-fields.ts"

/** Alternative names, read when the variable itself is not set. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  PUBLIC_URL: ["SERVER_BASE_URL", "SERVER"],
  TWILIO_ACCOUNT_SID: ["ACCOUNT_SID"],
  TWILIO_AUTH_TOKEN: ["AUTH_TOKEN"],
  TWILIO_API_KEY: ["API_KEY"],
  TWILIO_API_SECRET: ["API_SECRET"],
  TWILIO_FROM_NUMBER: ["FROM_NUMBER", "TWILIO_PHONE_NUMBER"],
  OPENAI_API_KEY: ["OPEN_AI_KEY"],
  MAX_CALL_MS: ["CALL_QUEUE_DELAY"],
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
  "DEEPGRAM_API_KEY",
  "ELEVENLABS_API_KEY",
  "API_KEYS",
  "OUTBOUND_API_KEY",
  "WEBHOOK_SECRET",
  "CUSTOMER_API_KEY",
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
  PORT: named(whole(0, 65535).default(3000), "Port on which the server listens; 0 selects a free port"),
  PORT_RETRY: named(flag.default(false), "1: if the port is in use, the server tries the next ones"),
  SUPERVISOR: named(
    oneOf("on", "off").default("on"),
    "on: a second process holds the port and restarts the server if it crashes; off: one process",
  ),
  PUBLIC_URL: named(
    httpUrl.optional(),
    "Address at which Twilio reaches this server; none: local and simulated calls only",
  ),
  TWILIO_ACCOUNT_SID: named(accountSid.optional(), "SID of the Twilio account"),
  TWILIO_AUTH_TOKEN: named(
    words.default([]),
    "Token with which Twilio signs requests; during a rotation a list, the current token first",
  ),
  TWILIO_WEBHOOK_SHARED_KEY: named(
    words.default([]),
    "Secret of the shared key with which a Webhook Rule signs requests; during a rotation a list",
  ),
  TWILIO_API_KEY: named(anyText.optional(), "API key for requests to Twilio, instead of the token"),
  TWILIO_API_SECRET: named(anyText.optional(), "Secret of the API key"),
  TWILIO_FROM_NUMBER: named(
    e164.optional(),
    "Caller id of outgoing calls; none: the first number of the account",
  ),
  TWILIO_API_BASE_URL: named(httpUrl.optional(), "One address that replaces all Twilio hosts"),
  TWILIO_EDGE: named(placeName.optional(), "Twilio edge; only together with TWILIO_REGION"),
  TWILIO_REGION: named(placeName.optional(), "Twilio region; only together with TWILIO_EDGE"),
  TWILIO_VALIDATE_WEBHOOKS: named(
    notFalse.default(true),
    "`false` disables the check of Twilio's signatures for requests from this machine",
  ),
  OPENAI_API_KEY: named(anyText.optional(), "OpenAI key"),
  OPENAI_BASE_URL: named(
    httpUrl.optional(),
    "Address of a server with OpenAI's protocol, instead of https://api.openai.com/v1",
  ),
  OPENAI_MODEL: named(anyText.default("gpt-6-luna"), "Text model"),
  OPENAI_REALTIME_MODEL: named(anyText.default("gpt-realtime-2.1"), "Speech-to-speech model"),
  OPENAI_TRANSCRIBE_MODEL: named(anyText.default("gpt-transcribe"), "Speech-to-text model"),
  OPENAI_TTS_MODEL: named(anyText.default("gpt-realtime-2.1-mini"), "Text-to-speech model"),
  AI_PROVIDER: named(oneOf("openai", "azure").default("openai"), "Provider of speech-to-speech models"),
  AZURE_OPENAI_API_KEY: named(anyText.optional(), "Azure OpenAI key"),
  AZURE_OPENAI_ENDPOINT: named(httpUrl.optional(), "Endpoint of the Azure resource"),
  AZURE_OPENAI_DEPLOYMENT_NAME: named(anyText.optional(), "Azure deployment of a speech-to-speech model"),
  AZURE_OPENAI_VERSION: named(anyText.default("v1"), "API version at Azure; v1 is current"),
  FLOWISE_BASE_URL: named(httpUrl.optional(), "Address of a Flowise server"),
  FLOWISE_API_KEY: named(anyText.optional(), "Flowise key; none: the flows are public"),
  FLOWISE_FLOW_ID: named(anyText.optional(), "Default flow of agents"),
  FLOWISE_MEMORY: named(
    oneOf("own", "flowise").default("own"),
    "own: Parley sends the flow what was heard; flowise: the flow keeps the history, one session per call",
  ),
  FLOWISE_SYSTEM_MESSAGE: named(
    flag.default(false),
    "1: the agent's context replaces the system message of the flow",
  ),
  DEEPGRAM_API_KEY: named(anyText.optional(), "Deepgram key, for speech to text and text to speech"),
  DEEPGRAM_BASE_URL: named(
    httpUrl.optional(),
    "Address of Deepgram, instead of https://api.deepgram.com; https becomes wss for its sockets",
  ),
  ELEVENLABS_API_KEY: named(anyText.optional(), "ElevenLabs key, for text to speech"),
  ELEVENLABS_BASE_URL: named(
    httpUrl.optional(),
    "Address of ElevenLabs, instead of https://api.elevenlabs.io; https becomes wss for its sockets",
  ),
  MODEL_PROVIDER: named(
    oneOf("auto", "openai", "openai-compatible", "flowise", "demo").default("auto"),
    "Provider of text models; auto: OpenAI with a key, a compatible server with only an address, otherwise the demo model",
  ),
  DATABASE_URL: named(sqliteUrl.default("file:./data/parley.db"), "SQLite file, or :memory:"),
  API_KEYS: named(
    keyList.default([]),
    "API keys as `key` or `key:user_id`; none: a key is generated once the server has a public address or a Twilio account, before that only this machine has access",
  ),
  LOCAL_API: named(
    oneOf("keyed", "open").default("keyed"),
    "open: programs on this machine use the API without a key, also when the server has a public address",
  ),
  OUTBOUND_API_KEY: named(anyText.optional(), "One more API key, bound to no user"),
  ALLOWED_ORIGINS: named(origins.default([]), "Origins of web pages that may call the API"),
  ALLOWED_DESTINATIONS: named(
    destinations.default([]),
    "Prefixes of numbers that may be called, or *; none: the countries of your own numbers. Premium-rate, satellite and similar numbers only if their range is listed",
  ),
  ALLOWED_SIP_DOMAINS: named(
    domains.default([]),
    "Domains of SIP addresses to which calls may be transferred; none: only the domain of TRANSFER_TO",
  ),
  ALLOWED_QUEUES: named(
    queues.default([]),
    "Queues and SIDs of workflows to which requests to the API may transfer calls, besides those of TRANSFER_TO and of the agent",
  ),
  ALLOW_PRIVATE_ADDRESSES: named(
    flag.default(false),
    "1: tools and webhooks may reach private networks; loopback addresses are always allowed",
  ),
  TRANSFER_TO: named(
    anyText.optional(),
    "Default transfer target of agents: a number, sip:…, queue:…, workflow:…",
  ),
  SMS_ALLOWED_DESTINATIONS: named(
    prefixes.default([]),
    "Prefixes of numbers to which the tool send-sms may send, besides the caller",
  ),
  SMS_PER_CALL: named(count.default(5), "Maximum of messages that the tool send-sms sends in one call"),
  SMS_PER_RECIPIENT_PER_DAY: named(
    count.default(10),
    "Maximum of messages that the tool send-sms sends to one number within 24 hours",
  ),
  SMS_PER_HOUR: named(
    count.default(100),
    "Maximum of messages that the tool send-sms sends within an hour, all calls together",
  ),
  WEBHOOK_URL: named(hookUrl.optional(), "Address that receives transcript and outcome after every call"),
  WEBHOOK_SECRET: named(
    anyText.optional(),
    "Secret that signs requests to WEBHOOK_URL; none: they are not signed",
  ),
  WEBHOOK_SOURCE: named(
    anyText.max(200).default("CAP_AI"),
    "Value of `source` in requests to WEBHOOK_URL, by which their receiver knows them",
  ),
  WEBHOOK_TIMEOUT_MS: named(ms().default(10_000), "Timeout for the response of WEBHOOK_URL"),
  ...callerVariables(named),
  DEFAULT_COUNTRY: named(country.optional(), "Country of numbers without +, such as US"),
  PATH_PREFIX: named(
    anyText
      .regex(/^(?:\/?[\w.-]+)+\/?$/, "must be a path, such as /voice")
      .transform((path) => `/${path.replace(/^\/|\/$/g, "")}`)
      .optional(),
    "Path prefix of every route and socket; added to PUBLIC_URL if that has no path",
  ),
  TRANSCRIPT_LOG_DIR: named(
    anyText.optional(),
    "Folder for one JSON transcript file per call; off: no files; default: ./logs if COMPAT includes s4",
  ),
  ASSETS_DIR: named(anyText.default("./assets"), "Folder of contexts, manifests and serverConfig.json"),
  COMPAT: named(
    allOrSome(SEEDS).default([...SEEDS]),
    "Compatible paths to serve: all, off, or some of s0 to s4",
  ),
  LOG_LEVEL: named(oneOf("debug", "info", "warn", "error").default("info"), "Lowest level that is logged"),
  LOG_FORMAT: named(
    oneOf("auto", "json", "pretty").default("auto"),
    "auto: text on a terminal, JSON lines elsewhere",
  ),
  CALL_STARTS_PER_MINUTE: named(count.default(5), "Call starts per user and minute"),
  SERVER_CALL_STARTS_PER_MINUTE: named(count.default(30), "Call starts per minute, all users together"),
  MESSAGES_PER_MINUTE: named(
    count.default(60),
    "Requests per minute of a user that a model answers: messages to conversations and, with `respond`, into calls, and outcomes",
  ),
  SERVER_MESSAGES_PER_MINUTE: named(count.default(600), "The same per minute, all users together"),
  OBSERVERS_PER_USER: named(count.default(3), "Observers per user"),
  OBSERVERS_PER_KEY: named(count.default(50), "Observers per API key, whichever users it names"),
  MAX_CONVERSATIONS: named(
    count.default(10_000),
    "Maximum of stored text conversations; the oldest are deleted",
  ),
  CONVERSATIONS_PER_USER: named(
    count.default(1000),
    "Maximum of stored text conversations of one user; the user's oldest are deleted",
  ),
  MAX_CONCURRENT_CALLS: named(
    count.default(2000),
    "Concurrent calls; further callers hear the phrase `busy`",
  ),
  FIRST_TOKEN_TIMEOUT_MS: named(ms().default(6000), "Timeout for the first token of an answer"),
  TOKEN_GAP_TIMEOUT_MS: named(ms().default(8000), "Longest gap within an answer"),
  WAIT_PHRASE_AFTER_MS: named(ms().default(2500), "Silence before the caller hears a wait phrase"),
  MODEL_CONNECT_TIMEOUT_MS: named(ms().default(5000), "Timeout for the model to accept a request"),
  MODEL_PING_MS: named(
    ms().default(5000),
    "Time between pings on the connection to a realtime model; two missed answers end it",
  ),
  MODEL_STALL_MS: named(
    ms().default(3000),
    "A connection to a realtime model that takes no data for this long ends",
  ),
  MODEL_SILENCE_MS: named(
    ms().default(2000),
    "A connection to a realtime model that does not react to the caller's speech for this long ends",
  ),
  SPEECH_STALL_MS: named(
    ms(100).default(800),
    "A speech provider that is silent for this long, while it should report or speak something, is replaced by the next one of the agent",
  ),
  SOCKET_PING_MS: named(
    ms().default(15_000),
    "Time between pings on incoming sockets; two missed answers close the socket",
  ),
  SOCKET_STALL_MS: named(
    ms().default(10_000),
    "An incoming socket that takes no data for this long is closed",
  ),
  TOOL_TIMEOUT_MS: named(ms().default(10_000), "Time limit of a tool call"),
  DRAIN_TIMEOUT_MS: named(ms(0).default(8000), "Time for running calls to end during shutdown"),
  WORKER_STALL_MS: named(
    ms(1000).default(30_000),
    "Time for which the server may hang before the supervisor replaces it",
  ),
  MAX_CALL_MS: named(ms().default(3_600_000), "Longest duration of a call"),
  CONVERSATION_TIMEOUT_MS: named(ms().default(60_000), "Timeout for the answer to a text message"),
  CONVERSATION_TTL_MS: named(
    ms().default(86_400_000),
    "Time that a text conversation is kept after its last message",
  ),
  SETUP_TIMEOUT_MS: named(ms().default(10_000), "Timeout for the first message on a socket"),
  SOCKET_TOKEN_TTL_MS: named(ms().default(60_000), "Lifetime of the one-time token of a socket"),
  WEBHOOK_ANSWER_MS: named(
    ms().default(1500),
    "Longest time until a webhook of a call is answered; after that Twilio is asked to repeat it",
  ),
  DIGITS_TIMEOUT_MS: named(ms().default(2000), "Pause that ends an input of digits"),
  TWILIO_TIMEOUT_MS: named(ms().default(10_000), "Timeout for a response of Twilio"),
  LOOKUP_TIMEOUT_MS: named(
    ms().default(1000),
    "Timeout for Twilio to look up the kind of a phone number; keep it below WEBHOOK_ANSWER_MS",
  ),
  LOOKUPS_PER_HOUR: named(
    count.default(1000),
    "Maximum of phone numbers that Twilio is asked to look up within an hour, all calls together",
  ),
  RETENTION_MS: named(ms(0).default(0), "Time after which ended calls are deleted; 0: never"),
})
export type Environment = z.output<typeof Environment>
export type Name = keyof Environment

/** Every variable, for the documentation and `parley check`. */
export const CONFIG_TABLE = Object.entries(Environment.shape).map(([name, field]) => {
  const { meaning = "" } = meanings.get(field) ?? {}
  return { name, default: defaultOf(field), also: ALSO[name] ?? [], secret: SECRET.has(name), meaning }
})

function defaultOf(field: z.ZodType): string | undefined {
  if (!(field instanceof z.ZodDefault)) return undefined
  const { defaultValue } = field.def
  return Array.isArray(defaultValue) ? defaultValue.join(",") : String(defaultValue)
}
