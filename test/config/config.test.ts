/** Configuration from the environment: defaults, names, faults. */

import { describe, expect, test } from "bun:test"
import { ConfigError, readConfig } from "../../src/config/config.ts"
import { CONFIG_TABLE } from "../../src/config/variables.ts"

const SID = `AC${"0".repeat(32)}`

function faultsOf(env: Record<string, string | undefined>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return "none"
}

test("an empty environment is enough", () => {
  expect(readConfig({})).toEqual({
    port: 3000,
    portRetry: false,
    publicUrl: undefined,
    pathPrefix: "",
    twilio: {
      accountSid: undefined,
      authTokens: [],
      sharedKeys: [],
      apiKey: undefined,
      apiSecret: undefined,
      fromNumber: undefined,
      apiBaseUrl: undefined,
      edge: undefined,
      region: undefined,
      validateWebhooks: true,
    },
    openai: {
      apiKey: undefined,
      baseUrl: undefined,
      model: "gpt-6-luna",
      realtimeModel: "gpt-realtime-2.1",
      transcribeModel: "gpt-transcribe",
      ttsModel: "gpt-realtime-2.1-mini",
    },
    realtimeProvider: "openai",
    azure: { apiKey: undefined, endpoint: undefined, deployment: undefined, version: "v1" },
    deepgram: { apiKey: undefined, baseUrl: undefined },
    elevenlabs: { apiKey: undefined, baseUrl: undefined },
    flowise: {
      baseUrl: undefined,
      apiKey: undefined,
      flowId: undefined,
      memory: "own",
      systemMessage: false,
    },
    modelProvider: "auto",
    databaseUrl: "file:./data/parley.db",
    apiKeys: [],
    localApi: "keyed",
    allowedOrigins: [],
    allowedSipDomains: [],
    allowedQueues: [],
    allowedDestinations: [],
    toolSecrets: {},
    defaultCountry: undefined,
    allowPrivateAddresses: false,
    webhook: { url: undefined, secret: undefined, source: "CAP_AI", timeoutMs: 10_000 },
    customerApi: {
      url: undefined,
      key: undefined,
      paths: { lookup: "/api/lookup-phone", message: "/api/send-message", login: "/api/login" },
      timeoutMs: 5000,
    },
    consentLinks: { perNumberPerDay: 10, perHour: 300 },
    documents: {
      googleDocs: { systemMessage: undefined, consentMessage: undefined, liveAgentMessage: undefined },
      googleBaseUrl: undefined,
      refreshMs: 300_000,
      timeoutMs: 10_000,
    },
    transferTo: undefined,
    sms: { allowedDestinations: [], perCall: 5, perRecipientPerDay: 10, perHour: 100 },
    transcriptLogDir: "./logs",
    assetsDir: "./assets",
    compat: ["s0", "s1", "s2", "s3", "s4"],
    logLevel: "info",
    logFormat: "auto",
    limits: {
      callStartsPerMinute: 5,
      serverCallStartsPerMinute: 30,
      messagesPerMinute: 60,
      serverMessagesPerMinute: 600,
      observersPerUser: 3,
      observersPerKey: 50,
      maxConcurrentCalls: 2000,
      maxConversations: 10_000,
      conversationsPerUser: 1000,
      maxCallers: 100_000,
      lookupsPerHour: 1000,
    },
    times: {
      firstTokenMs: 6000,
      tokenGapMs: 8000,
      waitPhraseMs: 2500,
      modelConnectMs: 5000,
      modelPingMs: 5000,
      modelStallMs: 3000,
      modelSilenceMs: 2000,
      speechStallMs: 800,
      socketPingMs: 15_000,
      socketStallMs: 10_000,
      toolMs: 10_000,
      drainMs: 8000,
      workerStallMs: 30_000,
      maxCallMs: 3_600_000,
      setupMs: 10_000,
      conversationMs: 60_000,
      conversationTtlMs: 86_400_000,
      socketTokenMs: 60_000,
      webhookAnswerMs: 1500,
      digitsMs: 2000,
      twilioMs: 10_000,
      lookupMs: 1000,
      callerTokenMs: 3_600_000,
      callerLoginMs: 86_400_000,
      retentionMs: 0,
    },
    warnings: [],
    secrets: [],
  })
})

test("empty values count as not set", () => {
  const env = Object.fromEntries(
    CONFIG_TABLE.flatMap(({ name, also }) => [name, ...also].map((alias) => [alias, " "])),
  )
  expect(readConfig(env)).toEqual(readConfig({}))
})

test("the names of the earlier systems are enough, each with a warning", () => {
  const config = readConfig({
    SERVER_BASE_URL: "voice.example.com",
    ACCOUNT_SID: SID,
    AUTH_TOKEN: "token",
    API_KEY: "SK1",
    API_SECRET: "secret",
    FROM_NUMBER: "+15550100001",
    OPEN_AI_KEY: "sk-1",
    OUTBOUND_RATE_LIMIT_PER_MINUTE: "7",
  })
  expect(config).toMatchObject({
    publicUrl: "https://voice.example.com",
    twilio: {
      accountSid: SID,
      authTokens: ["token"],
      sharedKeys: [],
      apiKey: "SK1",
      apiSecret: "secret",
      fromNumber: "+15550100001",
    },
    openai: { apiKey: "sk-1" },
    limits: { serverCallStartsPerMinute: 7 },
  })
  expect(config.warnings).toHaveLength(8)
  expect(config.warnings[0]).toBe("SERVER_BASE_URL is read as PUBLIC_URL; better set PUBLIC_URL")
})

describe("two names for one thing", () => {
  test("the same value is fine, also with and without scheme", () => {
    const config = readConfig({
      PUBLIC_URL: "https://a.example/",
      SERVER: "a.example",
      ACCOUNT_SID: SID,
      TWILIO_ACCOUNT_SID: SID,
    })
    expect(config.publicUrl).toBe("https://a.example")
  })

  test("different values stop the start, without showing them", () => {
    const message = faultsOf({
      TWILIO_AUTH_TOKEN: "hidden-one",
      AUTH_TOKEN: "hidden-two",
      SERVER_BASE_URL: "a.example",
      SERVER: "b.example",
    })
    expect(message).toContain(
      "TWILIO_AUTH_TOKEN: differs from AUTH_TOKEN, which means the same; set one of them",
    )
    expect(message).toContain("SERVER_BASE_URL: differs from SERVER")
    expect(message).not.toContain("hidden")
  })
})

describe("PUBLIC_URL", () => {
  test.each([
    ["https by default", "voice.example.com", "https://voice.example.com"],
    ["a port without scheme", "voice.example.com:8443", "https://voice.example.com:8443"],
    ["no slash at the end", "https://voice.example.com/", "https://voice.example.com"],
    ["a path prefix is kept", "https://voice.example.com/phone/", "https://voice.example.com/phone"],
    ["a default port is left out", "https://voice.example.com:443", "https://voice.example.com"],
    ["http is allowed", "http://127.0.0.1:3000", "http://127.0.0.1:3000"],
  ])("%s", (_, value, expected) => expect(readConfig({ PUBLIC_URL: value }).publicUrl).toBe(expected))

  test.each([
    ["is joined to the address", "/voice/", "https://a.example", "https://a.example/voice"],
    ["needs no slash", "voice", "https://a.example", "https://a.example/voice"],
    ["is not put after a path that is there", "/voice", "https://a.example/voice", "https://a.example/voice"],
  ])("PATH_PREFIX %s", (_, PATH_PREFIX, PUBLIC_URL, expected) => {
    const { publicUrl, pathPrefix } = readConfig({ PATH_PREFIX, PUBLIC_URL })
    expect({ publicUrl, pathPrefix }).toEqual({ publicUrl: expected, pathPrefix: "/voice" })
  })

  test("PATH_PREFIX must be a path", () => {
    expect(() => readConfig({ PATH_PREFIX: "a?b" })).toThrow("PATH_PREFIX: must be a path, such as /voice")
  })

  test.each([
    ["is ./logs by default", {}, "./logs"],
    ["is none without the system it comes from", { COMPAT: "s2" }, undefined],
    ["can be another one", { COMPAT: "off", TRANSCRIPT_LOG_DIR: "/var/t" }, "/var/t"],
    ["can be none", { TRANSCRIPT_LOG_DIR: "off" }, undefined],
  ])("the folder of transcript files %s", (_, env, expected) => {
    expect(readConfig(env).transcriptLogDir).toBe(expected)
  })

  test.each([
    ["http to elsewhere", "http://voice.example.com", 1],
    ["http to a name that only begins like loopback", "http://127.0.0.1.example.com", 1],
    ["http to localhost", "http://localhost:3000", 0],
    ["http to ::1", "http://[::1]:3000/x", 0],
  ])("%s: warnings", (_, value, count) =>
    expect(readConfig({ PUBLIC_URL: value }).warnings).toHaveLength(count),
  )

  test.each([
    ["ftp://a.example"],
    ["https://user:pw@a.example"],
    ["https://a.example/?x=1"],
    ["https://"],
    ["a b"],
  ])("refused: %s", (value) => expect(faultsOf({ PUBLIC_URL: value })).toContain("PUBLIC_URL: must be"))
})

describe("faults", () => {
  test("all are reported at once, with names and without secrets", () => {
    const env = {
      PORT: "99999",
      TWILIO_ACCOUNT_SID: "nonsense-account",
      TWILIO_FROM_NUMBER: "555",
      TWILIO_EDGE: "dublin",
      TWILIO_API_KEY: "SKtopsecret",
      API_KEYS: "good,:user,key:",
      MAX_CALL_MS: "-1",
      LOG_LEVEL: "loud",
      COMPAT: "s2,s9",
      ALLOWED_ORIGINS: "https://a.example/path",
      ALLOWED_DESTINATIONS: "1555",
      DATABASE_URL: "postgres://host/db",
    }
    const message = faultsOf(env)
    for (const name of Object.keys(env).filter((key) => !/EDGE|API_KEY$/.test(key)))
      expect(message).toContain(`  ${name}: `)
    expect(message).toContain("  TWILIO_REGION: must be set too")
    expect(message).toContain("  TWILIO_API_SECRET: must be set too")
    expect(message).not.toContain("topsecret")
    expect(message).not.toContain("nonsense")
  })

  test.each([
    ["not a number", { PORT: "3e3" }, "PORT: must be a whole number"],
    ["a fraction", { TOOL_TIMEOUT_MS: "1.5" }, "TOOL_TIMEOUT_MS: must be a whole number"],
    ["a limit of zero", { OBSERVERS_PER_USER: "0" }, "OBSERVERS_PER_USER: must be between 1"],
    ["a number too large to count", { RETENTION_MS: "9".repeat(40) }, "RETENTION_MS: must be"],
    [
      "a secret without its key",
      { TWILIO_API_SECRET: "x", TWILIO_ACCOUNT_SID: SID },
      "TWILIO_API_KEY: must be set",
    ],
    [
      "a key pair without an account",
      { TWILIO_API_KEY: "x", TWILIO_API_SECRET: "y" },
      "TWILIO_ACCOUNT_SID: must be",
    ],
    ["a region alone", { TWILIO_REGION: "ie1" }, "TWILIO_EDGE: must be set too"],
    ["all beside others", { COMPAT: "all,s2" }, "COMPAT: all and off cannot be combined"],
    ["the same API key twice", { API_KEYS: "one:a,one:b" }, "API_KEYS: entry 2 repeats a key"],
    ["openai without a key", { MODEL_PROVIDER: "openai" }, "OPENAI_API_KEY: must be set too"],
    ["flowise without an address", { MODEL_PROVIDER: "flowise" }, "FLOWISE_BASE_URL: must be set too"],
    ["a memory there is not", { FLOWISE_MEMORY: "both" }, "FLOWISE_MEMORY: must be own or flowise"],
    [
      "another server without address",
      { MODEL_PROVIDER: "openai-compatible" },
      "OPENAI_BASE_URL: must be set too",
    ],
    [
      "an edge with a dot",
      { TWILIO_EDGE: "evil.com/", TWILIO_REGION: "ie1" },
      "TWILIO_EDGE: must be a plain name",
    ],
  ])("%s", (_, env, expected) => expect(faultsOf(env)).toContain(expected))
})

test("keys are bound to users, and the outbound key to none", () => {
  const config = readConfig({
    API_KEYS: "alpha-key-0123456789:anna, beta-key-0123456789, c-key-0123456789xx:a:b",
    OUTBOUND_API_KEY: "out-key-0123456789",
  })
  expect(config.apiKeys).toEqual([
    { key: "alpha-key-0123456789", userId: "anna" },
    { key: "beta-key-0123456789", userId: null },
    { key: "c-key-0123456789xx", userId: "a:b" },
    { key: "out-key-0123456789", userId: null },
  ])
  expect(config.secrets).toEqual(config.apiKeys.map(({ key }) => key))
  expect(config.warnings).toEqual([])
})

test.each([
  [
    "lists are split and trimmed",
    { TWILIO_AUTH_TOKEN: "new, old," },
    { twilio: { authTokens: ["new", "old"] } },
  ],
  [
    "only exactly false switches signatures off",
    { TWILIO_VALIDATE_WEBHOOKS: "False" },
    { twilio: { validateWebhooks: true } },
  ],
  [
    "false switches signatures off",
    { TWILIO_VALIDATE_WEBHOOKS: "false" },
    { twilio: { validateWebhooks: false } },
  ],
  [
    "edge and region together",
    { TWILIO_EDGE: "dublin", TWILIO_REGION: "ie1" },
    { twilio: { edge: "dublin", region: "ie1" } },
  ],
  ["no aliases", { COMPAT: "off" }, { compat: [] }],
  ["some aliases", { COMPAT: "s2,s3" }, { compat: ["s2", "s3"] }],
  ["a country in small letters", { DEFAULT_COUNTRY: "de" }, { defaultCountry: "DE" }],
  ["prefixes", { ALLOWED_DESTINATIONS: "+1,+4930" }, { allowedDestinations: ["+1", "+4930"] }],
  ["a plain path", { DATABASE_URL: "/var/lib/parley.db" }, { databaseUrl: "/var/lib/parley.db" }],
  ["memory", { DATABASE_URL: ":memory:" }, { databaseUrl: ":memory:" }],
  [
    "an address without its slash",
    { OPENAI_BASE_URL: "http://127.0.0.1:9/v1/" },
    { openai: { baseUrl: "http://127.0.0.1:9/v1" } },
  ],
] as const)("%s", (_, env, expected) => expect(readConfig(env)).toMatchObject(expected))

test("doubtful settings are warned of", () => {
  const { warnings } = readConfig({
    TWILIO_ACCOUNT_SID: SID,
    TWILIO_VALIDATE_WEBHOOKS: "false",
    API_KEYS: "short",
  })
  expect(warnings.map((warning) => warning.split(/[ =]/)[0])).toEqual([
    "TWILIO_AUTH_TOKEN",
    "TWILIO_VALIDATE_WEBHOOKS",
    "API_KEYS",
  ])
})

test("the table lists default, other names and secrecy of every variable", () => {
  expect(CONFIG_TABLE.find(({ name }) => name === "TWILIO_AUTH_TOKEN")).toEqual({
    name: "TWILIO_AUTH_TOKEN",
    default: "",
    also: ["AUTH_TOKEN"],
    secret: true,
    meaning: expect.any(String),
  })
  expect(CONFIG_TABLE.find(({ name }) => name === "PORT")?.default).toBe("3000")
  expect(CONFIG_TABLE.every(({ meaning }) => meaning.length > 8)).toBe(true)
  const secrets = CONFIG_TABLE.filter(({ secret }) => secret).flatMap(({ name, also }) => [name, ...also])
  expect(secrets).toEqual(expect.arrayContaining(["AUTH_TOKEN", "OPENAI_API_KEY", "API_KEYS"]))
  expect(secrets).not.toContain("PORT")
})
