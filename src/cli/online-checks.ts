/** Checks that ask the services themselves: the model's server, Twilio, and whether `PUBLIC_URL` leads here. They change nothing. */

import { z } from "zod"
import type { Config } from "../config/config.ts"
import { FLOWISE, OPENAI } from "../control/failure-log.ts"
import { listNumbers, type AnsweredNumber, type NumberContext } from "../control/numbers.ts"
import { messageOf } from "../lib/errors.ts"
import { adviceFor, networkCodeOf, type Service } from "../lib/failure-advice.ts"
import { isOpenAiHost, OPENAI_BASE_URL } from "../llm/openai/openai-client.ts"
import { createTwilioRest } from "../twilio/rest.ts"
import type { Check } from "./diagnostics.ts"
import { answeredBy, whereTo } from "./numbers-command.ts"

/** For each request, in milliseconds. */
const TIMEOUT_MS = 8_000
const MAX_NUMBERS = 1000

/** Asks the model's server for its list of models, which costs nothing. None for the demo model. (OpenAI: "List models".) */
export async function modelChecks(config: Config): Promise<Check[]> {
  const { openai, flowise, modelProvider } = config
  const about = "Model"
  if (modelProvider === "flowise" && flowise.baseUrl) {
    const headers = flowise.apiKey ? { Authorization: `Bearer ${flowise.apiKey}` } : {}
    const pong = await ask(`${flowise.baseUrl}/api/v1/ping`, { service: FLOWISE, about, headers })
    return ["state" in pong ? pong : { state: "ok", about, text: "Flowise answers" }]
  }
  if (modelProvider === "demo" || (!openai.apiKey && !openai.baseUrl)) return []
  const baseUrl = openai.baseUrl ?? OPENAI_BASE_URL
  const isOpenAi = isOpenAiHost(baseUrl)
  const service = { ...OPENAI, name: isOpenAi ? "OpenAI" : `the model server at ${new URL(baseUrl).origin}` }
  const headers = openai.apiKey ? { Authorization: `Bearer ${openai.apiKey}` } : {}
  const answer = await ask(`${baseUrl}/models`, { service, about, headers })
  if ("state" in answer) {
    // Some compatible servers have no list of models.
    if (isOpenAi || answer.status !== 404) return [answer]
    return [{ state: "ok", about, text: `${service.name} answers; it lists no models` }]
  }
  const listed = ModelList.safeParse(answer.body).data?.data.map(({ id }) => id) ?? []
  const models = [openai.model, ...(isOpenAi ? [openai.realtimeModel] : [])]
  const unknown = listed.length === 0 ? [] : models.filter((model) => !listed.includes(model))
  return [
    { state: "ok", about, text: `${service.name} accepts the key, ${listed.length} models` },
    ...unknown.map((model): Check => ({
      state: "warning",
      about,
      text: `${model} is not among the models of ${service.name}`,
      fix: `check ${model === openai.model ? "OPENAI_MODEL" : "OPENAI_REALTIME_MODEL"}`,
    })),
  ]
}

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) })

/** Reads the account with the token that signs webhooks, and lists where the numbers lead. */
export async function twilioChecks(config: Config, context: NumberContext): Promise<Check[]> {
  const { accountSid, authTokens, apiBaseUrl: baseUrl, edge, region, apiKey } = config.twilio
  const about = "Twilio"
  const [authToken] = authTokens
  if (!accountSid || (authToken === undefined && apiKey === undefined)) return []
  const checks: Check[] = []
  try {
    if (authToken !== undefined) {
      const timeoutMs = TIMEOUT_MS
      const rest = createTwilioRest({ accountSid, authToken, baseUrl, edge, region, timeoutMs })
      const { friendlyName, status, type } = await rest.account()
      if (status !== "active")
        return [{ state: "missing", about, text: `the account is ${status}`, fix: "see the Twilio Console" }]
      const trial = type === "Trial" ? ", a trial: it can call verified numbers only" : ""
      checks.push({ state: "ok", about, text: `account ${accountSid} (${friendlyName})${trial}` })
    }
    const numbers = await listNumbers(context, MAX_NUMBERS)
    return [...checks, ...numberChecks(numbers)]
  } catch (error) {
    const fix = "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
    return [...checks, { state: "missing", about, text: messageOf(error), fix }]
  }
}

function numberChecks(numbers: readonly AnsweredNumber[]): Check[] {
  const about = "Number"
  if (numbers.length === 0) {
    const text = "the account has no number"
    return [{ state: "warning", about, text, fix: "buy one in the Twilio Console" }]
  }
  const isReached = numbers.some(({ pointsHere }) => pointsHere)
  return numbers.map((number): Check => {
    const { phoneNumber, pointsHere } = number
    const text = `${phoneNumber}: ${answeredBy(number)}; ${whereTo(number)}`
    // Other numbers of the account may belong to other applications.
    if (pointsHere || isReached) return { state: "ok", about, text }
    return { state: "warning", about, text, fix: `parley numbers point ${phoneNumber}` }
  })
}

/**
 * Asks `PUBLIC_URL/health`, and whether this machine answered: the server that runs here, or for the moment of the check
 * a listener of its own. Nothing without `PUBLIC_URL`.
 */
export async function publicUrlChecks({ publicUrl, port }: Config): Promise<Check[]> {
  const about = "Public address"
  if (publicUrl === undefined) return []
  await using here = await answering(port)
  const service = { name: publicUrl, address: "PUBLIC_URL, and the tunnel or proxy" }
  const answer = await ask(`${publicUrl}/health`, { service, about, headers: {} })
  if ("state" in answer) {
    const fix = `${answer.fix ?? ""} It must lead to port ${port} of this machine.`.trim()
    return [{ ...answer, text: `${publicUrl}/health: ${answer.text}`, fix }]
  }
  const health = Health.safeParse(answer.body).data
  if (!health) {
    const text = `another program answers at ${publicUrl}`
    return [{ state: "missing", about, text, fix: `PUBLIC_URL must lead to port ${port} of this machine` }]
  }
  if (here.instance === undefined || health.instance === here.instance)
    return [{ state: "ok", about, text: `${publicUrl} leads here` }]
  const text = `another Parley server answers at ${publicUrl}`
  return [{ state: "warning", about, text, fix: `PUBLIC_URL should lead to port ${port} of this machine` }]
}

const Health = z.object({ service: z.literal("parley"), instance: z.string().optional() })

/** The id of the server that runs on the port, or of a listener that answers there until disposed. */
async function answering(port: number): Promise<AsyncDisposable & { instance: string | undefined }> {
  const instance = crypto.randomUUID()
  const nothing = { instance: undefined, async [Symbol.asyncDispose]() {} }
  if (port === 0) return nothing
  try {
    const server = Bun.serve({ port, fetch: () => Response.json({ service: "parley", instance }) })
    return { instance, [Symbol.asyncDispose]: () => server.stop(true) }
  } catch {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/health`, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      return { ...nothing, instance: Health.safeParse(await response.json()).data?.instance }
    } catch {
      return nothing
    }
  }
}

type Question = { service: Service; about: string; headers: Record<string, string> }
type Refused = Check & { status: number | undefined }

/** The JSON of an answer; or the check that failed. */
async function ask(url: string, { service, about, headers }: Question): Promise<{ body: unknown } | Refused> {
  let status: number | undefined
  let code: string | undefined
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(url, { headers, redirect: "manual", signal })
    if (response.ok) return { body: await response.json().catch(() => undefined) }
    ;({ status } = response)
  } catch (error) {
    code = networkCodeOf(error)
  }
  const { cause, fix } = adviceFor(service, { status, code })
  return { state: "missing", about, text: cause, fix, status }
}
