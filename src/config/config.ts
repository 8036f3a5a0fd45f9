/** Configuration from environment variables: one schema, all faults at once. The only reader of the environment. */

import { startEnvironment } from "./environment.ts"
import { CONFIG_TABLE, Environment, type Name } from "./variables.ts"
import { withEnvFile } from "./env-file.ts"
import { httpUrl } from "./text-fields.ts"

/** The variables that the process was started with, and those of the file that belongs to NODE_ENV. */
export const environment = withEnvFile(startEnvironment, process.cwd())

/** All settings, with defaults filled in. */
export type Config = ReturnType<typeof toConfig> & {
  /** Settings that are allowed but deserve a warning in the log. */
  readonly warnings: readonly string[]
  /** The earlier systems that `COMPAT` names; empty where it is not set, although all of them are served then. */
  readonly namedCompat: readonly string[]
  /** Secrets that manifests refer to as `${NAME}`. */
  readonly toolSecrets: Readonly<Record<string, string>>
  /** Values that must never be logged or shown. */
  readonly secrets: readonly string[]
}

export class ConfigError extends Error {
  /** Names of the variables at fault. */
  readonly names: readonly string[]

  constructor(faults: readonly Fault[]) {
    const lines = faults.map(({ name, message }) => `  ${name}: ${message}`)
    super(`The configuration cannot be used:\n${lines.join("\n")}`)
    this.name = "ConfigError"
    this.names = faults.map(({ name }) => name)
  }
}

type Fault = { name: string; message: string }

/**
 * Reads the configuration out of environment variables; an empty one counts as not set. Throws `ConfigError`, which
 * names every faulty variable and shows no value of a secret one.
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const { values, faults, warnings } = resolveNames(env)
  const parsed = Environment.safeParse(values)
  const wrong = (parsed.error?.issues ?? []).map(({ path, message }) => ({ name: String(path[0]), message }))
  const all = [...faults, ...wrong, ...requiredTogether(values)]
  if (!parsed.success || all.length > 0) throw new ConfigError(all)

  const config = toConfig(parsed.data)
  const toolSecrets = toolSecretsOf(env)
  const { twilio, openai, azure, flowise, webhook, apiKeys } = config
  const keys = apiKeys.map(({ key }) => key)
  const secrets = [
    ...twilio.authTokens,
    ...twilio.sharedKeys,
    twilio.apiKey,
    twilio.apiSecret,
    openai.apiKey,
    azure.apiKey,
    flowise.apiKey,
    webhook.secret,
    ...keys,
    ...Object.values(toolSecrets),
  ]
  return {
    ...config,
    toolSecrets,
    namedCompat: values["COMPAT"] === undefined ? [] : config.compat,
    warnings: [...warnings, ...warningsFor(config)],
    secrets: secrets.filter((value) => value !== undefined),
  }
}

const TOOL_SECRET = "TOOL_SECRET_"

/** Secrets that HTTP tools of manifests refer to: `TOOL_SECRET_CRM` is `${CRM}` there. */
function toolSecretsOf(env: Record<string, string | undefined>): Record<string, string> {
  const found = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith(TOOL_SECRET) && value ? [[name.slice(TOOL_SECRET.length), value] as const] : [],
  )
  return Object.fromEntries(found)
}

type Values = { [name in Name]?: string }

/** Finds the value of each variable under all its names. Two names must not have different values. */
function resolveNames(env: Record<string, string | undefined>) {
  const values: Record<string, string> = {}
  const faults: Fault[] = []
  const warnings: string[] = []
  for (const { name, also } of CONFIG_TABLE) {
    const found = [name, ...also].flatMap((alias) => {
      const value = env[alias]?.trim()
      if (!value) return []
      const meant = name === "PUBLIC_URL" ? (httpUrl.safeParse(value).data ?? value) : value
      return [{ alias, value, meant }]
    })
    const [first, ...others] = found
    if (!first) continue
    values[name] = first.value
    const other = others.find(({ meant }) => meant !== first.meant)
    if (other) {
      const message = `differs from ${other.alias}, which means the same; set one of them`
      faults.push({ name: first.alias, message })
    }
    if (first.alias !== name) warnings.push(`${first.alias} is read as ${name}; better set ${name}`)
  }
  return { values, faults, warnings }
}

/** Faults of variables that must be set together. */
function requiredTogether(values: Values): Fault[] {
  const faults: Fault[] = []
  const need = (name: Name, missing: Name, why: string) => {
    if (values[name] && !values[missing]) faults.push({ name: missing, message: `must be set too: ${why}` })
  }
  need("TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_API_KEY needs it")
  need("TWILIO_API_SECRET", "TWILIO_API_KEY", "TWILIO_API_SECRET needs it")
  need("TWILIO_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_API_KEY does not identify the account")
  need("TWILIO_EDGE", "TWILIO_REGION", "Twilio accepts edge and region only together")
  need("TWILIO_REGION", "TWILIO_EDGE", "Twilio accepts edge and region only together")
  if (values.MODEL_PROVIDER === "openai")
    need("MODEL_PROVIDER", "OPENAI_API_KEY", "MODEL_PROVIDER=openai needs a key")
  if (values.AI_PROVIDER === "azure") {
    for (const name of [
      "AZURE_OPENAI_API_KEY",
      "AZURE_OPENAI_ENDPOINT",
      "AZURE_OPENAI_DEPLOYMENT_NAME",
    ] as const) {
      need("AI_PROVIDER", name, "AI_PROVIDER=azure needs it")
    }
  }
  if (values.MODEL_PROVIDER === "flowise")
    need("MODEL_PROVIDER", "FLOWISE_BASE_URL", "MODEL_PROVIDER=flowise needs the address of the server")
  if (values.MODEL_PROVIDER === "openai-compatible") {
    need(
      "MODEL_PROVIDER",
      "OPENAI_BASE_URL",
      "MODEL_PROVIDER=openai-compatible needs the address of the server",
    )
  }
  return faults
}

function toConfig(env: Environment) {
  const unbound = env.OUTBOUND_API_KEY === undefined ? [] : [{ key: env.OUTBOUND_API_KEY, userId: null }]
  return {
    port: env.PORT,
    portRetry: env.PORT_RETRY,
    publicUrl: withPrefix(env.PUBLIC_URL, env.PATH_PREFIX),
    pathPrefix: env.PATH_PREFIX ?? "",
    twilio: {
      accountSid: env.TWILIO_ACCOUNT_SID,
      authTokens: env.TWILIO_AUTH_TOKEN,
      sharedKeys: env.TWILIO_WEBHOOK_SHARED_KEY,
      apiKey: env.TWILIO_API_KEY,
      apiSecret: env.TWILIO_API_SECRET,
      fromNumber: env.TWILIO_FROM_NUMBER,
      apiBaseUrl: env.TWILIO_API_BASE_URL,
      edge: env.TWILIO_EDGE,
      region: env.TWILIO_REGION,
      validateWebhooks: env.TWILIO_VALIDATE_WEBHOOKS,
    },
    openai: {
      apiKey: env.OPENAI_API_KEY,
      baseUrl: env.OPENAI_BASE_URL,
      model: env.OPENAI_MODEL,
      realtimeModel: env.OPENAI_REALTIME_MODEL,
      transcribeModel: env.OPENAI_TRANSCRIBE_MODEL,
      ttsModel: env.OPENAI_TTS_MODEL,
    },
    realtimeProvider: env.AI_PROVIDER,
    azure: {
      apiKey: env.AZURE_OPENAI_API_KEY,
      endpoint: env.AZURE_OPENAI_ENDPOINT,
      deployment: env.AZURE_OPENAI_DEPLOYMENT_NAME,
      version: env.AZURE_OPENAI_VERSION,
    },
    flowise: {
      baseUrl: env.FLOWISE_BASE_URL,
      apiKey: env.FLOWISE_API_KEY,
      flowId: env.FLOWISE_FLOW_ID,
      memory: env.FLOWISE_MEMORY,
      systemMessage: env.FLOWISE_SYSTEM_MESSAGE,
    },
    modelProvider: env.MODEL_PROVIDER,
    databaseUrl: env.DATABASE_URL,
    apiKeys: [...env.API_KEYS, ...unbound],
    allowedOrigins: env.ALLOWED_ORIGINS,
    allowedDestinations: env.ALLOWED_DESTINATIONS,
    defaultCountry: env.DEFAULT_COUNTRY,
    allowPrivateAddresses: env.ALLOW_PRIVATE_ADDRESSES,
    webhook: { url: env.WEBHOOK_URL, secret: env.WEBHOOK_SECRET, timeoutMs: env.WEBHOOK_TIMEOUT_MS },
    transferTo: env.TRANSFER_TO,
    sms: { allowedDestinations: env.SMS_ALLOWED_DESTINATIONS, perCall: env.SMS_PER_CALL },
    assetsDir: env.ASSETS_DIR,
    /** Undefined: no files are written. */
    transcriptLogDir: transcriptLogDir(env),
    compat: env.COMPAT,
    logLevel: env.LOG_LEVEL,
    logFormat: env.LOG_FORMAT,
    limits: {
      callStartsPerMinute: env.CALL_STARTS_PER_MINUTE,
      serverCallStartsPerMinute: env.SERVER_CALL_STARTS_PER_MINUTE,
      observersPerUser: env.OBSERVERS_PER_USER,
      maxConcurrentCalls: env.MAX_CONCURRENT_CALLS,
      maxConversations: env.MAX_CONVERSATIONS,
    },
    times: {
      firstTokenMs: env.FIRST_TOKEN_TIMEOUT_MS,
      tokenGapMs: env.TOKEN_GAP_TIMEOUT_MS,
      waitPhraseMs: env.WAIT_PHRASE_AFTER_MS,
      modelConnectMs: env.MODEL_CONNECT_TIMEOUT_MS,
      toolMs: env.TOOL_TIMEOUT_MS,
      drainMs: env.DRAIN_TIMEOUT_MS,
      maxCallMs: env.MAX_CALL_MS,
      setupMs: env.SETUP_TIMEOUT_MS,
      conversationMs: env.CONVERSATION_TIMEOUT_MS,
      conversationTtlMs: env.CONVERSATION_TTL_MS,
      socketTokenMs: env.SOCKET_TOKEN_TTL_MS,
      digitsMs: env.DIGITS_TIMEOUT_MS,
      twilioMs: env.TWILIO_TIMEOUT_MS,
      retentionMs: env.RETENTION_MS,
    },
  }
}

function withPrefix(publicUrl: string | undefined, prefix: string | undefined): string | undefined {
  const isThere = publicUrl === undefined || prefix === undefined || new URL(publicUrl).pathname !== "/"
  return isThere ? publicUrl : `${publicUrl}${prefix}`
}

function transcriptLogDir({ TRANSCRIPT_LOG_DIR: dir, COMPAT: compat }: Environment): string | undefined {
  if (dir === undefined) return compat.includes("s4") ? "./logs" : undefined
  return dir === "off" ? undefined : dir
}

function warningsFor({ publicUrl, twilio, apiKeys }: ReturnType<typeof toConfig>): string[] {
  const found: string[] = []
  if (
    publicUrl?.startsWith("http:") &&
    !/^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?:[:/]|$)/.test(publicUrl)
  ) {
    found.push("PUBLIC_URL begins with http: calls are not encrypted, and Twilio opens no socket to it")
  }
  if (twilio.accountSid && twilio.authTokens.length === 0) {
    found.push("TWILIO_AUTH_TOKEN is not set: Twilio's signatures cannot be checked")
  }
  if (!twilio.validateWebhooks) found.push("TWILIO_VALIDATE_WEBHOOKS=false: anyone may send webhooks")
  if (apiKeys.some(({ key }) => key.length < 16))
    found.push("API_KEYS holds a key of fewer than 16 characters")
  return found
}
