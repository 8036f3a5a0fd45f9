/** Signatures: the published and computed examples, what must not pass, and what a hostile sender tries. */

import { describe, expect, test } from "bun:test"
import { createHmac } from "node:crypto"
import { parseForm } from "../../src/twilio/form.ts"
import { isWellFormed, signatureFor, verifySignature } from "../../src/twilio/signature.ts"

const token = "0123456789abcdef0123456789abcdef"
const voiceUrl = "https://voice.example.com/twilio/voice?tenant=acme"
const socketUrl = "wss://voice.example.com/relay/abc"
const jsonBody = `{"CallSid":"CA00000000000000000000000000000001","status":"completed"}`
const jsonHash = "3275f3186a26cecedb476b74e378fe81d5af100b3917ad0dbfa4e7813913e4f8"
const jsonUrl = `https://voice.example.com/twilio/events?bodySHA256=${jsonHash}`
const getUrl =
  "https://voice.example.com/twilio/voice?tenant=acme&CallSid=CA00000000000000000000000000000001" +
  "&From=%2B15550100001&To=%2B15550100002&CallStatus=ringing"

const documented = {
  CallSid: "CA1234567890ABCDE",
  Caller: "+14158675310",
  Digits: "1234",
  From: "+14158675310",
  To: "+18005551212",
}
const ascii = {
  AccountSid: "AC00000000000000000000000000000000",
  ApiVersion: "2010-04-01",
  CallSid: "CA00000000000000000000000000000001",
  CallStatus: "ringing",
  CallerName: "",
  Direction: "inbound",
  From: "+15550100001",
  To: "+15550100002",
}
const spoken = { ...ascii, SpeechResult: "Ol\u00e1, it\u2019s me" }
const { CallerName: _, ...withoutName } = spoken

describe("signatureFor", () => {
  test.each([
    [
      "the documentation's example",
      "12345",
      "https://example.com/myapp.php?foo=1&bar=2",
      documented,
      "L/OH5YylLD5NRKLltdqwSvS0BnU=",
    ],
    ["an empty value and other alphabets", token, voiceUrl, spoken, "lVhJHG8bgzgd9DtMbbrlAYyz62Y="],
    ["the empty value left out", token, voiceUrl, withoutName, "4Q5p0Pqjby169S5Dc5Gsoz/UBT8="],
    ["plain ASCII", token, voiceUrl, ascii, "xeKL54VO4rlXmLZCKGRHb+YYsp4="],
    ["GET", token, getUrl, {}, "pFuZD2cGzTYyTDl7S9vFrzVvEog="],
    ["JSON", token, jsonUrl, {}, "RzoyRs4q+XOxC0T2HsUqcKhzClA="],
    ["a socket", token, socketUrl, {}, "9j3aaJqX4gKQ6JckFdeics3pQsw="],
    ["a socket with a slash", token, `${socketUrl}/`, {}, "JAMz65topm+E5eDaRVBIgTm3hBk="],
    ["another scheme", token, "https://voice.example.com/relay/abc", {}, "jitGsAp8JJVQJxkYHZankUMQLfs="],
    ["a port", token, "wss://voice.example.com:443/relay/abc", {}, "F5c9+W6DDtr0aW4e8oeB8sb5Vhg="],
    ["a query", token, `${socketUrl}?token=t1`, {}, "W1JM/DI8UYtDM68H6x85Q1wOP9M="],
    ["a query as a parameter", token, socketUrl, { token: "t1" }, "PnQ0fMPDNJV4As1CUikkRbesZNc="],
    [
      "a fragment, which is not signed",
      token,
      `${socketUrl}#rc=2&rt=5000`,
      {},
      "9j3aaJqX4gKQ6JckFdeics3pQsw=",
    ],
  ])("%s", (_, authToken, url, form, expected) =>
    expect(signatureFor({ authToken, url, form })).toBe(expected),
  )
})

describe("verifySignature", () => {
  test.each([
    [
      "the documentation's example",
      "https://example.com/myapp.php?foo=1&bar=2",
      documented,
      "L/OH5YylLD5NRKLltdqwSvS0BnU=",
      true,
    ],
    ["an empty value and other alphabets", voiceUrl, spoken, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", true],
    ["a signature made without the empty value", voiceUrl, spoken, "4Q5p0Pqjby169S5Dc5Gsoz/UBT8=", false],
    ["a form without the empty value", voiceUrl, withoutName, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", false],
    ["plain ASCII", voiceUrl, ascii, "xeKL54VO4rlXmLZCKGRHb+YYsp4=", true],
    [
      "the standard port in our URL",
      voiceUrl.replace(".com/", ".com:443/"),
      spoken,
      "lVhJHG8bgzgd9DtMbbrlAYyz62Y=",
      true,
    ],
    ["http for https", voiceUrl.replace("https", "http"), spoken, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", false],
    ["another host", voiceUrl.replace("voice", "evil"), spoken, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", false],
    ["another query", voiceUrl.replace("acme", "other"), spoken, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", false],
    ["a changed value", voiceUrl, { ...spoken, From: "+15550100009" }, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", false],
    ["an added field", voiceUrl, { ...spoken, Extra: "1" }, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", false],
    [
      "a field moved into its neighbour",
      voiceUrl,
      { ...withoutName, CallStatus: "ringingCallerName" },
      "lVhJHG8bgzgd9DtMbbrlAYyz62Y=",
      true,
    ],
    ["GET", getUrl, undefined, "pFuZD2cGzTYyTDl7S9vFrzVvEog=", true],
    [
      "GET with its query written again",
      getUrl.replaceAll("%2B", "+"),
      undefined,
      "pFuZD2cGzTYyTDl7S9vFrzVvEog=",
      false,
    ],
    [
      "a webhook with a slash more",
      voiceUrl.replace("voice?", "voice/?"),
      spoken,
      "lVhJHG8bgzgd9DtMbbrlAYyz62Y=",
      false,
    ],
    ["a socket", socketUrl, undefined, "9j3aaJqX4gKQ6JckFdeics3pQsw=", true],
    ["a socket signed with a slash more", socketUrl, undefined, "JAMz65topm+E5eDaRVBIgTm3hBk=", true],
    ["a socket signed with a slash less", `${socketUrl}/`, undefined, "9j3aaJqX4gKQ6JckFdeics3pQsw=", true],
    ["a socket signed as https", socketUrl, undefined, "jitGsAp8JJVQJxkYHZankUMQLfs=", false],
    [
      "a socket asked for as https",
      socketUrl.replace("wss", "https"),
      undefined,
      "9j3aaJqX4gKQ6JckFdeics3pQsw=",
      false,
    ],
    [
      "a socket with a port in our URL",
      socketUrl.replace(".com/", ".com:443/"),
      undefined,
      "9j3aaJqX4gKQ6JckFdeics3pQsw=",
      true,
    ],
    [
      "a query on a socket, as written",
      `${socketUrl}?token=t1`,
      undefined,
      "W1JM/DI8UYtDM68H6x85Q1wOP9M=",
      true,
    ],
    [
      "a query on a socket with a slash more",
      `${socketUrl}/?token=t1`,
      undefined,
      "W1JM/DI8UYtDM68H6x85Q1wOP9M=",
      true,
    ],
    ["a query on a socket as parameters", socketUrl, { token: "t1" }, "PnQ0fMPDNJV4As1CUikkRbesZNc=", true],
    ["parameters that were not signed", socketUrl, { token: "t1" }, "9j3aaJqX4gKQ6JckFdeics3pQsw=", false],
    ["no header", voiceUrl, spoken, undefined, false],
    ["a null header", voiceUrl, spoken, null, false],
    ["an empty header", voiceUrl, spoken, "", false],
    ["a short header", voiceUrl, spoken, "lVhJHG8bgz", false],
    ["a huge header", voiceUrl, spoken, "A".repeat(1_000_000), false],
    ["a header in another alphabet", voiceUrl, spoken, "ß".repeat(14), false],
    ["something that is no URL", "not a url", spoken, "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", false],
  ])("%s: %#", (_, url, form, signature, expected) => {
    expect(verifySignature({ authTokens: ["12345", token], signature, url, form })).toBe(expected)
  })

  test.each([
    ["the new token of a rotation", ["f".repeat(32), token], true],
    ["the old token of a rotation", [token, "f".repeat(32)], true],
    ["no token", [], false],
    ["a foreign token", ["f".repeat(32)], false],
  ])("tokens: %s", (_, authTokens, expected) => {
    const signature = signatureFor({ authToken: token, url: socketUrl })
    expect(verifySignature({ authTokens, signature, url: socketUrl })).toBe(expected)
  })

  test("an empty token is not a key that anyone can sign with", () => {
    const signature = signatureFor({ authToken: "", url: socketUrl })
    expect(verifySignature({ authTokens: [""], signature, url: socketUrl })).toBe(false)
  })

  test.each([
    ["the body that was hashed", jsonUrl, jsonBody, true],
    ["the same as bytes", jsonUrl, new TextEncoder().encode(jsonBody), true],
    ["another body", jsonUrl, jsonBody.replace("completed", "canceled"), false],
    ["the same body written again", jsonUrl, JSON.stringify(JSON.parse(jsonBody), null, 1), false],
    ["no body", jsonUrl, undefined, false],
    ["bytes that are not UTF-8", jsonUrl, new Uint8Array([0xff, 0xfe]), false],
  ])("JSON: %s", (_, url, rawBody, expected) => {
    const signature = signatureFor({ authToken: token, url })
    expect(verifySignature({ authTokens: [token], signature, url, rawBody })).toBe(expected)
  })

  test("a JSON body that no hash covers is refused although the URL is signed", () => {
    const signature = signatureFor({ authToken: token, url: voiceUrl })
    expect(verifySignature({ authTokens: [token], signature, url: voiceUrl, rawBody: jsonBody })).toBe(false)
  })

  test("repeated names count with each value once, in any order", () => {
    const form = parseForm("Event=ringing&Event=answered&Event=ringing&To=%2B1")
    const signature = signatureFor({
      authToken: token,
      url: voiceUrl,
      form: { To: "+1", Event: ["answered", "ringing"] },
    })
    expect(verifySignature({ authTokens: [token], signature, url: voiceUrl, form })).toBe(true)
  })

  test("a raw form body is verified as it was signed", () => {
    const raw = new URLSearchParams(spoken).toString()
    const signature = "lVhJHG8bgzgd9DtMbbrlAYyz62Y="
    expect(verifySignature({ authTokens: [token], signature, url: voiceUrl, form: parseForm(raw) })).toBe(
      true,
    )
  })
})

describe("requests that a Webhook Rule signs with a shared key", () => {
  const key = "shared-key-of-this-test"
  const url = "https://voice.example.com/twilio/voice"
  const signed = (algorithm: "sha1" | "sha256", secret: string) =>
    createHmac(algorithm, secret).update(`${url}CallSidCA1FromX`).digest("base64")
  const form = { From: "X", CallSid: "CA1" }
  const settings = "key=WK00000000000000000000000000000001,algorithm=HMAC_SHA256"

  test.each([
    ["the shared key and SHA-256", signed("sha256", key), settings, true],
    ["the second shared key", signed("sha256", "other-key-of-this-test"), settings, true],
    ["the shared key and SHA-1", signed("sha1", key), settings.replace("256", "1"), true],
    ["the auth token in place of the shared key", signed("sha1", token), settings.replace("256", "1"), false],
    ["the shared key without the settings header", signed("sha1", key), null, false],
    ["an algorithm that is not known", signed("sha256", key), "key=WK1,algorithm=HMAC_MD5", false],
    ["settings that are not settings", signed("sha256", key), "yes", false],
    ["the right algorithm in the wrong form", signed("sha1", key), settings, false],
  ])("%s", (_, signature, header, expected) => {
    const sharedKeys = ["", key, "other-key-of-this-test"]
    const request = { authTokens: [token], sharedKeys, signature, settings: header, url, form }
    expect(verifySignature(request)).toBe(expected)
  })

  test("without a shared key nothing that names one is accepted", () => {
    const signature = signed("sha256", "")
    expect(verifySignature({ authTokens: [token], signature, settings, url, form })).toBe(false)
  })
})

test.each([
  ["28 characters of base64", "lVhJHG8bgzgd9DtMbbrlAYyz62Y=", true],
  ["44 characters of base64", `${"A".repeat(43)}=`, true],
  ["without padding", "lVhJHG8bgzgd9DtMbbrlAYyz62YA", false],
  ["another alphabet", "lVhJHG8bgzgd9DtMbbrlAYyz62_=", false],
  ["too long", "A".repeat(1_000_000), false],
  ["empty", "", false],
  ["missing", undefined, false],
])("a header is a signature only in its form: %s", (_, header, expected) => {
  expect(isWellFormed(header)).toBe(expected)
})
