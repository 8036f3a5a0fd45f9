/** Lookups of lines: the request, and what each answer means. */

import { expect, test } from "bun:test"
import { lookUpLine } from "../../src/twilio/lookup.ts"
import type { TwilioSdkOptions } from "../../src/twilio/sdk.ts"
import { rejection } from "../llm/fixture.ts"

const ACCOUNT = { accountSid: `AC${"0".repeat(32)}`, authToken: "secret" }

/** Looks a number up at a Twilio that answers with this body. */
async function lookUp(body: unknown, options: Partial<TwilioSdkOptions> = {}, status = 200) {
  const urls: string[] = []
  const fetch = async (url: string) => {
    urls.push(url)
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status })
  }
  const found = lookUpLine({ ...ACCOUNT, fetch, ...options }, "+15550100001")
  const line = await found.catch(() => undefined)
  return { found, line, url: urls[0] ?? "" }
}

const line = (type: string | null, error_code: number | null = null) => ({
  valid: true,
  line_type_intelligence: { type, error_code },
})

test.each([
  [line("mobile"), "mobile"],
  [line("landline"), "landline"],
  [line("something new"), "unknown"],
  [{ valid: false, validation_errors: ["TOO_SHORT"], line_type_intelligence: null }, undefined],
])("%j is %s", async (body, expected) => {
  expect(await (await lookUp(body)).found).toBe(expected as "mobile" | undefined)
})

test.each([
  [line(null, 60608), 200, "error 60608"],
  [{ valid: true, line_type_intelligence: null }, 200, "error null"],
  ["<html>", 200, "another form"],
  [{ code: 20404 }, 404, "HTTP 404"],
  [{ code: 20003 }, 401, "HTTP 401"],
])("%j with status %d is a failure", async (body, status, why) => {
  const { found } = await lookUp(body, {}, status)
  expect(await rejection(found)).toMatchObject({
    code: "UPSTREAM_FAILED",
    message: expect.stringContaining(why),
  })
})

test("the request goes to the host of the region, or to the address in place of Twilio", async () => {
  const path = "/v2/PhoneNumbers/+15550100001?Fields=line_type_intelligence"
  expect((await lookUp(line("mobile"))).url).toBe(`https://lookups.twilio.com${path}`)
  const ireland = await lookUp(line("mobile"), { edge: "dublin", region: "ie1" })
  expect(ireland.url).toBe(`https://lookups.dublin.ie1.twilio.com${path}`)
  const proxy = await lookUp(line("mobile"), { baseUrl: "http://127.0.0.1:9/twilio/" })
  expect(proxy.url).toBe(`http://127.0.0.1:9/twilio${path}`)
})

test("without credentials nothing is asked", async () => {
  const { found, url } = await lookUp(line("mobile"), { authToken: undefined })
  expect([await rejection(found), url]).toMatchObject([{ code: "NOT_CONFIGURED" }, ""])
})
