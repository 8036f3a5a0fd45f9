import { expect, test } from "bun:test"
import { configureLog } from "../../src/lib/log.ts"
import { newSid } from "../../src/sim/sids.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "./app-under-test.ts"
import { jsonOf } from "./client.ts"

const KEYS = "key-of-ann:ann,key-of-bob:bob,key-of-all"

const by = (key: string) => ({ Authorization: `Bearer ${key}` })

function withAccount(twilio: FakeTwilio): Promise<AppUnderTest> {
  return AppUnderTest.start({
    API_KEYS: KEYS,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  })
}

async function place(app: AppUnderTest, key: string, fields: Record<string, unknown> = {}) {
  const answer = await app.post("/v1/calls", { to: "+15550100003", from: "+15550100002", ...fields }, by(key))
  return { status: answer.status, body: await jsonOf(answer) }
}

test.each<[string, Record<string, string>, number]>([
  ["a direct request of this machine", {}, 200],
  ["localhost by name", { Host: "localhost:3000" }, 200],
  ["IPv6 by name", { Host: "[::1]" }, 200],
  ["a page of this server", { Host: "localhost:3000", Origin: "http://localhost:3000" }, 200],
  ["a page of another site", { Host: "localhost:3000", Origin: "https://evil.test" }, 401],
  ["a page of another port", { Host: "localhost:3000", Origin: "http://localhost:8080" }, 401],
  ["a page without an origin", { Host: "localhost:3000", Origin: "null" }, 401],
  ["an image on a page of another site", { Host: "localhost:3000", "Sec-Fetch-Site": "cross-site" }, 401],
  ["a name that leads here, as of a rebinding page", { Host: "rebound.evil.test" }, 401],
  ["a name that only begins right", { Host: "localhost.evil.test" }, 401],
  ["an address of another machine", { Host: "192.0.2.1" }, 401],
  ["no host that is one", { Host: "localhost:3000:1" }, 401],
  ["a tunnel", { Host: "parley.test", "X-Forwarded-For": "203.0.113.9" }, 401],
  ["a proxy that keeps the host", { Host: "localhost", "X-Forwarded-For": "127.0.0.1" }, 401],
  ["a proxy by the standard", { Host: "localhost", Forwarded: "for=127.0.0.1" }, 401],
  ["a proxy with a header of its own", { Host: "localhost", "X-Real-IP": "127.0.0.1" }, 401],
  ["a proxy that only gives its name", { Host: "localhost", Via: "1.1 proxy" }, 401],
])("without keys the API serves this machine alone: %s", async (_, headers, status) => {
  await using app = await AppUnderTest.start()
  const answer = await app.api("/v1/calls", { headers: { Host: `127.0.0.1:${app.port}`, ...headers } })
  expect(answer.status).toBe(status)
  if (status === 401) expect((await jsonOf(answer)).error.message).toContain("API_KEYS")
})

test("without keys a body in chunks is served as well", async () => {
  await using app = await AppUnderTest.start()
  const headers = { "Content-Type": "application/json" }
  const answer = await app.api("/v1/calls", { method: "POST", headers, body: new Blob(["{}"]).stream() })
  expect(answer.status).toBe(400)
})

test("a page of ALLOWED_ORIGINS on this machine is served without keys", async () => {
  await using app = await AppUnderTest.start({ ALLOWED_ORIGINS: "http://localhost:8080" })
  const headers = { Host: "localhost:3000", Origin: "http://localhost:8080" }
  expect((await app.api("/v1/calls", { headers })).status).toBe(200)
})

test.each<[string, Record<string, string>, number]>([
  ["a key", by("key-of-all"), 200],
  ["a key in small letters of the scheme", { Authorization: "bearer key-of-all" }, 200],
  ["a key in the other header", { "X-Api-Key": "key-of-all" }, 200],
  [
    "a key through a proxy",
    { ...by("key-of-all"), "X-Forwarded-For": "203.0.113.9", Host: "parley.test" },
    200,
  ],
  ["no key", {}, 401],
  ["a wrong key", by("key-of-al"), 401],
  ["a longer key", by("key-of-all-of-us"), 401],
  ["a key with its user", by("key-of-ann:ann"), 401],
  ["an empty key", { Authorization: "Bearer " }, 401],
  ["another scheme", { Authorization: "Basic a2V5LW9mLWFsbA==" }, 401],
  ["a key in the address", {}, 401],
])("with keys: %s", async (what, headers, status) => {
  await using app = await AppUnderTest.start({ API_KEYS: KEYS })
  const path =
    what === "a key in the address" ? "/v1/calls?key=key-of-all&access_token=key-of-all" : "/v1/calls"
  const answer = await app.api(path, { headers })
  expect(answer.status).toBe(status)
  expect(answer.headers.get("www-authenticate")).toBe(status === 401 ? 'Bearer realm="parley"' : null)
})

test("OUTBOUND_API_KEY is one more key", async () => {
  await using app = await AppUnderTest.start({ OUTBOUND_API_KEY: "key-from-before", LOCAL_API: "keyed" })
  expect((await app.api("/v1/calls", { headers: by("key-from-before") })).status).toBe(200)
  expect((await app.api("/v1/calls")).status).toBe(401)
})

test("without a key no path and no call is revealed", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEYS })
  const { callSid } = await app.incoming()
  for (const path of [`/v1/calls/${callSid}`, "/v1/calls/none", "/v1/nothing", "/v1/"]) {
    expect((await app.api(path)).status).toBe(401)
  }
})

test("a bound key sees and ends its own calls only", async () => {
  await using twilio = new FakeTwilio()
  await using app = await withAccount(twilio)
  const inbound = await app.incoming()
  const ann = (await place(app, "key-of-ann")).body
  const unbound = (await place(app, "key-of-all")).body
  expect({ ann: ann.userId, unbound: unbound.userId }).toEqual({ ann: "ann", unbound: null })
  const seen = async (key: string, path: string, method = "GET") =>
    (await app.api(path, { method, headers: by(key) })).status
  for (const sid of [ann.callSid, ann.id, unbound.callSid, inbound.callSid]) {
    const own = sid === ann.callSid || sid === ann.id
    for (const path of ["", "/transcript", "/events"]) {
      expect(await seen("key-of-ann", `/v1/calls/${sid}${path}`)).toBe(own ? 200 : 404)
      expect(await seen("key-of-bob", `/v1/calls/${sid}${path}`)).toBe(404)
      expect(await seen("key-of-all", `/v1/calls/${sid}${path}`)).toBe(200)
    }
    expect(await seen("key-of-bob", `/v1/calls/${sid}/end`, "POST")).toBe(404)
  }
  const listed = async (key: string, query = "") => {
    const { calls } = await app.json(`/v1/calls${query}`, { headers: by(key) })
    return calls.map(({ id }: { id: string }) => id)
  }
  expect(await listed("key-of-ann")).toEqual([ann.id])
  expect(await listed("key-of-bob")).toEqual([])
  expect(await listed("key-of-all", "?userId=ann")).toEqual([ann.id])
  expect(await listed("key-of-all")).toHaveLength(3)
})

test("a bound key does not act for another user, and a name is no proof", async () => {
  await using twilio = new FakeTwilio()
  await using app = await withAccount(twilio)
  const foreign = await place(app, "key-of-ann", { userId: "bob" })
  expect({ status: foreign.status, code: foreign.body.error.code }).toEqual({
    status: 403,
    code: "FORBIDDEN",
  })
  expect((await app.api("/v1/calls?userId=bob", { headers: by("key-of-ann") })).status).toBe(403)
  expect(twilio.requests).toEqual([])
  expect((await place(app, "key-of-ann", { userId: "ann" })).body).toMatchObject({ userId: "ann" })
  expect((await place(app, "key-of-all", { userId: "bob" })).body).toMatchObject({ userId: "bob" })
})

test("wrong keys are limited per peer, and a right key of the same peer always passes", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEYS })
  const statusOf = async (key: string) => (await app.api("/v1/calls", { headers: by(key) })).status
  const statuses = []
  for (let index = 0; index < 22; index++) statuses.push(await statusOf(`guess-${index}`))
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429, 429])
  expect(await statusOf("key-of-all")).toBe(200)
  expect((await app.api("/v1/calls")).status).toBe(429)
  app.clock.advance(60_000)
  expect(await statusOf("guess")).toBe(401)
  expect((await app.api("/v1/calls")).status).toBe(401)
})

test("requests without a key count as those with a wrong one, and a flood of them leaves few lines", async () => {
  const lines: string[] = []
  configureLog({ level: "info", format: "json", write: (line) => lines.push(line) })
  try {
    await using app = await AppUnderTest.start({ API_KEYS: KEYS })
    const paths = ["/v1/calls", "/metrics", "/api/numbers", "/call-status", "/v1/events"]
    const stream = `wss://parley.test/v1/calls/${newSid("CA")}/stream`
    const statuses = []
    for (let index = 0; index < 60; index++) {
      const path = paths[index % paths.length] ?? ""
      statuses.push((await (index % 6 === 5 ? app.refusedUpgrade(stream, {}) : app.api(path))).status)
    }
    expect(statuses).toEqual([
      ...Array.from({ length: 20 }, () => 401),
      ...Array.from({ length: 40 }, () => 429),
    ])
    expect((await app.api("/v1/calls", { headers: by("key-of-all") })).status).toBe(200)
    const refused = lines.filter((line) => line.includes("refused") || line.includes("without a right key"))
    expect(refused).toHaveLength(21)
  } finally {
    configureLog({ level: "error", format: "json", write: () => {} })
  }
})

test("another user's call is answered exactly like one that does not exist", async () => {
  await using twilio = new FakeTwilio()
  await using app = await withAccount(twilio)
  const { body } = await place(app, "key-of-ann")
  for (const path of ["", "/transcript", "/events", "/outcome", "/usage"]) {
    const answers = []
    for (const sid of [body.callSid, `CA${"f".repeat(32)}`]) {
      const answer = await app.api(`/v1/calls/${sid}${path}`, { headers: by("key-of-bob") })
      answers.push([answer.status, await answer.text()])
    }
    expect(answers[0]).toEqual([404, String(answers[1]?.[1])])
  }
})

test("requests that anyone can send leave no line each, whatever is wrong with them", async () => {
  const lines: string[] = []
  configureLog({ level: "info", format: "json", write: (line) => lines.push(line) })
  try {
    await using app = await AppUnderTest.start({ API_KEYS: KEYS })
    const fields = Array.from({ length: 201 }, () => "a").join("&")
    const signature = { "X-Twilio-Signature": `${"A".repeat(27)}=` }
    const large = { method: "POST", headers: signature, body: "x".repeat(65 * 1024) }
    const stream = `wss://parley.test/v1/calls/${newSid("CA")}/stream`
    const refused: (() => Promise<Response>)[] = [
      () => app.api(`/twilio/voice?${fields}`, { method: "POST" }),
      () => app.api("/twilio/voice", large),
      () => app.api("/v1/calls", { method: "POST", body: "x".repeat(1024 * 1024 + 1) }),
      () => app.api("/nothing-here"),
      () => app.api("/v1/calls", { method: "PURGE" }),
      () => app.refusedUpgrade(stream, { Origin: "https://evil.test" }),
    ]
    for (const ask of refused) for (let index = 0; index < 25; index++) await (await ask()).body?.cancel()
    expect(
      lines.filter((line) => line.includes("refused") || line.includes("without a right key")).length,
    ).toBeLessThan(25)
  } finally {
    configureLog({ level: "error", format: "json", write: () => {} })
  }
})
