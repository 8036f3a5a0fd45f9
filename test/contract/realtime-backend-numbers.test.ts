/** Number verification of the realtime backend: signed posts to its documented paths, every branch. */

import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import type { TwimlVerb } from "../../src/sim/twiml-reader.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { ACCOUNT_SID, voiceForm } from "../server/client.ts"

const LANDLINE = "+15550100009"
const MOBILE = "+15550100001"
const ASK = "Please type your mobile number using your phone's keypad, followed by the pound key."

async function verification(env: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack()
  const twilio = stack.use(new FakeTwilio({ accountSid: ACCOUNT_SID }))
  twilio.lineTypes.set(LANDLINE, "landline").set("+10000000000", "invalid")
  const account = {
    TWILIO_ACCOUNT_SID: ACCOUNT_SID,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  }
  const app = stack.use(await AppUnderTest.start({ ...account, ...env }))

  /** A caller up to the first TwiML, and what answers its inputs. */
  async function caller(fields: Record<string, string> = {}) {
    const form = voiceForm({ CallStatus: "in-progress", From: LANDLINE, ...fields })
    let verbs = await app.twiml("/incoming-call", form)
    const follow = async (input: Record<string, string>) => {
      const action = verbs.find(({ name }) => name === "Gather")?.attributes["action"] ?? ""
      verbs = await app.twiml(app.pathOf(action), { ...form, ...input })
      return verbs
    }
    return {
      form,
      callSid: form["CallSid"] ?? "",
      get verbs() {
        return verbs
      },
      post: async (path: string, input: Record<string, string>) =>
        (verbs = await app.twiml(path, { ...form, ...input })),
      press: (Digits: string) => follow({ Digits }),
      say: (SpeechResult: string) => follow({ SpeechResult, Confidence: "0.9" }),
      silence: () => follow({ Digits: "" }),
      verified: async () => (await app.json(`/v1/calls/${form["CallSid"]}`))["verifiedNumber"],
      status: async () => (await app.json(`/v1/calls/${form["CallSid"]}`))["status"],
    }
  }
  return { app, twilio, caller, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** What the caller hears, one sentence after another. */
function heard(verbs: readonly TwimlVerb[]): string[] {
  return verbs.flatMap(({ name, text, children }) => (name === "Say" ? [text] : heard(children)))
}

/** Verbs and the path of the next request, as in `Gather /validate-number`. */
function shape(verbs: readonly TwimlVerb[]): string[] {
  return verbs.flatMap(({ name, attributes, children }) => {
    if (name === "Say") return []
    if (name === "Gather") return [`Gather ${new URL(attributes["action"] ?? "").pathname}`]
    return [[name, ...children.map((child) => child.name)].join(" ")]
  })
}

const CONNECTED = ["Connect Stream", "Redirect"]

describe("the caller", () => {
  test("of a mobile line is connected, with the number as verified", async () => {
    await using harness = await verification()
    const call = await harness.caller({ From: MOBILE })
    expect(shape(call.verbs)).toEqual(CONNECTED)
    expect(heard(call.verbs)).toEqual(["Please wait while we connect your call."])
    const [stream] = call.verbs.find(({ name }) => name === "Connect")?.children ?? []
    expect(stream?.attributes["url"]).toMatch(/^wss:\/\/parley\.test\/media-stream\/[\w-]{20,}$/)
    expect(await call.verified()).toBe(MOBILE)
    expect(harness.twilio.requests[0]).toMatchObject({
      path: "/v2/PhoneNumbers/+15550100001",
      query: { Fields: "line_type_intelligence" },
    })
  })

  test("of a landline is asked for a mobile number", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    expect(shape(call.verbs)).toEqual(["Gather /validate-number"])
    expect(heard(call.verbs)).toEqual([ASK])
    expect(call.verbs[0]?.attributes).toMatchObject({ numDigits: "15", method: "POST", finishOnKey: "#" })
    expect(await call.verified()).toBeNull()
  })

  test.each([
    ["withheld", "+266696687"],
    ["withheld in words", "anonymous"],
    ["a SIP client", "sip:anna@example.com"],
    ["a browser", "client:anna"],
  ])("%s is asked, and not looked up", async (_, From) => {
    await using harness = await verification()
    const call = await harness.caller({ From })
    expect(heard(call.verbs)).toEqual([ASK])
    expect(harness.twilio.requests).toEqual([])
  })

  test("is asked, and not looked up, beyond the look-ups of an hour", async () => {
    await using harness = await verification({ LOOKUPS_PER_HOUR: "1" })
    expect(shape((await harness.caller({ From: MOBILE })).verbs)).toEqual(CONNECTED)
    expect(heard((await harness.caller({ From: MOBILE })).verbs)).toEqual([ASK])
    expect(harness.twilio.requests.filter(({ path }) => path.includes("PhoneNumbers"))).toHaveLength(1)
  })

  test("is asked while the lookup fails, takes too long, or does not know", async () => {
    await using harness = await verification()
    harness.twilio.faultAt(/PhoneNumbers/, { kind: "answer", status: 500 })
    expect(heard((await harness.caller({ From: MOBILE })).verbs)).toEqual([ASK])
    harness.twilio.lineTypes.set(MOBILE, { error: 60608 })
    expect(heard((await harness.caller({ From: MOBILE })).verbs)).toEqual([ASK])
  })

  test.each(["GET", "POST", "PUT", "DELETE"])("may use %s, with the fields in the query", async (method) => {
    await using harness = await verification()
    const { signatureFor } = await import("../../src/twilio/signature.ts")
    const { AUTH_TOKEN, PUBLIC_URL } = await import("../server/client.ts")
    const path = `/incoming-call?${new URLSearchParams(voiceForm({ From: LANDLINE })).toString()}`
    const signature = signatureFor({ authToken: AUTH_TOKEN, url: `${PUBLIC_URL}${path}`, form: {} })
    const answer = await harness.app.api(path, {
      method,
      headers: { Host: "parley.test", "X-Twilio-Signature": signature },
    })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain("Please type your mobile number")
  })

  test("without a signature is refused", async () => {
    await using harness = await verification()
    for (const path of ["/incoming-call", "/validate-number", "/confirm-number"])
      expect((await harness.app.webhook(path, voiceForm(), { signature: null })).status).toBe(403)
  })
})

describe("the number", () => {
  test("is read back, confirmed and becomes the verified number", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    expect(heard(await call.press("5550100001"))).toEqual([
      "You entered, 5, 5, 5, 0, 1, 0, 0, 0, 0, 1. Is that correct? Say yes or no.",
    ])
    expect(shape(call.verbs)).toEqual(["Gather /confirm-number"])
    expect(shape(await call.say("Yes."))).toEqual(CONNECTED)
    expect(await call.verified()).toBe("+15550100001")
    const looked = harness.twilio.requests.map(({ path }) => decodeURIComponent(path).slice(17))
    expect(looked).toEqual([LANDLINE, "+15550100001"])
  })

  test("works on the bare documented paths", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    expect(heard(await call.post("/validate-number", { Digits: "123" }))).toEqual([
      "The number you entered isn't valid. Please try again.",
    ])
    expect(heard(await call.post("/validate-number", { Digits: "1234" }))).toEqual([
      "The number you entered isn't valid. Please try again.",
    ])
    await call.post("/validate-number", { Digits: "5550100001" })
    expect(heard(await call.post("/confirm-number", { SpeechResult: "no" }))).toEqual([
      "Please enter your number again.",
    ])
    await call.post("/validate-number", { Digits: "15550100001" })
    expect(heard(await call.post("/validate-number", { Digits: "5550100003" }))[0]).toContain("0, 3.")
    expect(shape(await call.post("/confirm-number", { SpeechResult: "yes" }))).toEqual(CONNECTED)
    expect(await call.verified()).toBe("+15550100003")
  })

  test.each([
    ["too short", "555010000"],
    ["too long", "1234567890123456"],
    ["nothing that can be a number", "0000000000"],
    ["stars", "*********5"],
  ])("that is %s is refused", async (_, digits) => {
    await using harness = await verification()
    const call = await harness.caller()
    expect(heard(await call.press(digits))).toEqual(["The number you entered isn't valid. Please try again."])
    expect(shape(call.verbs)).toEqual(["Gather /validate-number"])
  })

  test.each([
    ["in national form", "5550100001"],
    ["with the national prefix", "15550100001"],
    ["with the international prefix", "0015550100001"],
    ["with the international prefix of the country", "01115550100001"],
  ])("%s is understood", async (_, digits) => {
    await using harness = await verification()
    const call = await harness.caller()
    await call.press(digits)
    await call.press("1")
    expect(await call.verified()).toBe("+15550100001")
  })

  test.each([
    ["with brackets and blanks", "+1 (555) 010-0000", "+15550100000"],
    ["whose plus became a blank", " 15550100000", "+15550100000"],
    ["with (0)", "+49 (0) 1512 3456789", "+4915123456789"],
    ["with 00", "004915123456789", "+4915123456789"],
  ])("of the caller %s is normalised", async (_, From, number) => {
    await using harness = await verification()
    const call = await harness.caller({ From })
    expect(shape(call.verbs)).toEqual(CONNECTED)
    expect(await call.verified()).toBe(number)
  })

  test.each([
    ["an extension", "+15550100001 ext. 12"],
    ["letters", "+1 555 CALL NOW"],
    ["too many digits", "+155501000011234567"],
  ])("of the caller with %s is no number to verify", async (_, From) => {
    await using harness = await verification()
    expect(heard((await harness.caller({ From })).verbs)).toEqual([ASK])
  })

  test("of a landline is refused, again and again, and the fourth time is the last", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(heard(await call.press("5550100009"))).toEqual([
        "Please provide a mobile number, not a landline.",
      ])
      expect(shape(call.verbs)).toEqual(["Gather /validate-number"])
    }
    expect(heard(await call.press("5550100009"))).toEqual([
      "I am sorry, we could not verify your number. Please call again later. Goodbye.",
    ])
    expect(shape(call.verbs)).toEqual(["Hangup"])
    expect(await call.status()).toBe("completed")
  })

  test("is asked for again while the lookup is down", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    harness.twilio.faultAt(/PhoneNumbers/, { kind: "answer", status: 503 })
    expect(heard(await call.press("5550100001"))).toEqual(["An error occurred. Please try again."])
    expect(heard(await call.press("5550100001"))[0]).toContain("You entered")
  })

  test("is asked for again after no input", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    expect(heard(await call.silence())).toEqual(["I did not get a number.", ASK])
  })
})

describe("the confirmation", () => {
  test("understands no, and asks again after a mumble and after silence", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    await call.press("5550100001")
    const again = ["I didn't understand. Please say yes or no."]
    expect(heard(await call.say("Hmm, well"))).toEqual(again)
    expect(heard(await call.silence())).toEqual(again)
    expect(shape(call.verbs)).toEqual(["Gather /confirm-number"])
    expect(heard(await call.say("No, that is wrong"))).toEqual(["Please enter your number again."])
    expect(shape(call.verbs)).toEqual(["Gather /validate-number"])
  })

  test("without end is ended politely", async () => {
    await using harness = await verification()
    const call = await harness.caller()
    await call.press("5550100001")
    for (let attempt = 1; attempt <= 4; attempt++) await call.say("mumble")
    expect(heard(call.verbs)[0]).toContain("Goodbye")
    expect(shape(call.verbs)).toEqual(["Hangup"])
  })

  test.each(["/validate-number", "/confirm-number"])(
    "of a call that is unknown ends it at %s",
    async (path) => {
      await using harness = await verification()
      const verbs = await harness.app.twiml(path, voiceForm({ Digits: "5550100001", SpeechResult: "yes" }))
      expect([heard(verbs), shape(verbs)]).toEqual([["An error occurred. Please call back."], ["Hangup"]])
    },
  )
})

test("two calls of one number have sessions of their own, and no hash of the number opens one", async () => {
  await using harness = await verification()
  const calls = [await harness.caller({ From: MOBILE }), await harness.caller({ From: MOBILE })]
  const urls = calls.map(
    ({ verbs }) => verbs.find(({ name }) => name === "Connect")?.children[0]?.attributes["url"] ?? "",
  )
  expect(new Set(urls).size).toBe(2)
  const hash = new Bun.CryptoHasher("sha256").update("15550100001").digest("hex")
  expect(urls.join()).not.toContain(hash)
  const socket = harness.app.socket(`wss://parley.test/media-stream/${hash}`)
  expect(await socket.opened).toBe(false)
})

test("a hundred callers who say nothing more are gone after the longest length of a call", async () => {
  await using harness = await verification({ MAX_CALL_MS: "60000" })
  const before = await harness.app.counts()
  const calls = []
  for (let count = 0; count < 100; count++) calls.push(await harness.caller())
  for (let seconds = 0; seconds < 200; seconds += 5) {
    await harness.app.clock.pass(5_000)
    await harness.app.api("/health")
  }
  expect(new Set(await Promise.all(calls.map((call) => call.status())))).toEqual(new Set(["completed"]))
  const { deadlines: _, ...after } = await harness.app.counts()
  expect(before).toMatchObject(after)
})

test("whatever is posted, the answer is TwiML that says something", async () => {
  await using harness = await verification()
  const value = fc.oneof(
    fc.constantFrom("yes", "no", "5550100001", "5550100009", "#", "  ", "<Dial>1</Dial>", "]]>&"),
    fc.string({ unit: "grapheme", maxLength: 40 }),
  )
  const post = fc.record({
    path: fc.constantFrom("/validate-number", "/confirm-number"),
    field: fc.constantFrom("Digits", "SpeechResult", "RecordingUrl", "Unknown"),
    value,
  })
  await fc.assert(
    fc.asyncProperty(fc.array(post, { minLength: 1, maxLength: 5 }), async (posts) => {
      const call = await harness.caller()
      for (const [index, { path, field, value: given }] of posts.entries()) {
        // Another signature each time, as with another time of day in the fields of Twilio.
        const verbs = await call.post(path, { [field]: given, Sequence: String(index) })
        const isSpoken = heard(verbs).some((words) => words !== "") || shape(verbs).includes("Connect Stream")
        if (!isSpoken && !shape(verbs).includes("Hangup")) return false
      }
      return true
    }),
    { numRuns: 60 },
  )
})
