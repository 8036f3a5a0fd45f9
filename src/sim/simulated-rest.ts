/** The REST side of a simulated account, on a port of its own: each requested call becomes a simulated call. */

import { messageOf } from "../lib/errors.ts"
import { AwaitableLog } from "./awaitable-log.ts"
import {
  callResource,
  errorResource,
  listResource,
  messageResource,
  numberResource,
  type SentMessage,
  type SimulatedNumber,
} from "./rest-resources.ts"
import { newSid } from "./sids.ts"
import type { CallOptions } from "./call-options.ts"
import type { SimulatedCall } from "./simulated-call.ts"
import type { SimulatedTwilio } from "./simulated-twilio.ts"
import type { StatusEvent } from "./status-callbacks.ts"

export type RestRequest = { at: number; method: string; path: string; form: URLSearchParams }

export type SimulatedRestOptions = {
  twilio: SimulatedTwilio
  /** Numbers of the account in E.164. */
  numbers?: readonly string[]
  /** API keys with their secrets, valid beside account SID and auth token. */
  apiKeys?: Readonly<Record<string, string>>
  /** How a call that is placed goes, such as `{ outcome: "busy" }`. Default: it is answered. */
  script?: (form: URLSearchParams) => Partial<CallOptions>
}

/** An error response. With `carriedOut` the request takes effect and only its response is replaced. */
export type Refusal = { status: number; code: number; message: string; carriedOut?: boolean }

const EVENTS: readonly StatusEvent[] = ["initiated", "ringing", "answered", "completed"]

export class SimulatedRest {
  readonly requests = new AwaitableLog<RestRequest>("the requests to REST")
  /** Calls that were placed, in order. */
  readonly calls = new AwaitableLog<SimulatedCall>("the placed calls", 200)
  readonly messages = new AwaitableLog<SentMessage>("the sent messages")
  readonly numbers: SimulatedNumber[]
  readonly #options: SimulatedRestOptions
  readonly #server: Bun.Server<undefined>
  readonly #refusals: Refusal[] = []

  constructor(options: SimulatedRestOptions) {
    this.#options = options
    this.numbers = (options.numbers ?? []).map(newNumber)
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => this.#answer(request),
    })
  }

  /** For `TWILIO_API_BASE_URL`. */
  get url(): string {
    return this.#server.url.origin
  }

  /** Refuses the next request with this answer; called twice, the next two. */
  refuseNext(refusal: Refusal): void {
    this.#refusals.push(refusal)
  }

  /** Stops listening. The calls continue. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
    for (const record of [this.requests, this.calls, this.messages]) record.close("the REST server stopped")
  }

  async #answer(request: Request): Promise<Response> {
    const { twilio } = this.#options
    const { pathname, searchParams } = new URL(request.url)
    const form = request.method === "POST" ? new URLSearchParams(await request.text()) : searchParams
    this.requests.push({ at: twilio.sweep.clock.now(), method: request.method, path: pathname, form })
    if (!this.#authorized(request)) return refused(401, 20003, "Authenticate")
    const refusal = this.#refusals.shift()
    if (refusal && !refusal.carriedOut) return refused(refusal.status, refusal.code, refusal.message)
    const response = this.#route(request.method, pathname, form)
    return refusal ? refused(refusal.status, refusal.code, refusal.message) : response
  }

  #authorized(request: Request): boolean {
    const { twilio, apiKeys = {} } = this.#options
    const basic = /^Basic (.+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1] ?? ""
    const [user = "", ...password] = Buffer.from(basic, "base64").toString().split(":")
    const expected = { ...apiKeys, [twilio.accountSid]: twilio.authToken }
    return Object.hasOwn(expected, user) && expected[user] === password.join(":")
  }

  #route(method: string, path: string, form: URLSearchParams): Response {
    const { accountSid } = this.#options.twilio
    const base = `/2010-04-01/Accounts/${accountSid}/`
    const [resource = "", sid] = path.startsWith(base)
      ? path
          .slice(base.length)
          .replace(/\.json$/, "")
          .split("/")
      : []
    switch (`${method} ${resource}${sid === undefined ? "" : "/:sid"}`) {
      case "POST Calls":
        return this.#place(form)
      case "GET Calls":
        return this.#listCalls(path, form)
      case "GET Calls/:sid":
        return this.#showCall(sid ?? "")
      case "POST Calls/:sid":
        return this.#updateCall(sid ?? "", form)
      case "GET IncomingPhoneNumbers":
        return this.#listNumbers(path, form)
      case "GET IncomingPhoneNumbers/:sid":
      case "POST IncomingPhoneNumbers/:sid":
        return this.#updateNumber(sid ?? "", form)
      case "POST Messages":
        return this.#sendMessage(form)
      default:
        return notFound(path)
    }
  }

  #place(form: URLSearchParams): Response {
    const { twilio, script = () => ({}) } = this.#options
    const [to, from] = [form.get("To"), form.get("From")]
    if (!to) return refused(400, 21211, "The 'To' number is not a valid phone number.")
    if (!from) return refused(400, 21212, "The 'From' number is not a valid phone number.")
    const [url, twiml] = [form.get("Url"), form.get("Twiml")]
    if (!url && !twiml) return refused(400, 21205, "Url parameter is required.")
    const statusUrl = form.get("StatusCallback")
    const asked = form.getAll("StatusCallbackEvent")
    const events = EVENTS.filter((event) => asked.includes(event))
    const timeLimit = form.get("TimeLimit")
    const call = twilio.call({
      from,
      to,
      direction: "outbound",
      method: methodOf(form.get("Method")),
      // Where both are given, the address wins.
      ...(url ? { voiceUrl: url } : { twiml: twiml ?? "" }),
      ...(statusUrl === null
        ? {}
        : { statusCallback: { url: statusUrl, events: asked.length > 0 ? events : ["completed"] } }),
      ...(timeLimit === null ? {} : { timeLimitSeconds: Number(timeLimit) }),
      ...script(form),
    })
    this.calls.push(call)
    const record = twilio.record(call.callSid)
    return record
      ? Response.json({ ...callResource(twilio.accountSid, record), status: "queued" }, { status: 201 })
      : notFound(call.callSid)
  }

  #listCalls(path: string, query: URLSearchParams): Response {
    const { twilio } = this.#options
    const records = twilio
      .records()
      .filter(
        ({ to, from, status }) =>
          fits(query.get("To"), to) && fits(query.get("From"), from) && fits(query.get("Status"), status),
      )
    const page = records.slice(0, Number(query.get("PageSize") ?? 50))
    const calls = page.map((record) => callResource(twilio.accountSid, record))
    return Response.json(listResource(path, "calls", calls))
  }

  #showCall(sid: string): Response {
    const { twilio } = this.#options
    const record = twilio.record(sid)
    return record ? Response.json(callResource(twilio.accountSid, record)) : notFound(`Calls/${sid}`)
  }

  #updateCall(sid: string, form: URLSearchParams): Response {
    const { twilio } = this.#options
    if (!twilio.record(sid)) return notFound(`Calls/${sid}`)
    const call = twilio.find(sid)
    if (!call || call.state.endedAt !== undefined) {
      return refused(400, 21220, "Call is not in-progress. Cannot redirect.")
    }
    const [status, url, twiml] = [form.get("Status"), form.get("Url"), form.get("Twiml")]
    const answered = call.state.answeredAt !== undefined
    if (status === "completed" || (status === "canceled" && !answered)) call.hangup()
    try {
      if (url) call.redirect({ url, method: methodOf(form.get("Method")) })
      else if (twiml) call.redirect({ twiml })
    } catch (error) {
      return refused(400, 12100, messageOf(error))
    }
    return this.#showCall(sid)
  }

  #listNumbers(path: string, query: URLSearchParams): Response {
    const { accountSid } = this.#options.twilio
    const wanted = query.get("PhoneNumber")
    const numbers = this.numbers.filter(({ phoneNumber }) => fits(wanted, phoneNumber))
    const resources = numbers.map((number) => numberResource(accountSid, number))
    return Response.json(listResource(path, "incoming_phone_numbers", resources))
  }

  #updateNumber(sid: string, form: URLSearchParams): Response {
    const number = this.numbers.find((known) => known.sid === sid)
    if (!number) return notFound(`IncomingPhoneNumbers/${sid}`)
    number.friendlyName = form.get("FriendlyName") ?? number.friendlyName
    number.voiceUrl = form.get("VoiceUrl") ?? number.voiceUrl
    number.voiceMethod = form.get("VoiceMethod") ?? number.voiceMethod
    number.statusCallback = form.get("StatusCallback") ?? number.statusCallback
    number.smsUrl = form.get("SmsUrl") ?? number.smsUrl
    number.voiceApplicationSid = form.get("VoiceApplicationSid") ?? number.voiceApplicationSid
    return Response.json(numberResource(this.#options.twilio.accountSid, number))
  }

  #sendMessage(form: URLSearchParams): Response {
    const { accountSid, sweep } = this.#options.twilio
    const [to, from, body] = [form.get("To"), form.get("From"), form.get("Body")]
    if (!to) return refused(400, 21211, "The 'To' number is not a valid phone number.")
    const message = { sid: newSid("SM"), to, from: from ?? "", body: body ?? "", at: sweep.clock.now() }
    this.messages.push(message)
    return Response.json(messageResource(accountSid, message), { status: 201 })
  }
}

function newNumber(phoneNumber: string): SimulatedNumber {
  return {
    sid: newSid("PN"),
    phoneNumber,
    friendlyName: phoneNumber,
    voiceUrl: "",
    voiceMethod: "POST",
    statusCallback: "",
    smsUrl: "",
    voiceApplicationSid: "",
  }
}

/** A filter of a list; a star matches any digits. */
function fits(pattern: string | null, value: string): boolean {
  if (pattern === null) return true
  return new RegExp(
    `^${pattern
      .split("*")
      .map((part) => RegExp.escape(part))
      .join(".*")}$`,
  ).test(value)
}

function methodOf(method: string | null): "GET" | "POST" {
  return method?.toUpperCase() === "GET" ? "GET" : "POST"
}

function refused(status: number, code: number, message: string): Response {
  return Response.json(errorResource(status, code, message), { status })
}

function notFound(path: string): Response {
  return refused(404, 20404, `The requested resource ${path} was not found`)
}
