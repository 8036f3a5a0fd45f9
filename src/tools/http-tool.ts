/** A tool of a manifest that calls an HTTP service and returns the response to the model. */

import { z } from "zod"
import type { HttpToolSpec } from "../call/http-tool-spec.ts"
import type { JsonSchema, ToolSpec } from "../call/tool-spec.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import type { AnyTool, ToolContext, ToolOutcome } from "./define-tool.ts"
import { checkedFetch, type CheckedFetch } from "./checked-fetch.ts"

/** Longest part of a response that a model gets, in characters. */
const MAX_ANSWER = 8000
/** An argument in the path or the query. */
const PLACEHOLDER = /\{([A-Za-z0-9_.-]+)\}/g
/** Statuses after which the same request may succeed. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])

export type HttpToolOptions = {
  spec: ToolSpec
  http: HttpToolSpec
  /** Values for `${NAME}`. */
  secrets: Readonly<Record<string, string>>
  /** Whether addresses in private networks are allowed. */
  allowPrivate: boolean
  fetch?: CheckedFetch
}

type Arguments = Record<string, unknown>

/** A secret in an address or a header. */
const SECRET = /\$\{([A-Z][A-Z0-9_]*)\}/g

/** The variables with the secrets that a tool needs, as in `TOOL_SECRET_CRM`. */
export function secretVariables({ url, headers }: HttpToolSpec): string[] {
  const texts = [url, ...Object.values(headers)]
  const names = texts.flatMap((text) => [...text.matchAll(SECRET)].map(([, name = ""]) => variableOf(name)))
  return [...new Set(names)]
}

/** The customer API has variables of its own. */
function variableOf(name: string): string {
  return name === "CUSTOMER_API_URL" || name === "CUSTOMER_API_KEY" ? name : `TOOL_SECRET_${name}`
}

/** Never throws here; an invalid address or a missing secret becomes an outcome for the model. */
export function httpTool(options: HttpToolOptions): AnyTool {
  const { spec } = options
  const schema = argumentSchema(spec.parameters)
  return {
    name: spec.name,
    async call(argumentsJson, context) {
      let given: unknown
      try {
        given = argumentsJson.trim() === "" ? {} : JSON.parse(argumentsJson)
      } catch {
        return { ok: false, code: "INVALID_ARGUMENTS", message: "The arguments are not valid JSON." }
      }
      const parsed = schema.safeParse(given)
      if (!parsed.success) {
        const faults = parsed.error.issues.map(
          ({ path, message }) => `${path.join(".") || "arguments"}: ${message}`,
        )
        return { ok: false, code: "INVALID_ARGUMENTS", message: faults.join("; ") }
      }
      return ask(options, parsed.data, context)
    },
  }
}

/** Validates against the declared JSON Schema; one that zod cannot read accepts every object. */
function argumentSchema(parameters: JsonSchema): z.ZodType<Arguments> {
  const object = z.record(z.string(), z.unknown())
  try {
    const declared = z.fromJSONSchema({ type: "object", ...parameters })
    return object.superRefine((value, context) => {
      for (const issue of declared.safeParse(value).error?.issues ?? []) {
        context.addIssue({ code: "custom", path: [...issue.path], message: issue.message })
      }
    })
  } catch {
    return object
  }
}

async function ask(options: HttpToolOptions, args: Arguments, context: ToolContext): Promise<ToolOutcome> {
  const { http } = options
  const request = buildRequest(options, args, context)
  if ("fault" in request) return { ok: false, code: request.code, message: request.fault }
  let outcome = await attempt(options, request, context.signal)
  for (let retry = 0; retry < http.retries && outcome.passing && !context.signal.aborted; retry++) {
    outcome = await attempt(options, request, context.signal)
  }
  return outcome.outcome
}

type BuiltRequest = { url: string; init: { method: string; headers: Record<string, string>; body?: string } }
type Unbuilt = { code: "NOT_CONFIGURED" | "INVALID_ARGUMENTS" | "NOT_AVAILABLE"; fault: string }

/** The request, or why it cannot be built. */
function buildRequest(
  { http, secrets, spec }: HttpToolOptions,
  args: Arguments,
  { callSid, caller }: ToolContext,
): BuiltRequest | Unbuilt {
  const missing = new Set<string>()
  const withSecrets = (text: string) =>
    text.replace(SECRET, (_, name: string) => {
      const value = secrets[name]
      if (value === undefined) missing.add(variableOf(name))
      return value ?? ""
    })
  const template = withSecrets(http.url)
  const filled = fillUrl(template, args)
  const headers = Object.fromEntries(
    Object.entries(http.headers).map(([name, value]) => [name, withSecrets(value)]),
  )
  if (missing.size > 0) {
    const names = [...missing].join(", ")
    return { code: "NOT_CONFIGURED", fault: `The tool ${spec.name} needs ${names}, which is not set.` }
  }
  if ("fault" in filled) return { code: "INVALID_ARGUMENTS", fault: `${spec.name}: ${filled.fault}` }
  const { url: path, used } = filled
  const facts = Object.entries(http.facts ?? {}).map(
    ([name, fact]) => [name, { caller, callSid }[fact]] as const,
  )
  if (facts.some(([, value]) => value === undefined || value === null))
    return {
      code: "NOT_AVAILABLE",
      fault: `${spec.name} needs the number of the caller, which is not known.`,
    }
  const given = Object.entries(args).filter(
    ([name]) =>
      !used.has(name) && isDeclared(spec.parameters, name) && !Object.hasOwn(http.facts ?? {}, name),
  )
  const rest: (readonly [string, unknown])[] = [...given, ...facts]
  const common = {
    accept: "application/json, text/plain;q=0.9",
    ...(callSid ? { "x-call-sid": callSid } : {}),
  }
  if (http.method === "GET" || http.method === "DELETE") {
    if (!URL.canParse(path)) {
      return { code: "NOT_CONFIGURED", fault: `The address of the tool ${spec.name} is not a URL.` }
    }
    const url = new URL(path)
    // What the manifest itself says in the query is not for a model to change.
    const fixed = new Set(url.searchParams.keys())
    for (const [name, value] of rest) {
      if (!fixed.has(name)) url.searchParams.append(name, asText(value))
    }
    return { url: url.href, init: { method: http.method, headers: { ...common, ...headers } } }
  }
  return {
    url: path,
    init: {
      method: http.method,
      headers: { ...common, "content-type": "application/json", ...headers },
      body: JSON.stringify(Object.fromEntries(rest)),
    },
  }
}

/** Whether the manifest declares the argument; one that it does not know stays here. */
function isDeclared({ properties, additionalProperties }: JsonSchema, name: string): boolean {
  if (additionalProperties === true) return true
  return typeof properties === "object" && properties !== null && Object.hasOwn(properties, name)
}

/**
 * The template with its `{arguments}`, or what is wrong with them. In the path an argument must be given and must stay
 * within its own segment: empty, `.` and `..` would ask for another resource, such as the whole collection.
 */
function fillUrl(template: string, args: Arguments): { url: string; used: Set<string> } | { fault: string } {
  const used = new Set<string>()
  const [path = "", ...query] = template.split(/(?=[?#])/)
  let fault: string | undefined
  const fill = (text: string, { required }: { required: boolean }) =>
    text.replace(PLACEHOLDER, (_, name: string) => {
      used.add(name)
      const given = Object.hasOwn(args, name) ? args[name] : undefined
      const value = asText(given).toWellFormed()
      if (required && (isBlank(value) || typeof given === "object")) {
        fault ??= `the argument ${name} must be a text or a number that is not empty`
      }
      return encodeURIComponent(value)
    })
  const segments = path.split("/").map((template) => ({ template, text: fill(template, { required: true }) }))
  const dots = segments.find(({ template, text }) => template.includes("{") && isDotSegment(text))
  if (dots) fault ??= `the argument in /${dots.template} must not be . or ..`
  const filledPath = segments.map(({ text }) => text).join("/")
  if (!hasSamePath(path.replace(PLACEHOLDER, "x"), filledPath)) fault ??= "an argument changes the path"
  const url = [filledPath, ...query.map((text) => fill(text, { required: false }))].join("")
  return fault === undefined ? { url, used } : { fault }
}

/** Whether nothing of the text can be seen. */
function isBlank(text: string): boolean {
  return text.replace(/[\s\p{Cf}\p{Cc}]/gu, "") === ""
}

/** Whether both addresses have the same host and as many path segments. */
function hasSamePath(expected: string, actual: string): boolean {
  const [before, after] = [URL.parse(expected), URL.parse(actual)]
  if (!before || !after) return before === after
  return before.host === after.host && before.pathname.split("/").length === after.pathname.split("/").length
}

/** What the URL standard removes from a path, percent-encoded or not. (URL Standard, section 4.1.) */
function isDotSegment(segment: string): boolean {
  return /^(?:\.|%2e){1,2}$/i.test(segment)
}

/** `passing`: the same request may succeed another time. */
async function attempt(
  { http, spec, allowPrivate, fetch: send = checkedFetch({ allowPrivate }) }: HttpToolOptions,
  { url, init }: BuiltRequest,
  signal: AbortSignal,
): Promise<{ outcome: ToolOutcome; passing: boolean }> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(http.timeoutMs)])
  try {
    const response = await send(url, { ...init, signal: limit })
    const text = await beginningOf(response)
    if (response.ok) {
      const value =
        http.message === undefined ? { message: "done", answer: readAnswer(text) } : { message: http.message }
      return { outcome: { ok: true, value }, passing: false }
    }
    const message = `The service of ${spec.name} answered ${response.status}: ${text.slice(0, 500)}`
    const { status } = response
    return { outcome: { ok: false, code: "SERVICE_REFUSED", message, status }, passing: PASSING.has(status) }
  } catch (error) {
    if (error instanceof AppError)
      return { outcome: { ok: false, code: "NOT_ALLOWED", message: error.message }, passing: false }
    const late = limit.aborted
    const why = late
      ? `did not answer within ${http.timeoutMs} ms`
      : `could not be reached (${messageOf(error)})`
    return {
      outcome: { ok: false, code: "SERVICE_FAILED", message: `The service of ${spec.name} ${why}.` },
      passing: true,
    }
  }
}

/** The beginning of a body. The rest is not read, because a body may be endless. */
async function beginningOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true })
    if (text.length >= MAX_ANSWER) break
  }
  return (text + decoder.decode()).slice(0, MAX_ANSWER)
}

function readAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}
