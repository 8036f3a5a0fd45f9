import { expect, test } from "bun:test"
import { inspect } from "node:util"
import { Credentials } from "../../src/customer-api/credentials.ts"
import { createCustomerApi } from "../../src/customer-api/customer-api.ts"
import { AppError } from "../../src/lib/errors.ts"
import { EMAIL, FakeCustomerApi, PASSWORD } from "../fakes/fake-customer-api.ts"
import { TestClock } from "../lib/test-clock.ts"
import { rejection } from "../llm/fixture.ts"

const NUMBER = "+15550100001"
const PATHS = { lookup: "/v2/find", message: "/v2/ask", login: "/v2/enter" }

function harness({
  key,
  paths = { lookup: "/api/lookup-phone", message: "/api/send-message", login: "/api/login" },
}: { key?: string; paths?: typeof PATHS } = {}) {
  const stack = new AsyncDisposableStack()
  const fake = stack.use(new FakeCustomerApi())
  const clock = stack.use(new TestClock())
  const api = createCustomerApi({
    url: `${fake.url}/`,
    key,
    paths,
    timeoutMs: 1000,
    fetch: (url, init) => fetch(url, { ...init, keepalive: false }),
    sweep: clock.sweep,
  })
  return { fake, clock, api, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test("credentials show themselves nowhere", () => {
  const credentials = new Credentials({ email: EMAIL, password: PASSWORD })
  const shown = [
    JSON.stringify({ credentials }),
    inspect({ credentials }),
    String(credentials),
    Bun.inspect(credentials),
  ]
  expect(shown.filter((text) => text.includes(PASSWORD) || text.includes(EMAIL))).toEqual([])
  expect(credentials.reveal()).toEqual({ email: EMAIL, password: PASSWORD })
})

test("paths and key are settings", async () => {
  await using h = harness({ key: "secret-key", paths: PATHS })
  h.fake.answers["/v2/find"] = [{ body: { success: true, data: { isLoggedIn: true } } }]
  await h.api.lookup(NUMBER)
  await h.api.sendMessage({ number: NUMBER, token: "pct_t", callSid: "CA1" })
  await h.api.logIn(NUMBER, new Credentials({ email: EMAIL, password: PASSWORD }))
  expect(h.fake.paths).toEqual(["GET /v2/find", "POST /v2/ask", "POST /v2/enter"])
  const [, asked] = h.fake.requests.all
  expect(asked?.headers.get("authorization")).toBe("Bearer secret-key")
  expect([asked?.headers.get("x-caller-token"), asked?.headers.get("x-call-sid")]).toEqual(["pct_t", "CA1"])
})

test.each([
  ["a caller who is not known", { success: false }, undefined],
  ["no data", { success: true }, undefined],
  [
    "null in place of fields",
    { data: { isLoggedIn: null, hasConsented: null, email: null, password: null } },
    { isLoggedIn: false, hasConsented: false },
  ],
  [
    "a name that is none, which is left out",
    { data: { hasConsented: true, name: "<b>" } },
    { hasConsented: true, name: undefined },
  ],
  [
    "an e-mail without a password",
    { data: { isLoggedIn: true, email: EMAIL } },
    { isLoggedIn: true, credentials: undefined },
  ],
])("the lookup takes %s", async (_, body, expected) => {
  await using h = harness()
  h.fake.answers["/api/lookup-phone"] = [{ body }]
  const found = await h.api.lookup(NUMBER)
  if (expected === undefined) expect(found).toBeUndefined()
  else expect(found).toMatchObject(expected)
})

test.each([
  ["another form", { body: { data: "x" } }],
  ["no JSON", { raw: `<html>${PASSWORD}` }],
  ["an endless answer", { raw: `{"a":"${"x".repeat(70_000)}"}` }],
  ["a refusal", { status: 403, body: { error: PASSWORD } }],
  ["the data of another number", { body: { data: { phoneNumber: "+15550100002", password: PASSWORD } } }],
])("a lookup with %s fails, and the error quotes nothing", async (_, answer) => {
  await using h = harness()
  h.fake.answers["/api/lookup-phone"] = [answer]
  const error = await rejection(h.api.lookup(NUMBER))
  expect(error).toBeInstanceOf(AppError)
  expect(inspect(error)).not.toContain(PASSWORD)
  expect(h.fake.paths).toHaveLength(1)
})

test("a login that is refused fails once, and its error holds no password", async () => {
  await using h = harness()
  h.fake.answers["/api/login"] = [{ status: 500, body: { password: PASSWORD } }]
  const error = await rejection(h.api.logIn(NUMBER, new Credentials({ email: EMAIL, password: PASSWORD })))
  expect(inspect(error)).not.toContain(PASSWORD)
  expect(h.fake.paths).toEqual(["POST /api/login"])
})

test("a server that does not answer is given up in time", async () => {
  await using h = harness()
  const never = Promise.withResolvers<void>()
  h.fake.answers["/api/send-message"] = [{ hold: never.promise }]
  const failing = rejection(h.api.sendMessage({ number: NUMBER, token: "t", callSid: null }))
  await h.fake.requests.next()
  h.clock.advance(1000)
  expect(await failing).toMatchObject({ message: expect.stringContaining("within 1000 ms") })
  never.resolve()
})

test("e-mail address and password are removed from texts for the agent", async () => {
  await using h = harness()
  const knowledge = `Signs in as ${EMAIL} with ${PASSWORD}. Owns a sensor.`
  const data = { email: EMAIL, password: PASSWORD, knowledge, name: PASSWORD }
  h.fake.answers["/api/lookup-phone"] = [{ body: { data } }]
  h.fake.answers["/api/login"] = [{ body: { success: true, data: { knowledge, name: "Anna" } } }]
  const hidden = "Signs in as [removed] with [removed]. Owns a sensor."
  expect(await h.api.lookup(NUMBER)).toMatchObject({ knowledge: hidden, name: undefined })
  const credentials = new Credentials({ email: EMAIL, password: PASSWORD })
  expect(await h.api.logIn(NUMBER, credentials)).toMatchObject({ knowledge: hidden, name: "Anna" })
})

test.each([[false], ["false"], [0], [null]])("a login with the success %p is refused", async (success) => {
  await using h = harness()
  h.fake.answers["/api/login"] = [{ body: { success, data: { name: "Anna" } } }]
  const failing = h.api.logIn(NUMBER, new Credentials({ email: EMAIL, password: PASSWORD }))
  expect(await rejection(failing)).toMatchObject({ message: expect.stringContaining("refused it") })
})
