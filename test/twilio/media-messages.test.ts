/** Frames of a media stream: every kind both ways, the fast path against the full parse, and what must not pass. */

import { describe, expect, test } from "bun:test"
import { CallSid } from "../../src/call/ids.ts"
import {
  MediaEncoder,
  parseMediaFrame,
  sliceInboundMark,
  sliceInboundMedia,
  type MediaInbound,
} from "../../src/twilio/media-messages.ts"
import { textsIn } from "../lib/texts-in.ts"

const streamSid = "MZ00000000000000000000000000000001"
const callSid = CallSid.parse("CA00000000000000000000000000000001")
const accountSid = "AC00000000000000000000000000000000"
const media = (payload: string) =>
  `{"event":"media","sequenceNumber":"4","streamSid":"${streamSid}","media":{"track":"inbound","chunk":"3","timestamp":"60","payload":"${payload}"}}`

const start = {
  event: "start",
  sequenceNumber: "1",
  streamSid,
  start: {
    streamSid,
    accountSid,
    callSid,
    tracks: ["inbound"],
    customParameters: { agent: "front-desk" },
    mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
  },
}
const parsedStart: MediaInbound = {
  type: "start",
  streamSid,
  accountSid,
  callSid,
  tracks: ["inbound"],
  customParameters: { agent: "front-desk" },
  format: { encoding: "audio/x-mulaw", sampleRateHz: 8_000, channels: 1 },
}

describe("from Twilio", () => {
  test.each<[string, string | object, MediaInbound]>([
    [
      "connected",
      { event: "connected", protocol: "Call", version: "1.0.0" },
      { type: "connected", protocol: "Call", version: "1.0.0" },
    ],
    [
      "connected with nothing in it",
      { event: "connected" },
      { type: "connected", protocol: "", version: "" },
    ],
    ["start", start, parsedStart],
    [
      "start with the least in it",
      { event: "start", start: { streamSid, callSid } },
      { ...parsedStart, accountSid: "", tracks: [], customParameters: {} },
    ],
    [
      "start with parameters that are no texts",
      { ...start, start: { ...start.start, customParameters: { a: 1, agent: "x", b: null } } },
      { ...parsedStart, customParameters: { agent: "x" } },
    ],
    [
      "start with a format of strings",
      {
        ...start,
        start: { ...start.start, mediaFormat: { encoding: "audio/l16", sampleRate: "16000", channels: "1" } },
      },
      { ...parsedStart, format: { encoding: "audio/l16", sampleRateHz: 16_000, channels: 1 } },
    ],
    [
      "media",
      media("//7+/v7//w=="),
      { type: "media", track: "inbound", payload: "//7+/v7//w==", timestampMs: 60 },
    ],
    [
      "media of the other side",
      media("AAAA").replace("inbound", "outbound"),
      { type: "media", track: "outbound", payload: "AAAA", timestampMs: 60 },
    ],
    [
      "media with a number for a counter",
      media("AAAA").replace('"60"', "60"),
      { type: "media", track: "inbound", payload: "AAAA", timestampMs: 60 },
    ],
    [
      "media without a time",
      { event: "media", media: { track: "inbound", payload: "AAAA" } },
      { type: "media", track: "inbound", payload: "AAAA", timestampMs: null },
    ],
    [
      "media with escapes",
      media(String.raw`AA\/\u0041`),
      { type: "media", track: "inbound", payload: "AA/A", timestampMs: 60 },
    ],
    ...["0", "9", "*", "#", "D"].map((digit): [string, object, MediaInbound] => [
      `the key ${digit}`,
      { event: "dtmf", streamSid, sequenceNumber: "57", dtmf: { track: "inbound_track", digit } },
      { type: "dtmf", digit },
    ]),
    [
      "mark",
      { event: "mark", sequenceNumber: "91", streamSid, mark: { name: "1-2" } },
      { type: "mark", name: "1-2" },
    ],
    ["stop", { event: "stop", streamSid, stop: { accountSid, callSid } }, { type: "stop" }],
    ["stop with nothing in it", { event: "stop" }, { type: "stop" }],
    ["an event of the future", { event: "hologram" }, { type: "unknown", name: "hologram" }],
    ["an event named like a method", { event: "toString" }, { type: "unknown", name: "toString" }],
    ["a very long event", { event: "x".repeat(9_000) }, { type: "unknown", name: "x".repeat(64) }],
  ])("%s", (_, given, frame) => {
    expect(parseMediaFrame(typeof given === "string" ? given : JSON.stringify(given))).toEqual({
      ok: true,
      frame,
    })
  })

  test.each([
    ["nothing", "", "not JSON"],
    ["half a frame", media("AAAA").slice(0, -1), "not JSON"],
    ["a list", "[]", "not an object with an event"],
    ["null", "null", "not an object with an event"],
    ["no event", "{}", "not an object with an event"],
    ["an empty event", '{"event":""}', "not an object with an event"],
    ["a start without a call", '{"event":"start","start":{"streamSid":"MZ1"}}', "start: start.callSid"],
    [
      "a start without a stream",
      `{"event":"start","start":{"callSid":"${callSid}"}}`,
      "start: start.streamSid",
    ],
    [
      "a stream that breaks out",
      `{"event":"start","start":{"callSid":"${callSid}","streamSid":"\\""}}`,
      "start: ",
    ],
    ["media without audio", media(""), "media: media.payload"],
    ["media that is no base64", media("secret words"), "media: media.payload"],
    ["media of a third side", media("AAAA").replace("inbound", "both"), "media: media.track"],
    ["two keys at once", '{"event":"dtmf","dtmf":{"digit":"12"}}', "dtmf: dtmf.digit"],
    ["a mark without a name", '{"event":"mark","mark":{}}', "mark: mark.name"],
  ])("%s is refused, and its words are not repeated", (_, text, reason) => {
    const parsed = parseMediaFrame(text)
    expect(parsed).toEqual({ ok: false, reason: expect.stringContaining(reason) })
    expect(textsIn(parsed)).not.toContainEqual(expect.stringContaining("secret"))
  })
})

describe("the fast path", () => {
  const payload = Buffer.from(Uint8Array.from({ length: 160 }, (_, at) => (at * 37) % 256)).toString("base64")

  test.each(["//7+/v7//w==", "AAA=", "AAAA", payload, "A".repeat(200_000)])("cuts out a payload", (audio) => {
    expect(sliceInboundMedia(media(audio))).toBe(audio)
  })

  const parts = JSON.parse(media("AAAA")) as { media: object }
  const odd = {
    "the other side's audio": media("AAAA").replace("inbound", "outbound"),
    "another order of keys": JSON.stringify({ media: parts.media, event: "media" }),
    "another order inside": JSON.stringify({ ...parts, media: { payload: "AAAA", track: "inbound" } }),
    "one key more": JSON.stringify({ ...parts, media: { ...parts.media, gain: 1 } }),
    "one key more outside": JSON.stringify({ ...parts, extra: { payload: "BBBB" } }),
    "a second payload": media('AAAA","payload":"BBBB'),
    "a second event": `${media("AAAA").slice(0, -1)},"event":"stop"}`,
    spaces: JSON.stringify(parts, null, 1),
    escapes: media(String.raw`AA\/A`),
    "a line break in the audio": media("AA\nAA"),
    "words in the audio": media("no audio"),
    "no audio": media(""),
    "half a frame": media("AAAA").slice(0, -1),
    "something behind it": `${media("AAAA")}x`,
    "a line break behind it": `${media("AAAA")}\n`,
    "something before it": ` ${media("AAAA")}`,
    "a stream that holds a payload": media("AAAA").replace(streamSid, 'x","payload":"BBBB'),
    "another event": media("AAAA").replace('"media"', '"mark"'),
    nothing: "",
  }
  test.each(Object.entries(odd))("leaves %s to the full parse", (_, text) => {
    expect(sliceInboundMedia(text)).toBeUndefined()
  })

  const mark = (name: string) =>
    `{"event":"mark","sequenceNumber":"4","streamSid":"${streamSid}","mark":{"name":"${name}"}}`

  test.each(["1-1", "3-999999999", "responsePart"])("cuts out the name of a mark: %s", (name) => {
    expect(sliceInboundMark(mark(name))).toBe(name)
    expect(parseMediaFrame(mark(name))).toMatchObject({ frame: { type: "mark", name } })
  })

  test.each([
    mark(""),
    mark("two words"),
    mark(String.raw`1\u002d1`),
    mark("x".repeat(65)),
    `${mark("1-1")} `,
    mark("1-1").replace('"mark":{', '"mark":{"extra":1,'),
    mark('1-1","name":"2-2'),
    media("AAAA"),
    "",
  ])("leaves other marks to the full parse: %j", (text) => expect(sliceInboundMark(text)).toBeUndefined())

  test("both ways agree on what they both take", () => {
    for (const audio of ["AAAA", "//7+", payload]) {
      expect(parseMediaFrame(media(audio))).toMatchObject({
        ok: true,
        frame: { type: "media", payload: sliceInboundMedia(media(audio)) },
      })
    }
  })
})

describe("to Twilio", () => {
  const encoder = new MediaEncoder(streamSid)
  test.each([
    ["media", encoder.media("//7+"), { event: "media", streamSid, media: { payload: "//7+" } }],
    ["mark", encoder.mark('a "b" \\ ü'), { event: "mark", streamSid, mark: { name: 'a "b" \\ ü' } }],
    ["clear", encoder.clear, { event: "clear", streamSid }],
  ] as const)("%s", (_, text, frame) => {
    const written: unknown = JSON.parse(text)
    expect(written).toEqual(frame)
  })
})
