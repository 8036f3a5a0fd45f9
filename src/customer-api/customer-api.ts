/**
 * The customer API: an HTTP service of the operator that knows which numbers have consented and are logged in, sends callers
 * a link for consent, and logs them in. Its answers may hold passwords: nothing of them is logged, stored or passed on but
 * the fields named here.
 */

import { z } from "zod"
import { CallerName, LanguageTag, MAX_KNOWLEDGE_CHARS } from "../call/caller.ts"
import { AppError } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"
import { Credentials } from "./credentials.ts"

/** What else the API may know of a caller. */
export type CustomerFacts = {
  name?: string | undefined
  language?: string | undefined
  /** Text for the agent. */
  knowledge?: string | undefined
}

/** Undefined: the API does not know the number. */
export type CustomerStatus =
  | (CustomerFacts & {
      isLoggedIn: boolean
      hasConsented: boolean
      /** Present where the caller can be logged in. */
      credentials: Credentials | undefined
    })
  | undefined

/** Every method rejects with `AppError` UPSTREAM_FAILED, whose message quotes nothing of the answer. */
export interface CustomerApi {
  /** Whether a number has consented and is logged in. Repeated once after a failure that may pass. */
  lookup(number: string): Promise<CustomerStatus>
  /** Has a link for consent sent to the number. `token`: lets the page behind the link report about this call. Not repeated. */
  sendMessage(request: { number: string; token: string; callSid: string | null }): Promise<void>
  /** Not repeated. */
  logIn(number: string, credentials: Credentials): Promise<CustomerFacts>
}

export type CustomerApiOptions = {
  url: string
  /** Sent as `Authorization: Bearer`. */
  key: string | undefined
  paths: { lookup: string; message: string; login: string }
  /** Longest wait for one answer, in milliseconds. */
  timeoutMs: number
  /** Refuses addresses that must not be reached. */
  fetch: (url: string, init: RequestInit) => Promise<Response>
  sweep: Sweep
}

/** Headers of `sendMessage`. The body has the form that existing services expect. */
const TOKEN_HEADER = "x-caller-token"
const CALL_HEADER = "x-call-sid"

/** Longest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024
/** Statuses after which the same request may succeed. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])

/** A field that does not fit counts as missing. */
const facts = {
  name: CallerName.optional().catch(undefined),
  language: LanguageTag.optional().catch(undefined),
  knowledge: z
    .string()
    .transform((text) => text.slice(0, MAX_KNOWLEDGE_CHARS))
    .optional()
    .catch(undefined),
}

const LookupAnswer = z.object({
  success: z.boolean().optional(),
  data: z
    .object({
      phoneNumber: z.string().nullish(),
      isLoggedIn: z.boolean().nullish(),
      hasConsented: z.boolean().nullish(),
      email: z.string().nullish(),
      password: z.string().nullish(),
      ...facts,
    })
    .nullish(),
})
/** Services also write `"false"`, 0 or null. */
const success = z.unknown().transform((given) => ![false, "false", 0, "0", null].some((no) => no === given))
const LoginAnswer = z.object({
  success,
  data: z.object(facts).nullish().catch(undefined),
  ...facts,
})
const Accepted = z.object({ success }).catch({ success: true })

export function createCustomerApi(options: CustomerApiOptions): CustomerApi {
  const { paths } = options
  return {
    async lookup(number) {
      const query = `?phoneNumber=${encodeURIComponent(number)}`
      const request = { what: "lookup", path: paths.lookup + query, init: { method: "GET" } }
      const parsed = LookupAnswer.safeParse(await ask(options, request, { attempts: 2 }))
      if (!parsed.success) throw failed("lookup", "answered in another form")
      const { success, data } = parsed.data
      if (success === false || !data) return undefined
      const { phoneNumber, email, password, isLoggedIn, hasConsented, name, language, knowledge } = data
      // The data of another number must not reach this caller.
      if (phoneNumber && digitsOf(phoneNumber) !== digitsOf(number))
        throw failed("lookup", "answered about another number")
      return {
        isLoggedIn: isLoggedIn ?? false,
        hasConsented: hasConsented ?? false,
        credentials: email && password ? new Credentials({ email, password }) : undefined,
        ...withoutSecrets({ name, language, knowledge }, [email, password]),
      }
    },

    async sendMessage({ number, token, callSid }) {
      const headers = { [TOKEN_HEADER]: token, ...(callSid === null ? {} : { [CALL_HEADER]: callSid }) }
      const request = { what: "message", path: paths.message, init: post({ phoneNumber: number }, headers) }
      if (!Accepted.parse(await ask(options, request)).success) throw failed("message", "refused it")
    },

    async logIn(number, credentials) {
      const { email, password } = credentials.reveal()
      const init = post({ phoneNumber: number, email, password })
      const answer = await ask(options, { what: "login", path: paths.login, init })
      const { success: isDone, data, ...top } = LoginAnswer.catch({ success: true }).parse(answer)
      if (!isDone) throw failed("login", "refused it")
      const found = {
        name: data?.name ?? top.name,
        language: data?.language ?? top.language,
        knowledge: data?.knowledge ?? top.knowledge,
      }
      return withoutSecrets(found, [email, password])
    },
  }
}

/** Shorter ones occur in any text. */
const MIN_SECRET = 4

/** Facts in whose texts e-mail address and password are replaced: services also put them into texts for the agent. */
function withoutSecrets(
  { name, language, knowledge }: CustomerFacts,
  secrets: readonly (string | null | undefined)[],
): CustomerFacts {
  const known = secrets.flatMap((secret) => secret?.trim() ?? []).filter(({ length }) => length >= MIN_SECRET)
  const hide = (text: string | undefined): string | undefined =>
    known.reduce((left: string | undefined, secret) => left?.replaceAll(secret, "[removed]"), text)
  return { name: hide(name) === name ? name : undefined, language, knowledge: hide(knowledge) }
}

type ApiRequest = {
  /** Name of the request in errors. */
  what: string
  path: string
  init: { method: string; headers?: Record<string, string>; body?: string }
}

function post(body: Record<string, string>, headers: Record<string, string> = {}): ApiRequest["init"] {
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  }
}

async function ask(
  options: CustomerApiOptions,
  request: ApiRequest,
  { attempts = 1 } = {},
): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    const answer = await attemptOnce(options, request)
    if (answer.ok) return answer.value
    if (!answer.isPassing || attempt >= attempts) throw failed(request.what, answer.why)
  }
}

type Answer = { ok: true; value: unknown } | { ok: false; why: string; isPassing: boolean }

async function attemptOnce(
  { url, key, timeoutMs, fetch: send, sweep }: CustomerApiOptions,
  { path, init }: ApiRequest,
): Promise<Answer> {
  const controller = new AbortController()
  const cancel = sweep.after(timeoutMs, () => controller.abort())
  try {
    const response = await send(url.replace(/\/+$/, "") + path, {
      ...init,
      headers: {
        accept: "application/json",
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...init.headers,
      },
      signal: controller.signal,
    })
    const text = await beginningOf(response)
    if (!response.ok)
      return { ok: false, why: `answered ${response.status}`, isPassing: PASSING.has(response.status) }
    return { ok: true, value: readJson(text) }
  } catch (error) {
    if (error instanceof AppError) return { ok: false, why: error.message, isPassing: false }
    // The message of another error may quote the request.
    const why = controller.signal.aborted ? `did not answer within ${timeoutMs} ms` : "could not be reached"
    return { ok: false, why, isPassing: true }
  } finally {
    cancel()
  }
}

/** Empty for an answer that is too long: it is not read to its end. */
async function beginningOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true })
    if (text.length > MAX_ANSWER_BYTES) return ""
  }
  return text + decoder.decode()
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failed(what: string, why: string): AppError {
  return new AppError("UPSTREAM_FAILED", `The customer API failed at the ${what}: it ${why}.`)
}

function digitsOf(number: string): string {
  return number.replace(/\D/g, "")
}
