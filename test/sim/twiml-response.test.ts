import { expect, test } from "bun:test"
import type { WebhookAnswer } from "../../src/sim/webhook-sender.ts"
import { readTwimlResponse, webhookProblem } from "../../src/sim/twiml-response.ts"

const URL = "https://agent.example.com/twilio/voice"
const answer = { status: 200, contentType: "text/xml; charset=utf-8", body: "<Response><Hangup/></Response>" }
const hangup = { name: "Hangup", attributes: {}, text: "", children: [] }

test.each<{ because: string; given: Partial<WebhookAnswer>; read: object }>([
  { because: "the verbs of the response", given: {}, read: { verbs: [hangup] } },
  { because: "a response without a body has none", given: { body: " \n" }, read: { verbs: [] } },
  {
    because: "also where the type of an empty body is not XML",
    given: { body: "", contentType: "text/plain" },
    read: { verbs: [] },
  },
  { because: "204 is a success", given: { status: 204, body: "" }, read: { verbs: [] } },
  {
    because: "a redirect is a failure",
    given: { status: 302 },
    read: { problem: `11200: ${URL} answered 302` },
  },
  {
    because: "an error comes before the type of the body",
    given: { status: 500, contentType: "text/html" },
    read: { problem: `11200: ${URL} answered 500` },
  },
  {
    because: "no response at all",
    given: { status: 0, fault: "timed out" },
    read: { problem: `11200: ${URL}: timed out` },
  },
  {
    because: "another type of content",
    given: { contentType: "application/json" },
    read: { problem: `12300: ${URL} answered application/json` },
  },
  {
    because: "no type of content",
    given: { contentType: "" },
    read: { problem: `12300: ${URL} answered no content type` },
  },
])("$because", ({ given, read }) => {
  expect<object>(readTwimlResponse(URL, { ...answer, ...given })).toEqual(read)
})

test("a document that is not TwiML is named with its fault", () => {
  expect(readTwimlResponse(URL, { ...answer, body: "<Response>" })).toEqual({
    problem: expect.stringMatching(/^12100: https:\/\/agent\.example\.com\/twilio\/voice: ./),
  })
})

test.each([
  { status: 199, isProblem: true },
  { status: 200, isProblem: false },
  { status: 299, isProblem: false },
  { status: 300, isProblem: true },
])("status $status is a problem: $isProblem", ({ status, isProblem }) => {
  expect(webhookProblem(URL, { ...answer, status }) !== undefined).toBe(isProblem)
})
