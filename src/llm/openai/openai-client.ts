/** Loads the OpenAI SDK on first use; one client serves all requests to one address. */

import type OpenAI from "openai"
import type { ChatRequest } from "../chat-model.ts"
import { fetchReadably } from "./refusals.ts"

/** Source: OpenAI "API reference: Introduction". */
export const OPENAI_BASE_URL = "https://api.openai.com/v1"

/** Limit for response headers, in milliseconds. Callers that wait for tokens have shorter limits of their own. */
const HEADERS_TIMEOUT_MS = 60_000

/** Returns the client; the first call loads the SDK. */
export type OpenAiSource = () => Promise<OpenAI>

export type OpenAiSourceOptions = {
  /** Without a key, no `Authorization` header is sent: some servers without accounts refuse it. */
  apiKey?: string | undefined
  baseUrl?: string | undefined
}

export function openAiSource({ apiKey, baseUrl = OPENAI_BASE_URL }: OpenAiSourceOptions): OpenAiSource {
  let client: Promise<OpenAI> | undefined
  return function openAiClient() {
    client ??= load().catch((error: unknown) => {
      client = undefined
      throw error
    })
    return client
  }

  async function load() {
    const { default: Client } = await import("openai")
    return new Client({
      apiKey: apiKey ?? "none",
      baseURL: baseUrl,
      maxRetries: 0,
      timeout: HEADERS_TIMEOUT_MS,
      logLevel: "off",
      fetch: fetchReadably,
      // The SDK reads omitted options from the environment.
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      ...(apiKey === undefined ? { defaultHeaders: { Authorization: null } } : {}),
    })
  }
}

/** What the SDK is given with a request. */
export function requestOptions(
  { freshConnection }: Pick<ChatRequest, "freshConnection">,
  signal: AbortSignal,
) {
  return freshConnection === true ? { signal, fetchOptions: { keepalive: false } } : { signal }
}

/** Whether the URL is one of OpenAI's, of any region. False for an invalid URL. */
export function isOpenAiHost(baseUrl: string): boolean {
  const host = URL.parse(baseUrl)?.hostname ?? ""
  return host === "api.openai.com" || host.endsWith(".api.openai.com")
}
