import { expect, test } from "bun:test"
import { newSid } from "../../../src/sim/sids.ts"
import { signatureFor } from "../../../src/twilio/signature.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { AUTH_TOKEN, endedForm, jsonOf, PUBLIC_URL, prompt, setupFrame, voiceForm } from "../client.ts"

/** A call whose session runs. */
async function liveCall(app: AppUnderTest) {
  const call = await app.incoming()
  const socket = app.socket(call.socketUrl)
  expect(await socket.opened).toBe(true)
  socket.send(setupFrame(call.callSid))
  socket.send(prompt("Hello"))
  await socket.frames.next(({ last }) => last === true)
  return { ...call, socket }
}

const sign = (url: string, authToken = AUTH_TOKEN) => ({
  "X-Twilio-Signature": signatureFor({ authToken, url }),
})

test.each<[string, (url: string) => Record<string, string>]>([
  ["no signature", () => ({})],
  ["a signature over https", (url) => sign(url.replace("wss:", "https:"))],
  ["a signature over ws", (url) => sign(url.replace("wss:", "ws:"))],
  ["a signature for another host", (url) => sign(url.replace("parley.test", "evil.test"))],
  ["a signature of another account", (url) => sign(url, "f".repeat(32))],
  ["a signature for another token", (url) => sign(url.slice(0, -1) + (url.endsWith("A") ? "B" : "A"))],
])("an upgrade with %s is refused and leaves the token unused", async (_, headersFor) => {
  await using app = await AppUnderTest.start()
  const { socketUrl } = await app.incoming()
  const answer = await app.refusedUpgrade(socketUrl, headersFor(socketUrl))
  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ error: { code: "BAD_SIGNATURE" } })
  expect(await app.socket(socketUrl).opened).toBe(true)
})

test("a signature over the address with a slash at its end counts", async () => {
  await using app = await AppUnderTest.start()
  const { socketUrl } = await app.incoming()
  expect(await app.socket(socketUrl, { signedUrl: `${socketUrl}/` }).opened).toBe(true)
})

test("without a token of the account the refusal says what to set", async () => {
  await using app = await AppUnderTest.start({ TWILIO_AUTH_TOKEN: "" })
  const answer = await app.refusedUpgrade(
    `${PUBLIC_URL}/twilio/relay/abc`,
    sign("wss://parley.test/twilio/relay/abc"),
  )
  expect(answer.status).toBe(403)
  expect((await jsonOf(answer)).error.message).toContain("TWILIO_AUTH_TOKEN")
})

const FORBIDDEN = {
  error: { code: "FORBIDDEN", message: "This socket was opened before, or its token has expired." },
}

test("a replayed upgrade is refused: a token opens one socket", async () => {
  await using app = await AppUnderTest.start()
  const { socketUrl, socket } = await liveCall(app)
  const answer = await app.refusedUpgrade(socketUrl, sign(socketUrl))
  expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 403, body: FORBIDDEN })
  socket.send(prompt("Still there?"))
  expect(await socket.frames.next(({ last }) => last === true)).toMatchObject({ type: "text" })
})

test("a token opens no socket after its time, and none before it was given", async () => {
  await using app = await AppUnderTest.start({ SOCKET_TOKEN_TTL_MS: "1000" })
  const { socketUrl } = await app.incoming()
  app.clock.advance(1000)
  const unknown = `wss://parley.test/twilio/relay/${"x".repeat(43)}`
  for (const url of [socketUrl, unknown]) {
    expect((await app.refusedUpgrade(url, sign(url))).status).toBe(403)
  }
})

test("the token of a call that is over opens nothing", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socketUrl } = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  expect((await app.refusedUpgrade(socketUrl, sign(socketUrl))).status).toBe(403)
})

test("the token of an earlier TwiML of the call opens nothing", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socketUrl, actionPath } = await app.incoming()
  await app.webhook(actionPath, endedForm(callSid, { SessionStatus: "failed" }))
  expect((await app.refusedUpgrade(socketUrl, sign(socketUrl))).status).toBe(403)
})

test.each([
  "/x",
  "/twilio/relay",
  "/twilio/relay/",
  "/twilio/relay/a/b",
  "/twilio/voice",
  "/v1/calls",
  "/twilio/relay/%41",
])("there is no socket at %s, signed or not", async (path) => {
  await using app = await AppUnderTest.start()
  const url = `wss://parley.test${path}`
  expect((await app.refusedUpgrade(url, sign(url))).status).toBe(404)
  expect((await app.refusedUpgrade(url, {})).status).toBe(404)
})

test("a plain request at the path of a socket is no upgrade", async () => {
  await using app = await AppUnderTest.start()
  const { socketUrl } = await app.incoming()
  expect((await app.api(new URL(socketUrl).pathname)).status).toBe(404)
})

test.each(["", "/phone"])("a socket opens with the path of PUBLIC_URL left as %p", async (prefix) => {
  await using app = await AppUnderTest.start({ PUBLIC_URL: "https://proxy.test/phone" })
  const { relay } = await app.incoming()
  const url = relay.attributes["url"] ?? ""
  expect(url).toStartWith("wss://proxy.test/phone/twilio/relay/")
  const seen = url.replace("/phone/", `${prefix}/`)
  expect(await app.socket(seen, { signedUrl: url }).opened).toBe(true)
})

test("with the check off only a direct connection of this machine needs no signature", async () => {
  await using app = await AppUnderTest.start({ TWILIO_VALIDATE_WEBHOOKS: "false" })
  const { socketUrl } = await app.incoming()
  const tunnelled = { "X-Forwarded-For": "203.0.113.9", Host: "localhost" }
  expect((await app.refusedUpgrade(socketUrl, tunnelled)).status).toBe(403)
  const socket = app.socket(socketUrl, {
    headers: { "X-Twilio-Signature": "wrong", Host: `localhost:${app.port}` },
  })
  expect(await socket.opened).toBe(true)
})

test("a frame of 10 MB closes its own socket and no other", async () => {
  await using app = await AppUnderTest.start()
  const [one, other] = [await liveCall(app), await liveCall(app)]
  one.socket.send(`{"type":"prompt","voicePrompt":"${"x".repeat(10 * 1024 * 1024)}"}`)
  expect((await one.socket.closed).code).not.toBe(1000)
  other.socket.send(prompt("Are you there?"))
  expect(await other.socket.frames.next(({ last }) => last === true)).toMatchObject({ type: "text" })
  expect(await app.counts()).toMatchObject({ openSockets: 1, activeSessions: 1 })
  // The call itself continues: its conversation is resumed.
  expect(await app.json(`/v1/calls/${one.callSid}`)).toMatchObject({ status: "in-progress", live: false })
})

test.each<[string, string | Uint8Array<ArrayBuffer>]>([
  ["binary", new Uint8Array([123, 125])],
  ["empty", ""],
  ["no JSON", "{"],
  ["a list", "[]"],
  ["null", "null"],
  ["of an unknown type", '{"type":"surprise"}'],
  ["with the wrong fields", '{"type":"prompt","voicePrompt":7}'],
  ["deeply nested", "[".repeat(100_000)],
])("a frame that is %s is dropped, and the call continues", async (_, frame) => {
  await using app = await AppUnderTest.start()
  const { socket } = await liveCall(app)
  socket.send(frame)
  socket.send(prompt("What are your opening hours?"))
  expect(await socket.frames.next(({ last }) => last === true)).toMatchObject({ type: "text" })
})

test("the setup of another call opens no conversation", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socketUrl } = await app.incoming()
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(newSid("CA")))
  expect((await socket.closed).code).toBe(4403)
  expect(await app.json(`/v1/calls/${callSid}/transcript`)).toMatchObject({ turns: [] })
})

test("a socket on which nothing comes is closed", async () => {
  await using app = await AppUnderTest.start()
  const { socketUrl } = await app.incoming()
  const socket = app.socket(socketUrl)
  await socket.opened
  app.clock.advance(10_000)
  expect((await socket.closed).code).toBe(4408)
})

test("a second session of a call takes the place of the first", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, actionPath, socket } = await liveCall(app)
  const [connect] = await app.twiml(actionPath, endedForm(callSid, { SessionStatus: "failed" }))
  const second = app.socket(connect?.children[0]?.attributes["url"] ?? "")
  await second.opened
  second.send(setupFrame(callSid))
  expect((await socket.closed).code).toBe(4409)
  expect(await app.counts()).toMatchObject({ openSockets: 1, activeSessions: 1, expectedSockets: 0 })
})

test("a socket whose peer reads nothing is closed after two pings, and one that answers them stays", async () => {
  await using app = await AppUnderTest.start({ SOCKET_PING_MS: "1000" })
  const [gone, alive] = [await liveCall(app), await liveCall(app)]
  gone.socket.pause()
  for (let ping = 0; ping < 4; ping++) {
    const pinged = alive.socket.pinged()
    app.clock.advance(1_000)
    await pinged
    await app.counts()
  }
  expect(await app.counts()).toMatchObject({ openSockets: 1, activeSessions: 1 })
  expect(await app.json(`/v1/calls/${gone.callSid}`)).toMatchObject({ status: "in-progress", live: false })
  alive.socket.send(prompt("Are you there?"))
  expect(await alive.socket.frames.next(({ last }) => last === true)).toMatchObject({ type: "text" })
})

test("a peer that sends frames and answers no ping is gone as well", async () => {
  await using app = await AppUnderTest.start({ SOCKET_PING_MS: "1000" })
  const [gone, alive] = [await liveCall(app), await liveCall(app)]
  gone.socket.pause()
  for (let ping = 0; ping < 4; ping++) {
    const pinged = alive.socket.pinged()
    if (ping < 2) gone.socket.send("not JSON")
    app.clock.advance(1_000)
    await pinged
    await app.counts()
  }
  expect(await app.counts()).toMatchObject({ openSockets: 1, activeSessions: 1 })
})

test("closing the app closes every socket with 1001", async () => {
  await using app = await AppUnderTest.start()
  const [one, other] = [await liveCall(app), await liveCall(app)]
  const closed = app.app.close()
  expect({ one: (await one.socket.closed).code, other: (await other.socket.closed).code }).toEqual({
    one: 1001,
    other: 1001,
  })
  await closed
  await app.app.close()
})
