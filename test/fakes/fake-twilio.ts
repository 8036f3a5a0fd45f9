/** Twilio's REST API on a local port: real paths, names and answers, every request recorded, faults by script. */

import { systemClock, type Clock } from "../../src/lib/clock.ts"
import type { Form } from "../../src/twilio/form.ts"
import { checked, notFound, PARAMETERS, required, TwilioFault } from "./twilio-rules.ts"
import { TwilioServer, type FakeRequest } from "./twilio-server.ts"

/** A call resource as the REST API shows it. */
export type FakeCall = {
  sid: string
  account_sid: string
  to: string
  from: string
  status: string
  direction: string
  start_time: string | null
  end_time: string | null
  duration: string | null
  price: string | null
  price_unit: string
  date_created: string
  date_updated: string
  parent_call_sid: string | null
  answered_by: string | null
  api_version: string
  uri: string
}

export type FakeNumber = {
  sid: string
  phone_number: string
  friendly_name: string
  voice_url?: string
  voice_method?: string
  status_callback?: string
  status_callback_method?: string
  voice_application_sid?: string | null
  trunk_sid?: string | null
}

export type FakeTwilioOptions = {
  accountSid?: string
  authToken?: string
  apiKey?: string
  apiSecret?: string
  numbers?: readonly FakeNumber[]
  clock?: Pick<Clock, "now">
}

const OVER = ["completed", "busy", "no-answer", "failed", "canceled"]
const API = "/2010-04-01/Accounts/"

export class FakeTwilio extends TwilioServer {
  readonly accountSid: string
  readonly authToken: string
  readonly calls = new Map<string, FakeCall>()
  readonly messages: { sid: string; to: string; from: string; body: string }[] = []
  readonly numbers: FakeNumber[]
  accountStatus = "active"
  readonly #logins: Set<string>
  readonly #clock: Pick<Clock, "now">
  /** Addresses that a call has requested, by its SID. */
  readonly requestedUrls = new Map<string, string[]>()
  #made = 0

  constructor(options: FakeTwilioOptions = {}) {
    super()
    const { accountSid = `AC${"0".repeat(32)}`, authToken = "0123456789abcdef0123456789abcdef" } = options
    const { apiKey, apiSecret, numbers = [], clock = systemClock } = options
    this.accountSid = accountSid
    this.authToken = authToken
    this.numbers = [...numbers]
    this.#clock = clock
    this.#logins = new Set([basic(accountSid, authToken)])
    if (apiKey && apiSecret) this.#logins.add(basic(apiKey, apiSecret))
  }

  /** Puts a call into the account, as if it had been there before; the newest is listed first. */
  addCall(fields: Partial<FakeCall> = {}): FakeCall {
    const now = rfc2822(this.#clock.now())
    const sid = fields.sid ?? this.#newSid("CA")
    const call: FakeCall = {
      sid,
      account_sid: this.accountSid,
      to: "+15550100001",
      from: "+15550100002",
      status: "queued",
      direction: "outbound-api",
      start_time: null,
      end_time: null,
      duration: null,
      price: null,
      price_unit: "USD",
      date_created: now,
      date_updated: now,
      parent_call_sid: null,
      answered_by: null,
      api_version: "2010-04-01",
      uri: `${API}${this.accountSid}/Calls/${sid}.json`,
      ...fields,
    }
    this.calls.set(sid, call)
    return call
  }

  /** Twilio's Lookup v2: what it answers about a number; others are mobile. `invalid`: no number; `error`: a code in the package. */
  readonly lineTypes = new Map<string, string | { error: number }>()

  protected handle({ method, path, query, form, headers }: FakeRequest): Response {
    if (!this.#logins.has(headers["authorization"] ?? "")) throw new TwilioFault(401, 20003, "Authenticate")
    if (method === "GET" && path === `${API}${this.accountSid}.json`) return Response.json(this.#account())
    const looked = /^\/v2\/PhoneNumbers\/([^/]+)$/.exec(path)?.[1]
    if (method === "GET" && looked !== undefined) return this.#lookUp(decodeURIComponent(looked), query)
    const prefix = `${API}${this.accountSid}/`
    if (!path.startsWith(prefix)) throw notFound(path)
    const [resource = "", sid, part] = path
      .slice(prefix.length)
      .replace(/\.json$/, "")
      .split("/")
    if (method === "GET" && resource === "Calls" && part === "Events") {
      const events = (this.requestedUrls.get(this.#call(sid, path).sid) ?? []).map((url) => ({
        request: { method: "POST", url },
        response: { response_code: 200 },
      }))
      return page(events, "events", path, query)
    }
    switch (`${method} ${resource}${sid === undefined ? "" : "/:sid"}`) {
      case "POST Calls":
        return this.#createCall(checked(form, PARAMETERS.createCall))
      case "GET Calls":
        return this.#listCalls(checked(query, PARAMETERS.listCalls))
      case "POST Calls/:sid":
        return this.#updateCall(this.#call(sid, path), checked(form, PARAMETERS.updateCall))
      case "GET Calls/:sid":
        checked(query, PARAMETERS.none)
        return Response.json(this.#call(sid, path))
      case "POST Messages":
        return this.#createMessage(checked(form, PARAMETERS.createMessage))
      case "GET IncomingPhoneNumbers": {
        const fields = checked(query, PARAMETERS.listNumbers)
        return page(this.numbers, "incoming_phone_numbers", path, fields)
      }
      case "GET IncomingPhoneNumbers/:sid":
        checked(query, PARAMETERS.none)
        return Response.json(this.#number(sid, path))
      case "POST IncomingPhoneNumbers/:sid":
        return this.#updateNumber(this.#number(sid, path), checked(form, PARAMETERS.updateNumber))
      default:
        throw notFound(path)
    }
  }

  #account(): Record<string, unknown> {
    const { accountSid: sid, accountStatus: status } = this
    return {
      sid,
      owner_account_sid: sid,
      friendly_name: "Acme",
      status,
      type: "Full",
      uri: `${API}${sid}.json`,
    }
  }

  /** (Twilio: "Lookup v2 API".) */
  #lookUp(number: string, query: Form): Response {
    const known = this.lineTypes.get(number) ?? "mobile"
    const type = typeof known === "string" ? known : null
    const isAsked = query["Fields"] === "line_type_intelligence"
    return Response.json({
      calling_country_code: "1",
      country_code: "US",
      phone_number: number,
      national_format: number,
      valid: known !== "invalid",
      validation_errors: known === "invalid" ? ["INVALID_LENGTH"] : [],
      line_type_intelligence: isAsked
        ? {
            type,
            carrier_name: null,
            mobile_country_code: null,
            mobile_network_code: null,
            error_code: typeof known === "string" ? null : known.error,
          }
        : null,
      url: `https://lookups.twilio.com/v2/PhoneNumbers/${number}`,
    })
  }

  #call(sid: string | undefined, path: string): FakeCall {
    const call = this.calls.get(sid ?? "")
    if (!call) throw notFound(path)
    return call
  }

  #number(sid: string | undefined, path: string): FakeNumber {
    const number = this.numbers.find((known) => known.sid === sid)
    if (!number) throw notFound(path)
    return number
  }

  #updateNumber(number: FakeNumber, form: Form): Response {
    for (const [name, value] of Object.entries(form)) {
      const field = name.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase()
      const unset = value === "" && name.endsWith("Sid")
      Object.assign(number, { [field]: unset ? null : value })
    }
    return Response.json(number)
  }

  #createCall(form: Form): Response {
    const to = required(form, "To")
    const from = required(form, "From")
    if (!form["Url"] && !form["Twiml"] && !form["ApplicationSid"])
      throw new TwilioFault(400, 21205, "Url parameter is required")
    if (String(form["Twiml"] ?? "").length > 4000) throw new TwilioFault(400, 21603, "Twiml is too long")
    const call = this.addCall({ to, from })
    this.requestedUrls.set(call.sid, [String(form["Url"] ?? "").split("#", 1)[0] ?? ""])
    return Response.json(call, { status: 201 })
  }

  #updateCall(call: FakeCall, form: Form): Response {
    if (form["Url"] && form["Twiml"])
      throw new TwilioFault(400, 20001, "Url and Twiml are mutually exclusive")
    if (OVER.includes(call.status))
      throw new TwilioFault(400, 21220, "Call is not in-progress. Cannot redirect.")
    const status = form["Status"]
    if (status !== undefined && status !== "completed" && status !== "canceled") {
      throw new TwilioFault(400, 20001, `Invalid Status ${String(status)}`)
    }
    if (status === "completed" || (status === "canceled" && call.status !== "in-progress")) {
      call.status = status
      call.end_time = rfc2822(this.#clock.now())
    }
    return Response.json(call)
  }

  #listCalls(query: Form): Response {
    const matching = [...this.calls.values()]
      .toReversed()
      .filter(
        (call) =>
          (query["To"] ?? call.to) === call.to &&
          (query["From"] ?? call.from) === call.from &&
          (query["Status"] ?? call.status) === call.status &&
          (!query["StartTime>"] ||
            Date.parse(call.start_time ?? "") >= Date.parse(String(query["StartTime>"]))),
      )
    return page(matching, "calls", `${API}${this.accountSid}/Calls.json`, query)
  }

  #createMessage(form: Form): Response {
    const message = {
      sid: this.#newSid("SM"),
      to: required(form, "To"),
      from: required(form, "From"),
      body: required(form, "Body"),
    }
    if (message.body.length > 1600)
      throw new TwilioFault(400, 21617, "The message body exceeds 1600 characters")
    this.messages.push(message)
    return Response.json({ ...message, status: "queued", account_sid: this.accountSid }, { status: 201 })
  }

  #newSid(prefix: string): string {
    this.#made += 1
    return prefix + this.#made.toString(16).padStart(32, "0")
  }
}

function page(items: readonly unknown[], key: string, path: string, query: Form): Response {
  const size = Number(query["PageSize"] ?? 50)
  const number = Number(query["Page"] ?? 0)
  const isLast = (number + 1) * size >= items.length
  const next_page_uri = isLast ? null : `${path}?PageSize=${size}&Page=${number + 1}`
  const shown = items.slice(number * size, (number + 1) * size)
  return Response.json({ [key]: shown, page: number, page_size: size, next_page_uri, uri: path })
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`
}

function rfc2822(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000")
}
