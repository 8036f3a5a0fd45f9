/** Requests as no client library sends them: bodies that never end, targets in other forms, no Host. */

import { expect, test } from "bun:test"
import { signatureFor } from "../../src/twilio/signature.ts"
import { AppUnderTest } from "./app-under-test.ts"
import { AUTH_TOKEN, voiceForm } from "./client.ts"

const KEY = "a-key"
const CHUNKED = "Transfer-Encoding: chunked"

/** Sends bytes, and resolves with the first answer: its status, and everything that came with it. */
async function raw(app: AppUnderTest, text: string): Promise<{ status: number; answer: string }> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let received = ""
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: app.port,
    socket: {
      data(_, bytes) {
        received += bytes.toString()
        const [head = "", body = ""] = received.split("\r\n\r\n")
        const length = /content-length: (\d+)/i.exec(head)?.[1]
        if (length !== undefined && body.length >= Number(length)) resolve(received)
      },
      close: () => resolve(received),
    },
  })
  socket.write(text)
  const answer = await promise
  socket.end()
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]), answer }
}

const request = (line: string, ...headers: string[]) =>
  [line, "Host: parley.test", ...headers, "", ""].join("\r\n")

test.each([
  ["POST /v1/calls", 401],
  ["POST /conversation", 401],
  ["POST /outboundCall", 401],
  ["POST /updateResponseService", 401],
  ["POST /api/sync/context", 401],
  ["POST /outbound-call", 401],
  ["POST /end-call", 401],
  ["POST /api/call", 401],
  ["POST /api/end-call", 401],
  ["POST /connectConversationRelay", 403],
  ["POST /twilioStatusCallback", 403],
  ["POST /handoff", 403],
  ["POST /outbound-call-twiml", 403],
  ["POST /twiml", 403],
  ["POST /twilio/voice", 403],
  ["POST /nothing-here", 404],
])("%s is refused with %p before a body that never ends is read", async (line, status) => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  // One chunk of five bytes, and no end.
  const text = `${request(`${line} HTTP/1.1`, CHUNKED, "Content-Type: application/json")}5\r\nabcde\r\n`
  expect((await raw(app, text)).status).toBe(status)
})

test("a body in chunks has the same limit as any other, once the request is authenticated", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const chunk = "x".repeat(64 * 1024)
  const body = Array.from({ length: 17 }, () => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("")
  const headers = [CHUNKED, "Content-Type: application/json", `Authorization: Bearer ${KEY}`]
  for (const path of ["/v1/calls", "/conversation", "/outboundCall", "/api/sync/context", "/outbound-call"]) {
    const { status } = await raw(app, request(`POST ${path} HTTP/1.1`, ...headers) + body)
    expect([path, status]).toEqual([path, 413])
  }
})

test("a webhook that is too large is refused as such at every path", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const form = { ...voiceForm(), CallerName: "x".repeat(65 * 1024) }
  for (const path of ["/connectConversationRelay", "/twilio/voice", "/twiml", "/handoff"]) {
    expect([path, (await app.webhook(path, form)).status]).toEqual([path, 413])
  }
})

test("a request of HTTP/1.0 without a Host reaches its path, signed or not", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  expect((await raw(app, "GET /health HTTP/1.0\r\n\r\n")).status).toBe(200)
  expect((await raw(app, "GET /v1/calls HTTP/1.0\r\n\r\n")).status).toBe(401)
  expect((await raw(app, `GET /v1/calls HTTP/1.0\r\nX-Api-Key: ${KEY}\r\n\r\n`)).status).toBe(200)
  const form = voiceForm()
  const body = new URLSearchParams(form).toString()
  const signature = signatureFor({ authToken: AUTH_TOKEN, url: "https://parley.test/twilio/voice?x=1", form })
  const head = [
    "POST /twilio/voice?x=1 HTTP/1.0",
    "Content-Type: application/x-www-form-urlencoded",
    `X-Twilio-Signature: ${signature}`,
    `Content-Length: ${body.length}`,
  ].join("\r\n")
  const { status, answer } = await raw(app, `${head}\r\n\r\n${body}`)
  expect([status, answer]).toEqual([200, expect.stringContaining("<ConversationRelay")])
})

test.each([
  ["absolute form counts by its path", "GET http://evil.test/v1/calls HTTP/1.1", 401],
  ["a second slash makes another path", "GET //evil.test/v1/calls HTTP/1.1", 404],
  ["and so it does without a Host", "GET //evil.test/v1/calls HTTP/1.0", 404],
  ["an escaped slash is none", "GET /v1%2fcalls HTTP/1.1", 404],
  ["an escaped letter is another one", "GET /v1/%63alls HTTP/1.1", 401],
  ["dot segments are resolved before the key is asked for", "GET /health/../v1/calls HTTP/1.1", 401],
  ["escaped dot segments too", "GET /health/%2e%2e/v1/calls HTTP/1.1", 401],
  ["a fragment is no part of a target", "GET /health#?x=1 HTTP/1.1", 400],
])("%s", async (_, line, status) => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const text = line.endsWith("1.0") ? `${line}\r\n\r\n` : request(line)
  expect((await raw(app, text)).status).toBe(status)
})

test("what follows a fragment does not extend a signed query", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const { id } = await app.json(`/v1/calls/${callSid}`)
  const form = { MessageSid: `SM${"0".repeat(32)}`, MessageStatus: "failed" }
  const body = new URLSearchParams(form).toString()
  const signature = signatureFor({ authToken: AUTH_TOKEN, url: "https://parley.test/twilio/sms?x=1", form })
  const headers = [
    "Content-Type: application/x-www-form-urlencoded",
    `X-Twilio-Signature: ${signature}`,
    `Content-Length: ${body.length}`,
  ]
  const { status } = await raw(app, request(`POST /twilio/sms?x=1#&call=${id} HTTP/1.1`, ...headers) + body)
  expect(status).toBe(400)
})
