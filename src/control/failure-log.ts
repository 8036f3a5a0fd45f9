/** Logs failures of models and tools during calls, each with its cause and how to fix it. */

import type { CallEvent, RecordedEvent } from "../call/events.ts"
import type { Config } from "../config/config.ts"
import { adviceFor, type Advice, type Service } from "../lib/failure-advice.ts"
import type { Log } from "../lib/log.ts"

type ServiceConfig = Pick<Config, "openai" | "realtimeProvider">

/** One warning for each failure that is not retried. The provider's own words are left out: they may quote the caller. */
export function failureLog(
  config: ServiceConfig,
  log: Log,
): (event: Pick<RecordedEvent, "callSid" | "event">) => void {
  return function onEvent({ callSid, event }) {
    const advice = adviceForEvent(config, event)
    if (!advice) return
    const { cause, fix } = advice
    if (event.type === "model.failed") {
      const { code, requestId, model, retried } = event
      const fields = { callSid, cause, fix, model, code, requestId }
      if (retried) log.info("model failed and is asked again", fields)
      else log.warn("model failed", fields)
    }
    if (event.type === "tool.finished")
      log.warn("tool failed", { callSid, tool: event.name, cause, fix, code: event.code })
  }
}

/** Cause and fix of a failed model or tool; undefined for every other event. */
export function adviceForEvent(config: ServiceConfig, event: CallEvent): Advice | undefined {
  if (event.type === "model.failed") return adviceFor(serviceOf(config, event.model), event)
  return event.type === "tool.finished" && !event.ok ? toolAdvice(event) : undefined
}

/** The service of a text model by the name in records, as in `openai:gpt-6-luna`; none: of the speech-to-speech model. */
function serviceOf({ openai, realtimeProvider }: ServiceConfig, model: string | undefined): Service {
  if (model === undefined && realtimeProvider === "azure") return AZURE
  if (model === undefined) return { ...OPENAI, model: "OPENAI_REALTIME_MODEL" }
  const [backEnd] = model.split(":")
  if (backEnd === "openai") return OPENAI
  if (backEnd === "flowise") return FLOWISE
  return { ...OPENAI, name: "the model server", key: openai.apiKey === undefined ? undefined : OPENAI.key }
}

export const OPENAI = {
  name: "OpenAI",
  key: "OPENAI_API_KEY",
  address: "OPENAI_BASE_URL",
  model: "OPENAI_MODEL",
} as const satisfies Service

export const FLOWISE = {
  name: "Flowise",
  key: "FLOWISE_API_KEY",
  address: "FLOWISE_BASE_URL",
  model: "FLOWISE_FLOW_ID",
} as const satisfies Service

const AZURE = {
  name: "Azure OpenAI",
  key: "AZURE_OPENAI_API_KEY",
  address: "AZURE_OPENAI_ENDPOINT",
  model: "AZURE_OPENAI_DEPLOYMENT_NAME",
} as const satisfies Service

function toolAdvice({ name, code, status }: Extract<CallEvent, { type: "tool.finished" }>): Advice {
  switch (code) {
    case "SERVICE_REFUSED": {
      const cause = `the service of ${name} refused the request (${status ?? "no status"})`
      if (status === 401 || status === 403)
        return { cause, fix: "Check the tool's TOOL_SECRET_ variable and the headers in its manifest." }
      if (status === 404) return { cause, fix: "Check the url of the tool in its manifest." }
      if ((status ?? 0) >= 500) return { cause, fix: "Look at the log of the service." }
      return { cause, fix: "Check the url, the method and the parameters of the tool in its manifest." }
    }
    case "SERVICE_FAILED":
      return {
        cause: `the service of ${name} cannot be reached or is too slow`,
        fix: "Check its url and that it runs; timeoutMs in the manifest is its time limit.",
      }
    case "TIMED_OUT":
      return { cause: `${name} took too long`, fix: "Check its service, or raise TOOL_TIMEOUT_MS." }
    case "NOT_CONFIGURED":
      return { cause: `${name} lacks a setting`, fix: "Run parley check: it names what is missing." }
    case "NOT_ALLOWED":
      return {
        cause: `${name} may not do this`,
        fix: "Check its address (ALLOW_PRIVATE_ADDRESSES) or the number (SMS_ALLOWED_DESTINATIONS).",
      }
    case "UNKNOWN_TOOL":
    case "INVALID_ARGUMENTS":
      return {
        cause: `the model called ${name} in a wrong way (${code})`,
        fix: "Describe the tool and its parameters more exactly in its manifest.",
      }
    case undefined:
    default:
      return {
        cause: `${name} failed (${code ?? "no code"})`,
        fix: "See the event tool.finished of the call.",
      }
  }
}
