import { expect, test } from "bun:test"
import { createHash, createHmac } from "node:crypto"
import { newSid } from "../../../src/sim/sids.ts"
import { signatureFor } from "../../../src/twilio/signature.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { AUTH_TOKEN, endedForm, jsonOf, PUBLIC_URL, voiceForm, type Tampering } from "../client.ts"

const form = voiceForm({ CallSid: newSid("CA") })

test.each<[string, Tampering]>([
  ["no signature", { signature: null }],
  ["an empty one", { signature: "" }],
  ["one of another account", { authToken: "f".repeat(32) }],
  ["one for http", { signedUrl: "http://parley.test/twilio/voice" }],
  ["one for another host", { signedUrl: "https://evil.test/twilio/voice" }],
  ["one for the address it really listens on", { signedUrl: "http://127.0.0.1:3000/twilio/voice" }],
  ["one for another path", { signedUrl: `${PUBLIC_URL}/twilio/status` }],
  ["one for another query", { signedUrl: `${PUBLIC_URL}/twilio/voice?call=1` }],
  ["one for another body", { signedForm: { ...form, From: "+15550109999" } }],
  [
    "one without the empty fields",
    { signedForm: Object.fromEntries(Object.entries(form).filter(([, v]) => v)) },
  ],
])("a webhook with %s is refused and changes nothing", async (_, tampering) => {
  await using app = await AppUnderTest.start()
  const answer = await app.webhook("/twilio/voice", form, tampering)
  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ error: { code: "BAD_SIGNATURE" } })
  expect(await app.json("/v1/calls")).toEqual({ calls: [], nextCursor: null })
})

test.each([
  ["the current token", AUTH_TOKEN, 200],
  ["the coming token", "e".repeat(32), 200],
  ["a token that was removed from the list", "d".repeat(32), 403],
])("during a rotation a request signed with %s", async (_, authToken, status) => {
  await using app = await AppUnderTest.start({ TWILIO_AUTH_TOKEN: `${AUTH_TOKEN},${"e".repeat(32)}` })
  expect((await app.webhook("/twilio/voice", form, { authToken })).status).toBe(status)
})

test("without a token every webhook is refused, and the answer says what to set", async () => {
  await using app = await AppUnderTest.start({ TWILIO_AUTH_TOKEN: "" })
  const answer = await app.webhook("/twilio/voice", form)
  expect(answer.status).toBe(403)
  expect((await jsonOf(answer)).error.message).toContain("TWILIO_AUTH_TOKEN")
})

test("a replayed webhook is refused and changes nothing", async () => {
  await using app = await AppUnderTest.start()
  expect((await app.webhook("/twilio/voice", form)).status).toBe(200)
  const before = await app.json("/v1/calls")
  app.clock.advance(1000)
  expect((await app.webhook("/twilio/voice", form)).status).toBe(403)
  expect(
    (await app.webhook("/twilio/voice", form, { headers: { "I-Twilio-Idempotency-Token": "" } })).status,
  ).toBe(403)
  expect(await app.json("/v1/calls")).toEqual(before)
})

test("Twilio's own repetition gets the same TwiML, but not for ever", async () => {
  await using app = await AppUnderTest.start()
  const again = () => app.webhook("/twilio/voice", form, { idempotencyToken: "t1" })
  const first = await again()
  app.clock.advance(29_000)
  const second = await again()
  expect(second.status).toBe(200)
  expect(second.headers.get("content-type")).toBe("text/xml; charset=utf-8")
  expect(await second.text()).toBe(await first.text())
  app.clock.advance(2000)
  expect((await again()).status).toBe(403)
})

test("a repetition of a request whose first answer failed is answered again", async () => {
  await using app = await AppUnderTest.start()
  const broken = { ...form, CallStatus: "no such status" }
  const statuses = []
  for (const _ of [1, 2]) {
    statuses.push((await app.webhook("/twilio/voice", broken, { idempotencyToken: "t1" })).status)
  }
  expect(statuses).toEqual([400, 400])
})

test("a status that comes twice is answered twice and changes nothing", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const status = {
    ...voiceForm({ CallSid: callSid, CallStatus: "completed" }),
    CallDuration: "7",
    SequenceNumber: "0",
  }
  expect((await app.webhook("/twilio/status", status)).status).toBe(204)
  const before = [await app.json(`/v1/calls/${callSid}`), await app.json(`/v1/calls/${callSid}/events`)]
  app.clock.advance(5000)
  expect((await app.webhook("/twilio/status", status)).status).toBe(204)
  expect([await app.json(`/v1/calls/${callSid}`), await app.json(`/v1/calls/${callSid}/events`)]).toEqual(
    before,
  )
})

test("with the check off, requests from this machine need no signature and may be repeated", async () => {
  await using app = await AppUnderTest.start({ TWILIO_VALIDATE_WEBHOOKS: "false" })
  const statuses = []
  for (const headers of [
    { Host: `127.0.0.1:${app.port}` },
    { Host: `127.0.0.1:${app.port}` },
    { Host: "localhost" },
    { Host: "parley.test" },
    { Host: "localhost", "X-Forwarded-For": "203.0.113.9" },
    { Host: "localhost", Forwarded: "for=203.0.113.9" },
    { Host: "localhost", "X-Real-IP": "127.0.0.1" },
    { Host: "localhost", Origin: "https://evil.test" },
  ]) {
    statuses.push((await app.webhook("/twilio/voice", form, { signature: null, headers })).status)
  }
  expect(statuses).toEqual([200, 200, 200, 403, 403, 403, 403, 403])
})

test.each([
  ["is removed by the proxy", ""],
  ["is left by the proxy", "/phone/agent"],
])("the path of PUBLIC_URL %s", async (_, prefix) => {
  await using app = await AppUnderTest.start({ PUBLIC_URL: "https://proxy.test/phone/agent/" })
  const signedUrl = "https://proxy.test/phone/agent/twilio/voice"
  const answer = await app.webhook(`${prefix}/twilio/voice`, form, { signedUrl })
  expect(answer.status).toBe(200)
  expect(await answer.text()).toMatch(/url="wss:\/\/proxy\.test\/phone\/agent\/twilio\/relay\/[\w-]{43}"/)
  expect((await app.webhook(`${prefix}/twilio/voice`, form, { authToken: "x" })).status).toBe(403)
  // A program on this machine is one with the prefix and without.
  expect((await app.api(`${prefix}/v1/calls`)).status).toBe(200)
})

test("a forged Host changes nothing in the TwiML", async () => {
  await using app = await AppUnderTest.start()
  const answer = await app.webhook("/twilio/voice", form, {
    headers: { Host: "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http" },
  })
  const text = await answer.text()
  expect(text).toContain('url="wss://parley.test/twilio/relay/')
  expect(text).toContain('action="https://parley.test/twilio/connect-ended')
  expect(text).not.toContain("evil")
})

test("query parameters are signed as they were received", async () => {
  await using app = await AppUnderTest.start()
  for (const query of ["?tenant=acme", "?a=%7E&b=it%27s", "?x=1&x=2&empty="]) {
    expect((await app.webhook(`/twilio/voice${query}`, voiceForm())).status).toBe(200)
  }
})

test.each([
  ["GET", "/twilio/voice", 405],
  ["PUT", "/twilio/status", 405],
  ["GET", "/twilio/connect-ended", 405],
  ["POST", "/twilio/voice/", 404],
  ["POST", "/twilio/nothing", 404],
])("%s %s is answered with %d", async (method, path, status) => {
  await using app = await AppUnderTest.start()
  const answer = await app.api(path, { method })
  expect(answer.status).toBe(status)
  expect(answer.headers.get("allow")).toBe(status === 405 ? "POST" : null)
})

test("a JSON body counts only with its hash in the signed URL", async () => {
  await using app = await AppUnderTest.start()
  const body = JSON.stringify(form)
  const post = (path: string) =>
    app.api(path, {
      method: "POST",
      body,
      headers: {
        "Content-Type": "application/json",
        "X-Twilio-Signature": signatureFor({ authToken: AUTH_TOKEN, url: `${PUBLIC_URL}${path}` }),
      },
    })
  const hash = createHash("sha256").update(body).digest("hex")
  expect((await post("/twilio/voice")).status).toBe(403)
  expect((await post(`/twilio/voice?bodySHA256=${"0".repeat(64)}`)).status).toBe(403)
  expect((await post(`/twilio/voice?bodySHA256=${hash}`)).status).toBe(200)
})

const WELL_FORMED = signatureFor({ authToken: "token-of-another", url: PUBLIC_URL })

test.each([
  ["of known length", (body: string) => body],
  ["in chunks", (body: string) => new Blob([body]).stream()],
])("a body %s above 64 KiB is refused and not read to its end", async (_, bodyOf) => {
  await using app = await AppUnderTest.start()
  const body = `Body=${"x".repeat(64 * 1024)}`
  const headers = { "X-Twilio-Signature": WELL_FORMED }
  const answer = await app.api("/twilio/voice", { method: "POST", headers, body: bodyOf(body) })
  expect(answer.status).toBe(413)
})

test("a form of more than 200 fields is refused before it is decoded", async () => {
  await using app = await AppUnderTest.start()
  const fields = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`Field${index}`, ""]))
  expect((await app.webhook("/twilio/voice", fields)).status).toBe(413)
})

test.each([
  ["none", {}],
  ["one that is too short", { "X-Twilio-Signature": "abc=" }],
  ["one of another alphabet", { "X-Twilio-Signature": "_".repeat(27) + "=" }],
])("with a signature that is %s the body is not read", async (_, headers) => {
  await using app = await AppUnderTest.start()
  // A body without an end: reading it would never be over.
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("a=b&".repeat(64))),
  })
  const answer = await app.api("/twilio/voice", { method: "POST", headers, body: endless })
  expect(answer.status).toBe(403)
})

test("a flood of wrong signatures is limited, and never a correct request of the same peer", async () => {
  await using app = await AppUnderTest.start()
  const statuses = []
  for (let index = 0; index < 22; index++) {
    statuses.push((await app.webhook("/twilio/voice", form, { signature: WELL_FORMED })).status)
  }
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 403), 429, 429])
  expect((await app.webhook("/twilio/voice", form)).status).toBe(200)
  app.clock.advance(60_000)
  expect((await app.webhook("/twilio/voice", form, { signature: WELL_FORMED })).status).toBe(403)
})

test.each([
  ["the fields in another order", (text: string) => text.split("&").toReversed().join("&")],
  ["other escapes", (text: string) => text.replace("From=%2B1555", "From=%2B155%35")],
  ["the end of a name moved into its value", (text: string) => text.replace("CallStatus=r", "CallStatusr=")],
  ["escapes in lower case", (text: string) => text.replaceAll("%2B", "%2b")],
])("a replay with %s is the same request, and is refused", async (_, rewrite) => {
  await using app = await AppUnderTest.start()
  const { callSid, actionPath } = await app.incoming()
  const ended = endedForm(callSid)
  expect((await app.webhook(actionPath, ended)).status).toBe(200)
  const before = await app.json(`/v1/calls/${callSid}/events`)
  const answer = await app.api(actionPath, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      "X-Twilio-Signature": signatureFor({
        authToken: AUTH_TOKEN,
        url: `${PUBLIC_URL}${actionPath}`,
        form: ended,
      }),
    },
    body: rewrite(new URLSearchParams(ended).toString()),
  })
  expect(answer.status).toBe(403)
  expect(await app.json(`/v1/calls/${callSid}/events`)).toEqual(before)
})

test.each([
  ["an escape in the query", "?v=%31", (body: string) => body],
  ["an escape in a name of the query", "?%76=1", (body: string) => body],
  ["an empty field at the end of the query", "?v=1&", (body: string) => body],
  [
    "the query moved into the first field",
    "?v=",
    (body: string) => body.replace("AccountSid", "1AccountSid"),
  ],
])("a replay with %s is the same request, and is refused", async (_, query, rewrite) => {
  await using app = await AppUnderTest.start()
  expect((await app.webhook("/twilio/voice?v=1", form)).status).toBe(200)
  const signature = signatureFor({ authToken: AUTH_TOKEN, url: `${PUBLIC_URL}/twilio/voice?v=1`, form })
  const answer = await app.api(`/twilio/voice${query}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      "X-Twilio-Signature": signature,
      "I-Twilio-Idempotency-Token": "another",
    },
    body: rewrite(new URLSearchParams(form).toString()),
  })
  expect(answer.status).toBe(403)
})

test("a query of more fields than Twilio ever sends is refused", async () => {
  await using app = await AppUnderTest.start()
  expect((await app.webhook(`/twilio/voice?${"a&".repeat(300)}`, form)).status).toBe(413)
})

test("a field that occurs twice is refused, also when it is signed once", async () => {
  await using app = await AppUnderTest.start()
  const answer = await app.api("/twilio/voice", {
    method: "POST",
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      "X-Twilio-Signature": signatureFor({ authToken: AUTH_TOKEN, url: `${PUBLIC_URL}/twilio/voice`, form }),
    },
    body: `${new URLSearchParams(form).toString()}&From=${encodeURIComponent(form["From"] ?? "")}`,
  })
  expect(answer.status).toBe(400)
  expect((await jsonOf(answer)).error.message).toContain("From occurs more than once")
})

test.each<[string, Record<string, string>, Tampering, string]>([
  [
    "PUBLIC_URL is not the address that Twilio called",
    {},
    { signedUrl: "https://new-tunnel.test/twilio/voice", headers: { Host: "new-tunnel.test" } },
    "Twilio called https://new-tunnel.test: set PUBLIC_URL",
  ],
  [
    "the token is another account's",
    {},
    { authToken: "f".repeat(32) },
    "Checked was https://parley.test/twilio/voice with the Host parley.test. TWILIO_AUTH_TOKEN must be",
  ],
  [
    "the host and the token differ",
    {},
    { authToken: "f".repeat(32), headers: { Host: "other.test" } },
    "with the Host other.test. PUBLIC_URL must be the address set at Twilio",
  ],
  [
    "a Webhook Rule signs",
    {},
    { headers: { "X-Twilio-Webhooks-Signature-Settings": "key=WK1,algorithm=HMAC_SHA256" } },
    "set TWILIO_WEBHOOK_SHARED_KEY",
  ],
])("the refusal says what to fix when %s", async (_, env, tampering, expected) => {
  await using app = await AppUnderTest.start(env)
  const answer = await app.webhook("/twilio/voice", form, tampering)
  expect(answer.status).toBe(403)
  expect((await jsonOf(answer)).error.message).toContain(expected)
})

test("a webhook and a socket signed with a shared key are accepted", async () => {
  const secret = "shared-key-of-this-test"
  await using app = await AppUnderTest.start({ TWILIO_WEBHOOK_SHARED_KEY: secret })
  const headers = { "X-Twilio-Webhooks-Signature-Settings": "key=WK1,algorithm=HMAC_SHA256" }
  const sign = (text: string) => createHmac("sha256", secret).update(text).digest("base64")
  const fields = Object.keys(form)
    .toSorted()
    .map((name) => `${name}${form[name]}`)
  const signature = sign(`${PUBLIC_URL}/twilio/voice${fields.join("")}`)
  const answer = await app.webhook("/twilio/voice", form, { signature, headers })
  expect(answer.status).toBe(200)
  const url = /url="(wss:[^"]+)"/.exec(await answer.text())?.[1] ?? ""
  const socket = app.socket(url, { headers: { ...headers, "X-Twilio-Signature": sign(url) } })
  expect(await socket.opened).toBe(true)
  socket.close()
})

test.each([
  ["a status", "/twilio/status", { CallStatus: "completed" }, 204, ""],
  [
    "a late status with our id",
    `/twilio/status?call=${crypto.randomUUID()}`,
    { CallStatus: "completed" },
    204,
    "",
  ],
  [
    "the end of a session",
    "/twilio/connect-ended",
    { SessionStatus: "failed", CallStatus: "in-progress" },
    200,
    "<Hangup/>",
  ],
])("%s of an unknown call changes nothing", async (_, path, fields, status, body) => {
  await using app = await AppUnderTest.start()
  const answer = await app.webhook(path, voiceForm(fields))
  expect(answer.status).toBe(status)
  expect(await answer.text()).toContain(body)
  expect(await app.json("/v1/calls")).toEqual({ calls: [], nextCursor: null })
})
