import { expect, test } from "bun:test"
import Ajv2020 from "ajv/dist/2020"
import addFormats from "ajv-formats"
import { readConfig } from "../../../src/config/config.ts"
import type { ServerContext } from "../../../src/server/context.ts"
import { createHttp } from "../../../src/server/http.ts"
import { openApiDocument } from "../../../src/server/v1/openapi.ts"
import { requestPath } from "../../../src/server/twilio/request-path.ts"
import { FakeTwilio } from "../../fakes/fake-twilio.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { prompt, setupFrame } from "../wire.ts"

type Json = Record<string, unknown>
type Operation = {
  summary: string
  security?: unknown[]
  parameters: { name: string; in: string; required: boolean; schema: Json }[]
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>
}

// The document is checked as what a reader of its JSON gets.
const document = JSON.parse(JSON.stringify(openApiDocument("https://parley.test")))
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method,
    operation,
    name: `${method} ${path}`,
  })),
)

const ajv = addFormats(new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }))
// Words of OpenAPI, which JSON Schema passes over.
ajv.addVocabulary(["discriminator", "components"])
ajv.addSchema({ $id: "https://parley.test/openapi.json", components: document.components })

/** Checks values against a schema of the document. */
function validatorOf(schema: Json) {
  return ajv.compile(
    JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"https://parley.test/openapi.json#/')),
  )
}

/** Every object in the document, with its place. */
function* objectsIn(value: unknown, place = "#"): Generator<[string, Json]> {
  if (typeof value !== "object" || value === null) return
  if (!Array.isArray(value)) yield [place, value as Json]
  for (const [name, part] of Object.entries(value)) yield* objectsIn(part, `${place}/${name}`)
}

test("the document has the shape of OpenAPI 3.1", () => {
  expect(document.openapi).toMatch(/^3\.1\.\d+$/)
  expect(document.info).toMatchObject({ title: "Parley", version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
  expect(document.servers).toEqual([{ url: "https://parley.test" }])
  const wrong = operations.flatMap(({ path, method, operation, name }) => {
    const { summary, parameters, requestBody, responses, security } = operation
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter)
    const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name}`)
    const faults = {
      "is no path": !/^(\/([a-z0-9._-]+|\{\w+\}))+$/.test(path),
      "is no method": !/^(get|put|post|delete|patch)$/.test(method),
      "has no summary": !summary,
      "has a parameter twice": new Set(keys).size !== keys.length,
      "has other parameters in its path":
        inPath.join() !==
        parameters
          .filter((p) => p.in === "path")
          .map((p) => p.name)
          .join(),
      "leaves a parameter of its path open": parameters.some((p) => p.in === "path" && !p.required),
      "has a parameter without schema": parameters.some(
        (p) => !/^(path|query|header)$/.test(p.in) || !p.schema,
      ),
      "has a body where there is none": requestBody !== undefined && /^(get|delete)$/.test(method),
      "has no answer": !Object.keys(responses).some((status) => /^2\d\d$/.test(status)),
      "has an answer without words": Object.values(responses).some(({ description }) => !description),
      "has an answer under no status": Object.keys(responses).some((status) => !/^[2-5]\d\d$/.test(status)),
      "needs a key and does not tell": security === undefined && !responses["401"],
    }
    return Object.entries(faults).flatMap(([fault, isSo]) => (isSo ? [`${name} ${fault}`] : []))
  })
  expect(wrong).toEqual([])
})

test("every reference leads to a schema of the document, and every schema is used", () => {
  const used = new Set<string>()
  const wrong = []
  for (const [place, { $ref, $schema, $id, $defs, id }] of objectsIn(document)) {
    if (typeof $ref === "string") {
      used.add($ref)
      if (!document.components.schemas[$ref.replace("#/components/schemas/", "")])
        wrong.push(`${place}: ${$ref}`)
    }
    const isOwnId = typeof id === "string"
    if ($schema !== undefined || $id !== undefined || $defs !== undefined || isOwnId)
      wrong.push(`${place}: foreign words`)
  }
  expect(wrong).toEqual([])
  const unused = Object.keys(document.components.schemas).filter(
    (name) => !used.has(`#/components/schemas/${name}`),
  )
  expect(unused).toEqual([])
})

test("every schema is one", () => {
  for (const { operation } of operations) {
    const bodies = [operation.requestBody, ...Object.values(operation.responses)]
    const schemas = [
      ...operation.parameters.map(({ schema }) => schema),
      ...bodies.flatMap((body) => Object.values(body?.content ?? {}).map(({ schema }) => schema)),
    ]
    for (const schema of schemas) expect(validatorOf(schema)).toBeFunction()
  }
})

/** A part that is never used: the routes are only listed. */
const anything: unknown = new Proxy(() => {}, { get: () => anything, apply: () => anything })

test("the document and the routes have the same operations", () => {
  const config = readConfig({ COMPAT: "off" })
  const parts = { control: anything, liveCalls: anything, library: anything, counts: anything, log: anything }
  const context = { ...parts, config, pathOf: requestPath(undefined), startedAt: 0 }
  const http = createHttp(context as unknown as ServerContext)
  const isOwn = (path: string) => path.startsWith("/v1/") || path === "/health" || path === "/metrics"
  const routes = http.routes
    .filter(({ method, path }) => method !== "ALL" && isOwn(path))
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`)
  expect([...new Set(routes)].toSorted()).toEqual(operations.map(({ name }) => name).toSorted())
})

test("answers are as the document says", async () => {
  await using twilio = new FakeTwilio()
  await using app = new AppUnderTest({
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  })
  const { callSid, socketUrl } = await app.incoming()
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  socket.send({ type: "dtmf", digit: "#" })
  socket.send(prompt("What are your opening hours?"))
  await socket.frames.next(({ last }) => last === true)

  const checked: string[] = []
  const check = async (name: string, answer: Response) => {
    const operation = operations.find((candidate) => candidate.name === name)?.operation
    const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? ""
    const schema = operation?.responses[String(answer.status)]?.content?.[type]?.schema
    if (!schema) throw new Error(`${name} answers ${answer.status} ${type}, which is not in the document`)
    const body: unknown = type === "application/json" ? await answer.json() : await answer.text()
    const validate = validatorOf(schema)
    validate(body)
    expect([name, validate.errors ?? []]).toEqual([name, []])
    checked.push(`${name} ${answer.status}`)
  }
  const place = { to: "+15550100003", from: "+15550100002", parameters: { a: 1 } }
  await check("post /v1/calls", await app.post("/v1/calls", place, { "Idempotency-Key": "k" }))
  await check("post /v1/calls", await app.post("/v1/calls", { ...place, to: 7 }, { "Idempotency-Key": "k" }))
  await check(
    "post /v1/calls",
    await app.post("/v1/calls", { ...place, prompt: "x" }, { "Idempotency-Key": "k" }),
  )
  await check("post /v1/calls", await app.api("/v1/calls", { method: "POST", body: "to=1" }))
  await check("post /v1/calls", await app.post("/v1/calls", { ...place, prompt: "x".repeat(1024 * 1024) }))
  for (const _ of [1, 2, 3, 4]) await app.post("/v1/calls", place)
  await check("post /v1/calls", await app.post("/v1/calls", place))
  await check("get /v1/calls", await app.api("/v1/calls?limit=1"))
  await check("get /v1/calls", await app.api("/v1/calls?limit=none"))
  await check("get /v1/calls/{sid}", await app.api(`/v1/calls/${callSid}`))
  await check("get /v1/calls/{sid}", await app.api("/v1/calls/nothing"))
  await check("get /v1/calls/{sid}", await app.api(`/v1/calls/CA${"f".repeat(32)}`))
  await check("get /v1/calls/{sid}/transcript", await app.api(`/v1/calls/${callSid}/transcript`))
  await check("get /v1/calls/{sid}/transcript", await app.api(`/v1/calls/${callSid}/transcript?format=text`))
  await check("get /v1/calls/{sid}/events", await app.api(`/v1/calls/${callSid}/events?limit=2`))
  await check("post /v1/calls/{sid}/end", await app.post(`/v1/calls/${callSid}/end`))
  await check("get /metrics", await app.api("/metrics"))
  await check("get /metrics", await app.api("/metrics?format=prometheus"))
  await check("get /health", await app.api("/health"))
  const drained = app.app.drain()
  await check("get /health", await app.api("/health"))
  app.clock.advance(10_000)
  await drained
  expect(checked).toHaveLength(19)
})

test("the document is served with the public address", async () => {
  await using app = new AppUnderTest({ PUBLIC_URL: "https://proxy.test/phone", API_KEYS: "a-secret-key" })
  expect((await app.json("/openapi.json")).servers).toEqual([{ url: "https://proxy.test/phone" }])
})
