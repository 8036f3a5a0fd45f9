/** Who may be written to, from which number, and how often, also after a lost connection. */

import { expect, test } from "bun:test"
import type { ControlContext } from "../../src/control/context.ts"
import { smsSenderFor, smsSentIn } from "../../src/control/sms.ts"
import { readConfig } from "../../src/config/config.ts"
import { messageOf } from "../../src/lib/errors.ts"
import { newCallId } from "../../src/call/ids.ts"
import { Sweep } from "../../src/lib/sweep.ts"
import { openStore } from "../../src/store/open-store.ts"
import { createTwilioRest } from "../../src/twilio/rest.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { notedLog } from "../relay/fixture.ts"
import { sampleCall, sampleTurn } from "../store/fixture.ts"

const INBOUND = { sid: null, direction: "inbound", from: "+15550100001", to: "+15550100002" } as const
const OUTBOUND = { ...INBOUND, direction: "outbound", from: "+15550100002", to: "+15550100001" } as const

async function context(fake: FakeTwilio, env: Record<string, string> = {}) {
  const { accountSid, authToken, baseUrl } = fake
  const twilio = createTwilioRest({ accountSid, authToken, baseUrl })
  const ownNumbers = async () => []
  const store = await openStore({ url: ":memory:" })
  const given = { twilio, config: readConfig(env), ownNumbers, store, sweep: new Sweep(), log: notedLog() }
  return given as unknown as ControlContext
}

const refused = (reason: string) => ({ outcome: "refused", reason }) as const

test.each([
  ["the caller", INBOUND],
  ["the called person", OUTBOUND],
])("%s may be written to, from our number on the call", async (_, call) => {
  await using fake = new FakeTwilio()
  const sender = smsSenderFor(await context(fake), call)
  expect(await sender?.send("+15550100002", "x")).toEqual(refused("messages may go to the caller only"))
  expect(await sender?.send("+1 (555) 010-0001", "x")).toMatchObject({ outcome: "sent", to: "+15550100001" })
  expect(fake.messages).toMatchObject([{ to: "+15550100001", from: "+15550100002", body: "x" }])
})

test("Twilio is asked to report what becomes of a message", async () => {
  await using fake = new FakeTwilio()
  const shared = await context(fake, { PUBLIC_URL: "https://parley.test" })
  const id = newCallId()
  await smsSenderFor(shared, { ...INBOUND, id })?.send("+15550100001", "x")
  const sent = fake.requests.find(({ path }) => path.endsWith("/Messages.json"))
  expect(sent?.form["StatusCallback"]).toStartWith(`https://parley.test/twilio/sms?call=${id}`)
})

test("what went out before counts, and so does what failed", async () => {
  await using fake = new FakeTwilio()
  const sender = smsSenderFor(await context(fake, { SMS_PER_CALL: "2" }), INBOUND, 1)
  fake.fault({ kind: "answer", status: 400, body: { code: 21610, message: "no", status: 400 } })
  const sending = sender?.send("+15550100001", "x")
  expect(await sending?.then(() => "sent", messageOf)).toContain("Twilio refused")
  const atLimit = refused("at most 2 messages may be sent in one call")
  expect(await sender?.send("+15550100001", "x")).toEqual(atLimit)
})

test("a caller without a number cannot be written to", async () => {
  await using fake = new FakeTwilio()
  const sender = smsSenderFor(await context(fake), { ...INBOUND, from: "anonymous" })
  const message = "the recipient is not a phone number in E.164 form"
  expect(await sender?.send("anonymous", "x")).toEqual(refused(message))
})

test("a caller who withholds the number cannot be written to", async () => {
  await using fake = new FakeTwilio()
  const sender = smsSenderFor(await context(fake), { ...INBOUND, from: "+266696687" })
  expect(await sender?.send("+266696687", "x")).toEqual(refused("the caller withholds the number"))
})

test.each([
  ["another country", "+4930123456"],
  ["premium-rate", "+19005550123"],
])("a caller from %s is not written to without a list", async (_, from) => {
  await using fake = new FakeTwilio()
  const sender = smsSenderFor(await context(fake), { ...INBOUND, from })
  expect(await sender?.send(from, "x")).toMatchObject({
    reason: expect.stringContaining("ALLOWED_DESTINATIONS"),
  })
  expect(fake.messages).toEqual([])
})

test.each([
  [{ SMS_PER_RECIPIENT_PER_DAY: "2" }, "at most 2 messages may be sent to one number in a day"],
  [{ SMS_PER_HOUR: "2" }, "at most 2 messages may be sent in an hour"],
])("the limits %p count over all calls", async (env, reason) => {
  await using fake = new FakeTwilio()
  const shared = await context(fake, env)
  for (const _ of [1, 2]) await smsSenderFor(shared, INBOUND)?.send("+15550100001", "x")
  expect(await smsSenderFor(shared, INBOUND)?.send("+15550100001", "x")).toEqual(refused(reason))
  expect(fake.messages).toHaveLength(2)
})

test("without an account there is no sender", async () => {
  await using fake = new FakeTwilio()
  expect(smsSenderFor({ ...(await context(fake)), twilio: undefined }, INBOUND)).toBeUndefined()
})

test("the messages of a call are those that its tool sent", async () => {
  await using store = await openStore({ url: ":memory:" })
  const call = await store.calls.create(sampleCall())
  const tool = { callId: "c", arguments: "{}", output: "{}", tookMs: 1, replyTurnId: "t", offset: 0 }
  const turns = [
    { name: "send-sms", ok: true },
    { name: "send-sms", ok: false },
    { name: "send-dtmf", ok: true },
  ].map((given) => sampleTurn(call.id, { kind: "tool", tool: { ...tool, ...given } }))
  await store.writer.write({ turns, events: [] }, 0)
  expect(await smsSentIn(store, call.id)).toBe(1)
})
