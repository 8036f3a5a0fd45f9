/** Twilio Sync on a local port: services, maps, documents, revisions and limits; every request recorded, faults by script. */

import type { Form } from "../../src/twilio/form.ts"
import { notFound, required, TwilioFault } from "./twilio-rules.ts"
import { TwilioServer, type FakeRequest } from "./twilio-server.ts"

/** Parameter names of Twilio's OpenAPI document of Sync, version 1. */
const PARAMETERS: Record<string, readonly string[]> = {
  "GET Services": ["PageSize", "Page", "PageToken"],
  "POST Services": [
    "FriendlyName",
    "WebhookUrl",
    "ReachabilityWebhooksEnabled",
    "AclEnabled",
    "ReachabilityDebouncingEnabled",
    "ReachabilityDebouncingWindow",
    "WebhooksFromRestEnabled",
  ],
  "POST Maps": ["UniqueName", "Ttl", "CollectionTtl"],
  "GET Items": ["Order", "From", "Bounds", "PageSize", "Page", "PageToken"],
  "POST Items": ["Key", "Data", "Ttl", "ItemTtl", "CollectionTtl"],
  "POST Items/:key": ["Data", "Ttl", "ItemTtl", "CollectionTtl"],
  "POST Documents": ["UniqueName", "Data", "Ttl"],
  "POST Documents/:name": ["Data", "Ttl"],
}

/** Of the JSON of one entry. */
const MAX_DATA_BYTES = 16_384
const MAX_KEY_CHARACTERS = 320
const MADE = "2026-11-20T12:00:00Z"

type Entry = { data: unknown; revision: number }
type Service = {
  sid: string
  name: string
  maps: Map<string, Map<string, Entry>>
  documents: Map<string, Entry>
}

export class FakeTwilioSync extends TwilioServer {
  readonly accountSid = `AC${"0".repeat(32)}`
  readonly authToken = "0123456789abcdef0123456789abcdef"
  readonly services: Service[] = []
  #made = 0

  /** Requests as `METHOD path` below the service, in their order. */
  get log(): string[] {
    return this.requests.map(({ method, path }) =>
      `${method} ${path.replace(/^\/v1\/Services(?:\/IS\w+\/)?/, "")}`.trim(),
    )
  }

  /** A service as somebody else may have made it. */
  addService(name = "ConversationRelay"): Service {
    const service = { sid: this.#newSid("IS"), name, maps: new Map(), documents: new Map() }
    this.services.push(service)
    return service
  }

  /** Somebody edits an entry at Twilio; undefined deletes it. */
  edit(map: "Context" | "ToolManifest" | "serverConfig", key: string, data: unknown): void {
    const service = this.services[0] ?? this.addService()
    let entries = service.documents
    if (map !== "serverConfig") {
      entries = service.maps.get(map) ?? new Map<string, Entry>()
      service.maps.set(map, entries)
    }
    if (data === undefined) entries.delete(key)
    else entries.set(key, { data, revision: (entries.get(key)?.revision ?? -1) + 1 })
  }

  /** The data of every entry of a map, by key. */
  content(map: "Context" | "ToolManifest"): Record<string, unknown> {
    const entries = this.services[0]?.maps.get(map) ?? new Map<string, Entry>()
    return Object.fromEntries([...entries].map(([key, { data }]) => [key, data]))
  }

  get config(): unknown {
    return this.services[0]?.documents.get("serverConfig")?.data
  }

  protected handle(request: FakeRequest): Response {
    const { method, path, headers } = request
    const login = `Basic ${Buffer.from(`${this.accountSid}:${this.authToken}`).toString("base64")}`
    if (headers["authorization"] !== login) throw new TwilioFault(401, 20003, "Authenticate")
    const [api, collection, serviceSid, kind, name, items, key, ...rest] = path.split("/").slice(1)
    if (api !== "v1" || collection !== "Services" || rest.length > 0) throw notFound(path)
    if (serviceSid === undefined) return this.#ofServices(request)
    const service = this.services.find(({ sid }) => sid === serviceSid)
    if (!service) throw notFound(path)
    if (kind === "Documents" && items === undefined) return this.#ofDocuments(service, name, request)
    if (kind !== "Maps") throw notFound(path)
    if (name === undefined) return this.#createMap(service, request)
    const map = service.maps.get(name)
    if (!map || items !== "Items") throw notFound(path)
    if (key !== undefined) return this.#ofEntry(map, decodeURIComponent(key), "Items/:key", request)
    if (method === "GET") {
      const fields = checked("GET Items", request.query)
      const found = [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
      return page(
        found.map(([item, entry]) => shown(entry, { key: item })),
        "items",
        path,
        fields,
      )
    }
    const form = checked("POST Items", request.form)
    const newKey = required(form, "Key")
    if (newKey.length > MAX_KEY_CHARACTERS) throw new TwilioFault(400, 54302, "Key is too long")
    return createEntry(map, newKey, form, 54208, { key: newKey })
  }

  #ofServices({ method, path, query, form }: FakeRequest): Response {
    const view = ({ sid, name }: Service) => ({
      sid,
      friendly_name: name,
      date_created: MADE,
      date_updated: MADE,
    })
    if (method === "GET")
      return page(this.services.map(view), "services", path, checked("GET Services", query))
    const created = this.addService(String(checked("POST Services", form)["FriendlyName"] ?? ""))
    return Response.json(view(created), { status: 201 })
  }

  #createMap(service: Service, { method, path, form }: FakeRequest): Response {
    if (method !== "POST") throw notFound(path)
    const name = required(checked("POST Maps", form), "UniqueName")
    if (service.maps.has(name)) throw new TwilioFault(409, 54301, "Unique name already exists")
    service.maps.set(name, new Map())
    return Response.json({ sid: this.#newSid("MP"), unique_name: name, revision: "0" }, { status: 201 })
  }

  #ofDocuments({ documents }: Service, name: string | undefined, request: FakeRequest): Response {
    if (name !== undefined) return this.#ofEntry(documents, name, "Documents/:name", request)
    if (request.method !== "POST") throw notFound(request.path)
    const form = checked("POST Documents", request.form)
    const created = required(form, "UniqueName")
    return createEntry(documents, created, form, 54301, { sid: this.#newSid("ET"), unique_name: created })
  }

  #ofEntry(entries: Map<string, Entry>, key: string, what: string, request: FakeRequest): Response {
    const { method, path, form, headers } = request
    const entry = entries.get(key)
    if (!entry) throw notFound(path)
    const expected = headers["if-match"]
    if (expected !== undefined && expected !== String(entry.revision)) {
      throw new TwilioFault(
        412,
        54103,
        "The revision of the Sync entity does not match the expected revision",
      )
    }
    if (method === "GET") return Response.json(shown(entry, { key, unique_name: key }))
    if (method === "DELETE") {
      entries.delete(key)
      return new Response(null, { status: 204 })
    }
    entry.data = dataOf(checked(`POST ${what}`, form))
    entry.revision += 1
    return Response.json(shown(entry, { key, unique_name: key }))
  }

  #newSid(prefix: string): string {
    this.#made += 1
    return prefix + this.#made.toString(16).padStart(32, "0")
  }
}

function createEntry(
  entries: Map<string, Entry>,
  key: string,
  form: Form,
  conflictCode: number,
  names: Record<string, string>,
): Response {
  if (entries.has(key)) throw new TwilioFault(409, conflictCode, "An entry with this name already exists")
  const entry: Entry = { data: dataOf(form), revision: 0 }
  entries.set(key, entry)
  return Response.json(shown(entry, names), { status: 201 })
}

function dataOf(form: Form): unknown {
  const text = required(form, "Data")
  if (Buffer.byteLength(text) > MAX_DATA_BYTES) throw new TwilioFault(413, 54006, "Request entity too large")
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new TwilioFault(400, 20001, "Data is not a JSON object")
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new TwilioFault(400, 20001, "Data is not a JSON object")
  }
  return data
}

function shown({ data, revision }: Entry, names: Record<string, string>) {
  return {
    ...names,
    data,
    revision: String(revision),
    date_created: MADE,
    date_updated: MADE,
    date_expires: null,
  }
}

function checked(what: string, fields: Form): Form {
  for (const [name, value] of Object.entries(fields)) {
    if (!PARAMETERS[what]?.includes(name)) throw new TwilioFault(400, 20001, `Unknown parameter ${name}`)
    if (name === "PageSize" && !/^(?:[1-9]\d?|100)$/.test(String(value))) {
      throw new TwilioFault(400, 20001, `Invalid PageSize ${String(value)}`)
    }
  }
  return fields
}

function page(items: readonly unknown[], key: string, path: string, query: Form): Response {
  const size = Number(query["PageSize"] ?? 50)
  const number = Number(query["Page"] ?? 0)
  const isLast = (number + 1) * size >= items.length
  const url = `https://sync.twilio.com${path}?PageSize=${size}&Page=`
  const next_page_url = isLast ? null : `${url}${number + 1}`
  const meta = {
    key,
    page: number,
    page_size: size,
    url: `${url}${number}`,
    next_page_url,
    previous_page_url: null,
  }
  return Response.json({ [key]: items.slice(number * size, (number + 1) * size), meta })
}
