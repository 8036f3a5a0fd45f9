/** Settings grouped by subject, made of the environment variables. Pure. */

import type { Environment } from "./variables.ts"

export type Settings = ReturnType<typeof settingsFrom>

export function settingsFrom(env: Environment) {
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
    deepgram: { apiKey: env.DEEPGRAM_API_KEY, baseUrl: env.DEEPGRAM_BASE_URL },
    elevenlabs: { apiKey: env.ELEVENLABS_API_KEY, baseUrl: env.ELEVENLABS_BASE_URL },
    modelProvider: env.MODEL_PROVIDER,
    databaseUrl: env.DATABASE_URL,
    apiKeys: [...env.API_KEYS, ...unbound],
    localApi: env.LOCAL_API,
    allowedOrigins: env.ALLOWED_ORIGINS,
    allowedDestinations: env.ALLOWED_DESTINATIONS,
    allowedSipDomains: env.ALLOWED_SIP_DOMAINS,
    allowedQueues: env.ALLOWED_QUEUES,
    defaultCountry: env.DEFAULT_COUNTRY,
    allowPrivateAddresses: env.ALLOW_PRIVATE_ADDRESSES,
    webhook: {
      url: env.WEBHOOK_URL,
      secret: env.WEBHOOK_SECRET,
      source: env.WEBHOOK_SOURCE,
      timeoutMs: env.WEBHOOK_TIMEOUT_MS,
    },
    customerApi: {
      url: env.CUSTOMER_API_URL,
      key: env.CUSTOMER_API_KEY,
      paths: {
        lookup: env.CUSTOMER_API_LOOKUP_PATH,
        message: env.CUSTOMER_API_MESSAGE_PATH,
        login: env.CUSTOMER_API_LOGIN_PATH,
      },
      timeoutMs: env.CUSTOMER_API_TIMEOUT_MS,
    },
    consentLinks: {
      perNumberPerDay: env.CONSENT_LINKS_PER_NUMBER_PER_DAY,
      perHour: env.CONSENT_LINKS_PER_HOUR,
    },
    documents: {
      /** Google documents that are contexts, by key. */
      googleDocs: {
        systemMessage: env.GOOGLE_DOC_SYSTEM,
        consentMessage: env.GOOGLE_DOC_CONSENT,
        liveAgentMessage: env.GOOGLE_DOC_LIVE_AGENT,
      },
      googleBaseUrl: env.GOOGLE_DOC_BASE_URL,
      refreshMs: env.DOCUMENT_REFRESH_MS,
      timeoutMs: env.DOCUMENT_TIMEOUT_MS,
    },
    transferTo: env.TRANSFER_TO,
    sms: {
      allowedDestinations: env.SMS_ALLOWED_DESTINATIONS,
      perCall: env.SMS_PER_CALL,
      perRecipientPerDay: env.SMS_PER_RECIPIENT_PER_DAY,
      perHour: env.SMS_PER_HOUR,
    },
    assetsDir: env.ASSETS_DIR,
    /** Undefined: no files are written. */
    transcriptLogDir: transcriptLogDir(env),
    compat: env.COMPAT,
    logLevel: env.LOG_LEVEL,
    logFormat: env.LOG_FORMAT,
    limits: {
      callStartsPerMinute: env.CALL_STARTS_PER_MINUTE,
      serverCallStartsPerMinute: env.SERVER_CALL_STARTS_PER_MINUTE,
      messagesPerMinute: env.MESSAGES_PER_MINUTE,
      serverMessagesPerMinute: env.SERVER_MESSAGES_PER_MINUTE,
      observersPerUser: env.OBSERVERS_PER_USER,
      observersPerKey: env.OBSERVERS_PER_KEY,
      maxConcurrentCalls: env.MAX_CONCURRENT_CALLS,
      maxConversations: env.MAX_CONVERSATIONS,
      conversationsPerUser: env.CONVERSATIONS_PER_USER,
      maxCallers: env.MAX_CALLERS,
      lookupsPerHour: env.LOOKUPS_PER_HOUR,
    },
    times: {
      firstTokenMs: env.FIRST_TOKEN_TIMEOUT_MS,
      tokenGapMs: env.TOKEN_GAP_TIMEOUT_MS,
      waitPhraseMs: env.WAIT_PHRASE_AFTER_MS,
      modelConnectMs: env.MODEL_CONNECT_TIMEOUT_MS,
      modelPingMs: env.MODEL_PING_MS,
      modelStallMs: env.MODEL_STALL_MS,
      modelSilenceMs: env.MODEL_SILENCE_MS,
      speechStallMs: env.SPEECH_STALL_MS,
      socketPingMs: env.SOCKET_PING_MS,
      socketStallMs: env.SOCKET_STALL_MS,
      toolMs: env.TOOL_TIMEOUT_MS,
      drainMs: env.DRAIN_TIMEOUT_MS,
      workerStallMs: env.WORKER_STALL_MS,
      maxCallMs: env.MAX_CALL_MS,
      setupMs: env.SETUP_TIMEOUT_MS,
      conversationMs: env.CONVERSATION_TIMEOUT_MS,
      conversationTtlMs: env.CONVERSATION_TTL_MS,
      socketTokenMs: env.SOCKET_TOKEN_TTL_MS,
      webhookAnswerMs: env.WEBHOOK_ANSWER_MS,
      digitsMs: env.DIGITS_TIMEOUT_MS,
      twilioMs: env.TWILIO_TIMEOUT_MS,
      lookupMs: env.LOOKUP_TIMEOUT_MS,
      callerTokenMs: env.CALLER_TOKEN_TTL_MS,
      callerLoginMs: env.CALLER_LOGIN_TTL_MS,
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
