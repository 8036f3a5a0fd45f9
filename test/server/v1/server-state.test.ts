import { expect, test } from "bun:test"
import { VERSION } from "../../../src/version.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { prompt, setupFrame, voiceForm } from "../client.ts"

test.each([
  ["nothing set", {}, "WebSocket Server Running"],
  ["COMPAT=off", { COMPAT: "off" }, "Parley is running"],
  ["COMPAT=s3,s4", { COMPAT: "s3,s4" }, "Parley is running"],
  ["COMPAT=s2", { COMPAT: "s2" }, "WebSocket Server Running"],
  ["COMPAT=all", { COMPAT: "all" }, "WebSocket Server Running"],
])("the root reports that the server runs, with %s", async (_, env: Record<string, string>, line) => {
  await using app = await AppUnderTest.start(env)
  const text = await app.api("/")
  expect({ contentType: text.headers.get("content-type"), body: await text.text() }).toEqual({
    contentType: "text/plain; charset=UTF-8",
    body: `${line} (parley ${VERSION})\n`,
  })
})

test("a browser is greeted neutrally", async () => {
  await using app = await AppUnderTest.start()
  const answer = await app.api("/", { headers: { Accept: "text/html,*/*;q=0.8" } })
  expect(await answer.text()).toBe(`Parley is running (parley ${VERSION})\n`)
})

test("the root answers JSON where it is accepted", async () => {
  await using app = await AppUnderTest.start()
  expect(await app.json("/", { headers: { Accept: "application/json" } })).toMatchObject({
    message: "Server is running",
  })
})

test("health is public, and is 503 while the server drains", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: "a-secret-key" })
  await app.incoming()
  const headers = { Host: "parley.test", "X-Forwarded-For": "203.0.113.9" }
  app.clock.advance(2000)
  const up = await app.api("/health", { headers })
  expect({ status: up.status, body: await up.json() }).toEqual({
    status: 200,
    body: {
      status: "healthy",
      timestamp: "2026-11-20T00:00:02.000Z",
      checks: { database: "ok" },
      state: "UP",
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
      service: "parley",
      version: VERSION,
      uptimeSeconds: 2,
      liveCalls: 0,
    },
  })
  const drained = app.app.drain()
  const draining = await app.api("/health", { headers })
  expect({ status: draining.status, body: await draining.json() }).toMatchObject({
    status: 503,
    body: { status: "draining", state: "DRAINING" },
  })
  app.clock.advance(10_000)
  await drained
})

test("metrics report sessions, uptime and memory in the documented form, during and after a call", async () => {
  await using app = await AppUnderTest.start()
  const before = await app.json("/metrics")
  expect(before).toMatchObject({ activeSessions: 0, uptime: 0 })
  expect(Object.keys(before.memory)).toEqual(["rss", "heapTotal", "heapUsed", "external", "arrayBuffers"])
  const { callSid, socketUrl } = await app.incoming()
  expect((await app.json("/metrics")).counts).toMatchObject({
    expectedSockets: 1,
    openSockets: 0,
    activeSessions: 0,
  })
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  socket.send(prompt("Hello"))
  await socket.frames.next(({ last }) => last === true)
  expect(await app.json("/metrics")).toMatchObject({
    activeSessions: 1,
    counts: { activeSessions: 1, openSockets: 1, expectedSockets: 0 },
  })
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  app.clock.advance(10_000)
  await socket.closed
  const { counts } = await app.json("/metrics")
  expect(counts).toEqual({ ...before.counts, models: 1 })
})

test.each([
  ["Accept", "/metrics", { Accept: "text/plain;version=0.0.4" }],
  ["the query", "/metrics?format=prometheus", {}],
  ["Accept of OpenMetrics", "/metrics", { Accept: "application/openmetrics-text" }],
])("metrics come as Prometheus reads them, asked for by %s", async (_, path, headers) => {
  await using app = await AppUnderTest.start()
  await app.incoming()
  const answer = await app.api(path, { headers })
  expect(answer.headers.get("content-type")).toStartWith("text/plain; version=0.0.4")
  const text = await answer.text()
  expect(text).toContain("# TYPE parley_expected_sockets gauge\nparley_expected_sockets 1\n")
  expect(text).toContain("\nparley_uptime_seconds 0\n")
  expect(text).toContain("process_resident_memory_bytes")
})

test.each([
  ["a server that no other machine can reach", { PUBLIC_URL: "" }, 200],
  ["a server with a public address", {}, 401],
  ["LOCAL_API=open", { LOCAL_API: "open" }, 200],
])("metrics need a key, except on this machine for %s", async (_, env, status) => {
  await using app = await AppUnderTest.start({ API_KEYS: "a-secret-key", ...env })
  expect((await app.api("/metrics")).status).toBe(status)
})

test("metrics are for keys", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: "a-secret-key" })
  const outside = { Host: "parley.test" }
  const refused = await app.api("/metrics", { headers: outside })
  expect({ status: refused.status, wwwAuthenticate: refused.headers.get("www-authenticate") }).toEqual({
    status: 401,
    wwwAuthenticate: 'Bearer realm="parley"',
  })
  const headers = { ...outside, Authorization: "Bearer a-secret-key" }
  expect((await app.api("/metrics", { headers })).status).toBe(200)
})
