import { expect, test } from "bun:test"
import { AppUnderTest } from "./app-under-test.ts"
import { jsonOf, voiceForm } from "./client.ts"

test("what is not there and what is asked for in the wrong way is reported in one form", async () => {
  await using app = await AppUnderTest.start()
  const nothing = await app.api("/nothing")
  expect({ status: nothing.status, body: await nothing.json() }).toEqual({
    status: 404,
    body: { error: { code: "NOT_FOUND", message: "There is nothing at GET /nothing." } },
  })
  const wrong = await app.api("/v1/calls", { method: "DELETE" })
  expect({
    status: wrong.status,
    allow: wrong.headers.get("allow"),
    code: (await jsonOf(wrong)).error.code,
  }).toEqual({ status: 405, allow: "POST, GET, HEAD", code: "METHOD_NOT_ALLOWED" })
})

test("answers carry an id and the headers that keep browsers from guessing", async () => {
  await using app = await AppUnderTest.start()
  for (const path of ["/health", "/nothing", "/v1/calls"]) {
    const { headers } = await app.api(path)
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/)
    expect(headers.get("x-content-type-options")).toBe("nosniff")
    expect(headers.get("x-frame-options")).toBe("DENY")
    expect(headers.get("referrer-policy")).toBe("no-referrer")
    expect(headers.get("access-control-allow-origin")).toBeNull()
  }
})

test("pages of ALLOWED_ORIGINS may call the API with a key, and no others", async () => {
  await using app = await AppUnderTest.start({
    ALLOWED_ORIGINS: "https://app.test",
    API_KEYS: "a-secret-key",
  })
  const preflight = (origin: string) =>
    app.api("/v1/calls", {
      method: "OPTIONS",
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
      },
    })
  const allowed = await preflight("https://app.test")
  expect(allowed.status).toBe(204)
  expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.test")
  expect(allowed.headers.get("access-control-allow-headers")).toContain("idempotency-key")
  expect(allowed.headers.get("access-control-allow-credentials")).toBeNull()
  for (const origin of ["https://evil.test", "https://app.test.evil.test", "null"]) {
    expect((await preflight(origin)).headers.get("access-control-allow-origin")).toBeNull()
  }
  const refused = await app.api("/v1/calls", { headers: { Origin: "https://app.test" } })
  expect({
    status: refused.status,
    accessControlAllowOrigin: refused.headers.get("access-control-allow-origin"),
  }).toEqual({ status: 401, accessControlAllowOrigin: "https://app.test" })
  expect(refused.headers.get("access-control-expose-headers")).toContain("Retry-After")
})

test("a failure of our own shows no details", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  await app.app.close()
  const answer = await app.api(`/v1/calls/${callSid}`)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 500,
    body: { error: { code: "INTERNAL", message: "An unexpected error occurred" } },
  })
})

test("a body larger than a megabyte is refused on every path", async () => {
  await using app = await AppUnderTest.start()
  const body = `{"to":"${"x".repeat(1024 * 1024)}"}`
  for (const path of ["/v1/calls", "/twilio/status", "/nothing"]) {
    const answer = await app.api(path, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json" },
    })
    expect({ status: answer.status, code: (await jsonOf(answer)).error.code }).toEqual({
      status: 413,
      code: "TOO_LARGE",
    })
  }
  expect((await app.webhook("/twilio/voice", voiceForm())).status).toBe(200)
})
