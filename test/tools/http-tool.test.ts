import { afterAll, expect, test } from "bun:test"
import { HttpToolSpec } from "../../src/call/http-tool-spec.ts"
import { CallSid, newCallId } from "../../src/call/ids.ts"
import { httpTool } from "../../src/tools/http-tool.ts"
import type { ToolContext } from "../../src/tools/define-tool.ts"

type Seen = { method: string; path: string; headers: Record<string, string>; body: string }

const seen: Seen[] = []
let answers: (() => Response)[] = []
const service = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const { pathname, search } = new URL(request.url)
    seen.push({
      method: request.method,
      path: pathname + search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    })
    return answers.shift()?.() ?? Response.json({ found: true })
  },
})
afterAll(() => service.stop(true))

const context: ToolContext = {
  callId: newCallId(),
  callSid: CallSid.parse(`CA${"0".repeat(32)}`),
  peer: "+15550100001",
  caller: "+15550100001",
  changeRefusal: () => undefined,
  sms: undefined,
  signal: new AbortController().signal,
}

type Given = { http: Record<string, unknown>; secrets?: Record<string, string>; allowPrivate?: boolean }

async function run(
  args: string,
  { http, secrets = {}, allowPrivate = false }: Given,
  ...scripted: (() => Response)[]
) {
  seen.length = 0
  answers = scripted
  const tool = httpTool({
    spec: {
      name: "find-order",
      description: "",
      parameters: {
        type: "object",
        properties: { id: { type: "string" }, year: { type: "integer" } },
        required: ["id"],
      },
    },
    http: HttpToolSpec.parse(http),
    secrets,
    allowPrivate,
  })
  return tool.call(args, context)
}

const url = (path: string) => `http://127.0.0.1:${service.port}${path}`

test("GET puts arguments into path and query, escaped, and the answer reaches the model", async () => {
  const outcome = await run('{"id":"a/b c","year":2026}', {
    http: { url: url("/orders/{id}"), method: "GET" },
  })
  expect(outcome).toEqual({ ok: true, value: { message: "done", answer: { found: true } } })
  expect(seen.map(({ method, path }) => [method, path])).toEqual([["GET", "/orders/a%2Fb%20c?year=2026"]])
})

test("POST sends the arguments as JSON, with headers from secrets and the call", async () => {
  await run('{"id":"7"}', {
    http: { url: url("/orders"), headers: { Authorization: "Bearer ${CRM_TOKEN}" } },
    secrets: { CRM_TOKEN: "fake-token" },
  })
  const [request] = seen
  expect({ method: request?.method, body: request?.body }).toEqual({ method: "POST", body: '{"id":"7"}' })
  expect(request?.headers).toMatchObject({
    authorization: "Bearer fake-token",
    "content-type": "application/json",
    "x-call-sid": context.callSid,
  })
})

test.each([
  ["arguments that are no JSON", "{", "INVALID_ARGUMENTS"],
  ["arguments of a wrong type", '{"id":7}', "INVALID_ARGUMENTS"],
  ["a missing argument", "{}", "INVALID_ARGUMENTS"],
  ["an array", "[]", "INVALID_ARGUMENTS"],
] as const)("%s never leave the house", async (_, args, code) => {
  expect(await run(args, { http: { url: url("/") } })).toMatchObject({ ok: false, code })
  expect(seen).toEqual([])
})

test("a secret that is not set is named, and nothing is sent", async () => {
  const outcome = await run('{"id":"7"}', { http: { url: url("/"), headers: { "X-Key": "${NOT_SET}" } } })
  expect(outcome).toEqual({
    ok: false,
    code: "NOT_CONFIGURED",
    message: "The tool find-order needs TOOL_SECRET_NOT_SET, which is not set.",
  })
  expect(seen).toEqual([])
})

test.each([
  ["the metadata service", "http://169.254.169.254/latest"],
  ["a private network", "http://10.0.0.1/"],
  ["another scheme", "file:///etc/passwd"],
  ["no address at all", "orders"],
])("%s is refused", async (_, address) => {
  expect(await run('{"id":"7"}', { http: { url: address } })).toMatchObject({
    ok: false,
    code: "NOT_ALLOWED",
  })
})

test("a passing failure is tried again where the request may be repeated", async () => {
  const busy = () => new Response("busy", { status: 503 })
  const outcome = await run('{"id":"7"}', { http: { url: url("/"), method: "GET", retries: 2 } }, busy, busy)
  expect({ ok: outcome.ok, seenCount: seen.length }).toEqual({ ok: true, seenCount: 3 })
})

test("a lasting failure is not tried again, and the model reads it", async () => {
  const gone = () => new Response("no such order", { status: 404 })
  const outcome = await run('{"id":"7"}', { http: { url: url("/"), method: "GET", retries: 2 } }, gone)
  expect(outcome).toEqual({
    ok: false,
    code: "SERVICE_REFUSED",
    status: 404,
    message: "The service of find-order answered 404: no such order",
  })
  expect(seen.length).toBe(1)
})

test("a redirect is not followed", async () => {
  const away = () => new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } })
  expect(await run('{"id":"7"}', { http: { url: url("/"), method: "GET" } }, away)).toMatchObject({
    ok: false,
  })
  expect(seen.length).toBe(1)
})

test("a huge answer is cut", async () => {
  const outcome = await run(
    '{"id":"7"}',
    { http: { url: url("/") } },
    () => new Response("x".repeat(100_000)),
  )
  expect(outcome.ok && String(outcome.value["answer"]).length).toBe(8000)
})

test("of an answer without an end only the beginning is read", async () => {
  const endless = () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(4096).fill(120)) }),
    )
  const outcome = await run('{"id":"7"}', { http: { url: url("/") } }, endless)
  expect(outcome.ok && String(outcome.value["answer"]).length).toBe(8000)
})

test.each([["."], [".."], ["%2e%2e"], ["a/../.."]])(
  "the argument %p does not lead to another path",
  async (id) => {
    const http = { url: url("/orders/{id}/items"), method: "GET" }
    const outcome = await run(JSON.stringify({ id }), { http })
    const paths = seen.map(({ path }) => path)
    if (outcome.ok) expect(paths).toEqual([`/orders/${encodeURIComponent(id)}/items`])
    else expect({ code: outcome.code, paths }).toEqual({ code: "INVALID_ARGUMENTS", paths: [] })
  },
)

test.each([
  ["a missing one", {}],
  ["an empty one", { id: "" }],
  ["a blank one", { id: "  " }],
  ["an invisible one", { id: "\u200b" }],
  ["null", { id: null }],
  ["a dot", { id: "." }],
  ["two dots", { id: ".." }],
  ["an object", { id: { a: 1 } }],
  ["a list", { id: [".", "."] }],
] as const)("the argument of a path that is %s never asks for the whole collection", async (_, args) => {
  seen.length = 0
  const tool = httpTool({
    spec: { name: "delete-order", description: "", parameters: { type: "object", properties: {} } },
    http: HttpToolSpec.parse({ url: url("/v1/orders/{id}"), method: "DELETE" }),
    secrets: {},
    allowPrivate: false,
  })
  const outcome = await tool.call(JSON.stringify(args), context)
  expect([outcome.ok || outcome.code, seen]).toEqual(["INVALID_ARGUMENTS", []])
})

test.each([
  ["number", { id: 7 }, "/v1/orders/7"],
  ["a name with dots", { id: "a.b..c" }, "/v1/orders/a.b..c"],
  ["a slash", { id: "../7" }, "/v1/orders/..%2F7"],
  ["an argument that is not declared", { id: "7", admin: "true" }, "/v1/orders/7"],
  ["half a character", { id: "a\ud800" }, "/v1/orders/a%EF%BF%BD"],
])("an argument that is a %s stays within its segment", async (_, args, path) => {
  seen.length = 0
  const tool = httpTool({
    spec: { name: "read-order", description: "", parameters: { type: "object", properties: {} } },
    http: HttpToolSpec.parse({ url: url("/v1/orders/{id}"), method: "GET" }),
    secrets: {},
    allowPrivate: false,
  })
  expect((await tool.call(JSON.stringify(args), context)).ok).toBe(true)
  expect(seen.map((request) => request.path)).toEqual([path])
})

test("a secret may be the beginning of the address", async () => {
  await run('{"id":"7"}', { http: { url: "${SHOP}/orders/{id}" }, secrets: { SHOP: url("") } })
  expect(seen.map(({ path }) => path)).toEqual(["/orders/7"])
})

test("retries of a request that could act twice are refused in the manifest", () => {
  const parsed = HttpToolSpec.safeParse({ url: "https://crm.example.com/", method: "POST", retries: 1 })
  expect(parsed.error?.issues.map(({ path }) => path)).toEqual([["retries"]])
  expect(
    HttpToolSpec.safeParse({ url: "https://crm.example.com/", retries: 1, idempotent: true }).success,
  ).toBe(true)
})

test("an argument does not change what the query of the manifest says", async () => {
  await run('{"id":"7","year":2026}', { http: { url: url("/orders?year=2025"), method: "GET" } })
  expect(seen.map(({ path }) => path)).toEqual(["/orders?year=2025&id=7"])
})

test("facts are added by the program, and the message takes the place of the response", async () => {
  const http = {
    url: `${service.url.origin}/api/send-user-info-request`,
    facts: { phoneNumber: "caller", id: "callSid" },
    message: "A text message will come.",
  }
  const outcome = await run('{"id":"forged"}', { http }, () => Response.json({ password: "hunter2" }))
  expect(outcome).toEqual({ ok: true, value: { message: "A text message will come." } })
  expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ phoneNumber: "+15550100001", id: context.callSid })
})

test("a tool that needs the number of the caller sends nothing without one", async () => {
  const tool = httpTool({
    spec: { name: "replace_sensor", description: "", parameters: { type: "object" } },
    http: HttpToolSpec.parse({ url: service.url.href, facts: { phoneNumber: "caller" } }),
    secrets: {},
    allowPrivate: false,
  })
  seen.length = 0
  expect(await tool.call("{}", { ...context, caller: undefined })).toMatchObject({ code: "NOT_AVAILABLE" })
  expect(seen).toEqual([])
})

test("the customer API has variables of its own", async () => {
  const http = { url: "${CUSTOMER_API_URL}/x", headers: { authorization: "Bearer ${CUSTOMER_API_KEY}" } }
  expect(await run('{"id":"1"}', { http })).toEqual({
    ok: false,
    code: "NOT_CONFIGURED",
    message: "The tool find-order needs CUSTOMER_API_URL, CUSTOMER_API_KEY, which is not set.",
  })
  const secrets = { CUSTOMER_API_URL: service.url.origin, CUSTOMER_API_KEY: "key" }
  expect(await run('{"id":"1"}', { http, secrets })).toMatchObject({ ok: true })
  expect(seen).toMatchObject([{ path: "/x", headers: { authorization: "Bearer key" } }])
})
