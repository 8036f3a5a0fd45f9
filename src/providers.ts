/** The services outside that the configuration chooses: the models and Twilio. */

import { dirname, join } from "node:path"
import type { AgentModel } from "./assets/agent.ts"
import type { DocumentSettings } from "./assets/documents.ts"
import type { Config } from "./config/config.ts"
import { databaseLocation } from "./config/database-location.ts"
import { createCustomerApi, type CustomerApi } from "./customer-api/customer-api.ts"
import { getLog } from "./lib/log.ts"
import type { Sweep } from "./lib/sweep.ts"
import type { ChatModel } from "./llm/chat-model.ts"
import { createChatModel } from "./llm/create-model.ts"
import type { RealtimeServices } from "./realtime/call-options.ts"
import { connectTo } from "./realtime/connection/websocket.ts"
import type { PipelineCallOptions } from "./pipeline/pipeline-call.ts"
import { connectToEmbeddedServer, storedPrompts } from "./realtime/embedded/socket.ts"
import { speechOfAgent } from "./speech/speech-of-agent.ts"
import { PhraseCache } from "./speech/cache/phrase-cache.ts"
import { ProviderHealth } from "./speech/failover/provider-health.ts"
import { checkedFetch } from "./tools/checked-fetch.ts"
import { createTwilioRest, type TwilioRest } from "./twilio/rest.ts"
import type { TwilioSdkOptions } from "./twilio/sdk.ts"
import { createTwilioSync, type TwilioSync } from "./twilio/sync.ts"

const OPENAI_URL = "https://api.openai.com/v1"

/** The speech-to-speech model of the configuration; without one, the server that is built in. */
export function realtimeConnections(
  { openai, azure, realtimeProvider, modelProvider }: Config,
  sweep: Sweep,
): RealtimeServices["connectTo"] {
  const { apiKey, baseUrl } = openai
  return function connectionTo({ model, safetyId }) {
    if (realtimeProvider === "azure" && azure.endpoint && azure.apiKey && azure.deployment) {
      const { endpoint, apiKey: key, deployment, version } = azure
      return connectTo({ provider: "azure", endpoint, apiKey: key, deployment, version })
    }
    if (modelProvider === "demo" || (!apiKey && !baseUrl))
      return connectToEmbeddedServer({ prompts: storedPrompts(), sweep })
    return connectTo({ provider: "openai", baseUrl: baseUrl ?? OPENAI_URL, apiKey, model, safetyId })
  }
}

/** What agents hear and speak with. */
export function speechProviders(config: Config, sweep: Sweep): PipelineCallOptions["speechFor"] {
  const {
    modelConnectMs: connectMs,
    modelPingMs: pingMs,
    modelStallMs,
    speechStallMs: stallMs,
  } = config.times
  const services = { times: { connectMs, pingMs, stallMs: modelStallMs }, sweep, log: getLog("speech") }
  const health = new ProviderHealth(sweep.clock)
  const cache = new PhraseCache({ folder: phraseFolder(config), log: services.log })
  const { openai, modelProvider } = config
  const isEmbedded = modelProvider === "demo" || (!openai.apiKey && !openai.baseUrl)
  const options = { accounts: config, services, health, stallMs, cache, isEmbedded }
  return function speechFor({ speech, greeting, phrases, silence }, meter) {
    const fixed = [greeting, ...Object.values(phrases).flat(), ...silence.messages]
    return speechOfAgent({ ...speech, fixed }, { ...options, meter })
  }
}

/** Beside the database; undefined: nothing is written to the disk. */
function phraseFolder({ databaseUrl }: Config): string | undefined {
  const location = databaseLocation(databaseUrl)
  return location.kind === "file" ? join(dirname(location.path), "speech") : undefined
}

/** One model for each choice, so that connections are shared. */
export function cachedModels(
  config: Config,
  models: Map<string, ChatModel>,
): (choice: AgentModel) => ChatModel {
  return function modelFor(choice) {
    const provider = choice.provider === "auto" ? config.modelProvider : choice.provider
    const key = JSON.stringify({ ...choice, provider })
    const known = models.get(key)
    if (known) return known
    const model = createChatModel(
      { ...choice, provider },
      {
        openaiApiKey: config.openai.apiKey,
        openaiBaseUrl: config.openai.baseUrl,
        openaiModel: config.openai.model,
        flowise: config.flowise,
      },
    )
    models.set(key, model)
    return model
  }
}

/** How documents that are contexts are fetched. */
export function documentSettings(config: Config): DocumentSettings {
  return { ...config.documents, fetch: checkedFetch({ allowPrivate: config.allowPrivateAddresses }) }
}

/** Undefined without an address. */
export function customerApiOf(
  { customerApi, allowPrivateAddresses: allowPrivate }: Config,
  sweep: Sweep,
): CustomerApi | undefined {
  const { url, ...options } = customerApi
  return url === undefined
    ? undefined
    : createCustomerApi({ ...options, url, fetch: checkedFetch({ allowPrivate }), sweep })
}

/** Undefined without credentials. `sweep` times the limits of requests; default: timers of their own. */
export function twilioOf(config: Config, sweep?: Sweep): TwilioRest | undefined {
  const options = twilioOptions(config)
  if (!options || !sweep) return options && createTwilioRest(options)
  return createTwilioRest({ ...options, after: (ms, run) => sweep.after(ms, run) })
}

/** The account's Twilio Sync; undefined without credentials. */
export function twilioSyncOf(config: Config): TwilioSync | undefined {
  const options = twilioOptions(config)
  return options && createTwilioSync({ ...options, log: getLog("twilio") })
}

/** Undefined without credentials. */
function twilioOptions({ twilio, times }: Config): TwilioSdkOptions | undefined {
  const { accountSid, authTokens, apiKey, apiSecret, apiBaseUrl, edge, region } = twilio
  const [authToken] = authTokens
  if (!accountSid || (!authToken && !apiKey)) return undefined
  const timeoutMs = times.twilioMs
  return { accountSid, authToken, apiKey, apiSecret, baseUrl: apiBaseUrl, edge, region, timeoutMs }
}
