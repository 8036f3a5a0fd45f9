/** Why a request to a service failed, and how to fix it, in words that quote nothing of the service's response. Pure. */

/** A service, and the settings that an operator can check. */
export type Service = {
  /** As in "OpenAI". */
  name: string
  /** The variable with the key. */
  key?: string | undefined
  /** The variable with the address. */
  address?: string | undefined
  /** The variable with the model. */
  model?: string | undefined
}

export type FailureFacts = {
  /** HTTP status. */
  status?: number | undefined
  /** The service's error code, the code of a network error as in `ENOTFOUND`, or `timeout`. */
  code?: string | undefined
}

export type Advice = { cause: string; fix: string }

/** Budgets that are used up: no repetition helps. (OpenAI: "Error codes".) */
export const SPENT_CODES: ReadonlySet<string> = new Set([
  "insufficient_quota",
  "credit_balance_exhausted",
  "organization_spend_limit_exceeded",
  "project_spend_limit_exceeded",
  "organization_usage_limit_exceeded",
])

const UNKNOWN_MODEL = new Set(["model_not_found", "model_not_available", "invalid_model"])
const NETWORK_CODE = /^(?:E[A-Z_]{3,}|ConnectionRefused|FailedToOpenSocket|.*CERT.*|UNABLE_TO_.*)$/
const MAX_CAUSES = 5

export function adviceFor(service: Service, { status, code }: FailureFacts): Advice {
  const { name, key, address, model } = service
  const check = (...settings: (string | undefined)[]) => {
    const known = settings.filter((setting) => setting !== undefined)
    return known.length > 0 ? `Check ${known.join(" and ")}.` : "Check the settings of the service."
  }
  const number = status === undefined ? (code ?? "no response") : String(status)
  if (code !== undefined && SPENT_CODES.has(code))
    return {
      cause: `${name} has no budget left (${code})`,
      fix: "Add credit or raise the limit of the account.",
    }
  if (status === 401 || code === "invalid_api_key")
    return { cause: `${name} refused the key (${number})`, fix: check(key ?? address) }
  if (status === 404 || (code !== undefined && UNKNOWN_MODEL.has(code)))
    return { cause: `${name} does not know the model or the address (${number})`, fix: check(model, address) }
  if (status === 403)
    return { cause: `${name} does not allow this (403)`, fix: `${check(key)} It may lack a permission.` }
  if (status === 429)
    return {
      cause: `${name} limits the rate of requests (429)`,
      fix: "Wait, or raise the limit of the account.",
    }
  if (status !== undefined && status >= 500)
    return {
      cause: `${name} has an error (${status})`,
      fix: "Wait, and look at the status page of the service.",
    }
  if (status !== undefined) {
    const about = code === undefined ? String(status) : `${status}, ${code}`
    return {
      cause: `${name} refused the request (${about})`,
      fix: "Check the model settings and the tools of the agent.",
    }
  }
  return networkAdvice(service, code)
}

function networkAdvice({ name, address = "the address" }: Service, code: string | undefined): Advice {
  switch (code) {
    case "timeout":
    case "ETIMEDOUT":
      return {
        cause: `${name} did not respond in time`,
        fix: `Check ${address} and the network of this machine.`,
      }
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return {
        cause: `the host of ${name} cannot be resolved (${code})`,
        fix: `Check ${address} and the DNS of this machine.`,
      }
    case "ECONNREFUSED":
    case "ConnectionRefused":
    case "FailedToOpenSocket":
      return {
        cause: `nothing accepts connections at the address of ${name} (${code})`,
        fix: `Check ${address}, and that the service runs.`,
      }
    case "unreachable":
      return { cause: `${name} cannot be reached`, fix: `Check ${address} and the network of this machine.` }
    case "EPROTO":
      return { cause: `${name} does not speak TLS at this port`, fix: `Check ${address}: http or https.` }
    case undefined:
      return { cause: `${name} sent no complete response`, fix: "See the event model.failed of the call." }
    default:
      return /CERT|UNABLE_TO|TLS/.test(code)
        ? { cause: `the certificate of ${name} is not valid (${code})`, fix: `Check ${address}.` }
        : { cause: `the request to ${name} failed (${code})`, fix: `Check ${address}.` }
  }
}

/** The code of a network error, somewhere among the causes of an error; `timeout` where a time limit ended the request. */
export function networkCodeOf(error: unknown): string | undefined {
  let current = error
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    if (current.name === "TimeoutError" || current.constructor.name.startsWith("APIConnectionTimeout"))
      return "timeout"
    if ("code" in current && typeof current.code === "string" && NETWORK_CODE.test(current.code))
      return current.code
    current = current.cause
  }
  return undefined
}
