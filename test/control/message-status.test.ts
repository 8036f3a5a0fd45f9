/** Text messages that Twilio accepted and that did not arrive. */

import { expect, test } from "bun:test"
import { AppUnderTest } from "../server/app-under-test.ts"

const SID = `SM${"0".repeat(32)}`

async function reported(fields: Record<string, string>) {
  const app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const { id } = await app.json(`/v1/calls/${callSid}`)
  const form = { MessageSid: SID, ...fields }
  const answer = await app.webhook(`/twilio/sms?call=${id}`, form)
  const { events } = await app.json(`/v1/calls/${callSid}/events`)
  const failures = events.filter(({ type }: { type: string }) => type === "sms.failed")
  return { app, status: answer.status, failures, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() }
}

test.each([
  ["undelivered", "30034", "the number is not registered for A2P 10DLC"],
  ["undelivered", "30007", "the carrier filtered the message as spam"],
  ["failed", "21610", "the recipient has opted out"],
  ["failed", "99999", "Twilio gives the cause by its code"],
])("%s with %s is recorded with its cause", async (MessageStatus, ErrorCode, cause) => {
  await using it = await reported({ MessageStatus, ErrorCode })
  expect([it.status, it.failures]).toMatchObject([204, [{ messageSid: SID, errorCode: ErrorCode, cause }]])
})

test.each([["sent"], ["delivered"], ["queued"]])("%s is no news", async (MessageStatus) => {
  await using it = await reported({ MessageStatus })
  expect([it.status, it.failures]).toEqual([204, []])
})

test("a report that Twilio did not sign is refused", async () => {
  await using app = await AppUnderTest.start()
  const form = { MessageSid: SID, MessageStatus: "failed" }
  expect((await app.webhook("/twilio/sms", form, { signature: null })).status).toBe(403)
})
