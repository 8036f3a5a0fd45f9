import { expect, test } from "bun:test"
import Ajv2020 from "ajv/dist/2020"
import addFormats from "ajv-formats"
import { Validator } from "@seriousme/openapi-schema-validator"
import { openApiDocument } from "../../../src/server/openapi/document.ts"
import { FakeTwilio } from "../../fakes/fake-twilio.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { allRoutes } from "../described-routes.ts"
import { jsonOf, prompt, setupFrame } from "../client.ts"

type Json = Record<string, unknown>
type Content = Record<
  string,
  { schema: Json; example?: unknown; examples?: Record<string, { value: unknown }> }
>
type Operation = {
  operationId: string
  tags: string[]
  summary: string
  security?: unknown[]
  parameters: {
    name: string
    in: string
    required: boolean
    description: string
    schema: Json
    example?: unknown
  }[]
  requestBody?: { required: boolean; content: Content }
  responses: Record<string, { description: string; headers: Record<string, unknown>; content: Content }>
}

// The document is checked as what a reader of its JSON gets, with the references to responses followed.
const document = JSON.parse(JSON.stringify(openApiDocument(allRoutes(), "https://parley.test")))
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const responses = Object.fromEntries(
      Object.entries<Json>(operation.responses).map(([status, response]) => [status, followed(response)]),
    )
    return { path, method, operation: { ...operation, responses } as Operation, name: `${method} ${path}` }
  }),
)

function followed(response: Json): unknown {
  const { $ref } = response
  return typeof $ref === "string" ? document.components.responses[$ref.split("/").at(-1) ?? ""] : response
}

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

/** Every object in the document but those of examples, with its place. */
function* objectsIn(value: unknown, place = "#"): Generator<[string, Json]> {
  if (typeof value !== "object" || value === null) return
  if (!Array.isArray(value)) yield [place, value as Json]
  for (const [name, part] of Object.entries(value)) {
    if (!/^examples?$/.test(name)) yield* objectsIn(part, `${place}/${name}`)
  }
}

test("the document is valid by the official schema of OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined })
})

test("the official schema refuses a document with an error", async () => {
  const broken = structuredClone(document)
  broken.paths["/v1/calls"].post.parameters[0].in = "nowhere"
  expect(await new Validator().validate(broken)).toMatchObject({ valid: false })
})

test("every operation is described: unique id, known tag, parameters, and all errors of its kind", () => {
  const ids = operations.map(({ operation }) => operation.operationId)
  expect(ids.filter((id, index) => ids.indexOf(id) !== index || !/^[a-z][A-Za-z]+$/.test(id))).toEqual([])
  const tags = document.tags.map(({ name }: { name: string }) => name)
  const wrong = operations.flatMap(({ operation, path, name }) => {
    const { parameters, requestBody, responses, security } = operation
    const statuses = Object.keys(responses)
    const faults = {
      "has no known tag": !operation.tags.every((tag) => tags.includes(tag)) || operation.tags.length !== 1,
      "has a parameter without description": parameters.some(({ description }) => !description),
      "has a path parameter without example": parameters.some(
        ({ in: place, example }) => place === "path" && example === undefined,
      ),
      "lacks an error of its key": security === undefined && ["401", "429"].some((code) => !responses[code]),
      "lacks 500": security === undefined && !responses["500"],
      "lacks 503": path.startsWith("/v1/") && !responses["503"],
      "lacks an error of its body": requestBody && ["400", "413", "415"].some((code) => !responses[code]),
      "lacks 400 of its query": parameters.some(({ in: place }) => place === "query") && !responses["400"],
      "has a response without request id": statuses.some((code) => !responses[code]?.headers["X-Request-Id"]),
      "does not say when to try again": ["429", "503"].some(
        (code) => isError(responses[code]) && !responses[code]?.headers["Retry-After"],
      ),
      "has an error of another form": statuses.some(
        (code) => /^[45]/.test(code) && code !== "503" && !isError(responses[code]),
      ),
    }
    return Object.entries(faults).flatMap(([fault, isSo]) => (isSo ? [`${name} ${fault}`] : []))
  })
  expect(wrong).toEqual([])
  const { parameters, responses } = operations.find(({ name }) => name === "post /v1/calls")?.operation ?? {}
  expect(parameters?.map((parameter) => parameter.name)).toContain("Idempotency-Key")
  expect(Object.keys(responses?.["201"]?.headers ?? {})).toEqual([
    "Location",
    "Idempotency-Replayed",
    "X-Request-Id",
  ])
})

function isError(response: Operation["responses"][string] | undefined): boolean {
  return response?.content["application/json"]?.schema["$ref"] === "#/components/schemas/Error"
}

test("every body and every response has an example that its schema accepts", () => {
  const wrong = operations.flatMap(({ operation, name }) =>
    [
      ["body", operation.requestBody?.content ?? {}] as const,
      ...Object.entries(operation.responses).map(([code, { content }]) => [code, content] as const),
    ].flatMap(([place, content]) =>
      Object.entries(content).flatMap(([type, { schema, example, examples = {} }]) => {
        const values = [
          ...(example === undefined ? [] : [example]),
          ...Object.values(examples).map(({ value }) => value),
        ]
        const validate = validatorOf(schema)
        const isGood = values.length > 0 && values.every((value) => validate(value))
        return isGood ? [] : [`${name} ${place} ${type}: ${JSON.stringify(validate.errors)}`]
      }),
    ),
  )
  expect(wrong).toEqual([])
})

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
      "needs a key and does not say so": security === undefined && !responses["401"],
    }
    return Object.entries(faults).flatMap(([fault, isSo]) => (isSo ? [`${name} ${fault}`] : []))
  })
  expect(wrong).toEqual([])
})

test("every reference leads to a component of the document, and every component is used", () => {
  const used = new Set<string>()
  const wrong = []
  for (const [place, { $ref, $schema, $id, $defs, id }] of objectsIn(document)) {
    if (typeof $ref === "string") {
      used.add($ref)
      const [, group = "", name = ""] = /^#\/components\/(\w+)\/(\w+)$/.exec($ref) ?? []
      if (!document.components[group]?.[name]) wrong.push(`${place}: ${$ref}`)
    }
    const isOwnId = typeof id === "string"
    if ($schema !== undefined || $id !== undefined || $defs !== undefined || isOwnId)
      wrong.push(`${place}: foreign words`)
  }
  expect(wrong).toEqual([])
  const unused = ["schemas", "responses", "headers"].flatMap((group) =>
    Object.keys(document.components[group]).filter((name) => !used.has(`#/components/${group}/${name}`)),
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

test("the document and the routes have the same operations", () => {
  const isOwn = (path: string) => path.startsWith("/v1/") || path === "/health" || path === "/metrics"
  const routes = allRoutes()
    .filter(({ method, path }) => method !== "ALL" && isOwn(path))
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`)
  expect([...new Set(routes)].toSorted()).toEqual(operations.map(({ name }) => name).toSorted())
})

test("answers are as the document says", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({
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

test("a request beyond the limit of those without a right key is answered as the document says", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: "a-secret-key" })
  let status = 401
  for (let sent = 0; status === 401 && sent < 1000; sent++) status = (await app.api("/v1/agents")).status
  const operation = operations.find(({ name }) => name === "get /v1/agents")?.operation
  expect(status).toBe(429)
  expect(isError(operation?.responses[String(status)])).toBe(true)
})

test("the document is served with the public address", async () => {
  await using app = await AppUnderTest.start({
    PUBLIC_URL: "https://proxy.test/phone",
    API_KEYS: "a-secret-key",
  })
  expect((await app.json("/openapi.json")).servers).toEqual([{ url: "https://proxy.test/phone" }])
})

test("every path of the API has one form of 401, 404 and 405", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: "a-secret-key" })
  const key = { Authorization: "Bearer a-secret-key" }
  const wrong = []
  for (const path of new Set(operations.map((operation) => operation.path))) {
    if (!path.startsWith("/v1/")) continue
    const at = path.replaceAll(/\{\w+\}/g, "x")
    // Of one peer only so many requests without a key are answered in a minute.
    app.clock.advance(5_000)
    const expected = {
      UNAUTHORIZED: [401, await app.api(at)],
      METHOD_NOT_ALLOWED: [405, await app.api(at, { method: "OPTIONS", headers: key })],
      NOT_FOUND: [404, await app.api(`${at}/no/such/path`, { headers: key })],
    } as const
    for (const [code, [status, answer]] of Object.entries(expected)) {
      const { error } = await jsonOf(answer)
      const header = { 401: "WWW-Authenticate", 405: "Allow", 404: "X-Request-Id" }[status]
      const isRight =
        answer.status === status && error.code === code && error.message && answer.headers.has(header)
      if (!isRight) wrong.push(`${path}: ${answer.status} ${JSON.stringify(error)}`)
    }
  }
  expect(wrong).toEqual([])
})
