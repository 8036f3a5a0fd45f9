/** Turns that are found here and transcribed by `POST /audio/transcriptions` of a compatible server. */

import { expect, test } from "bun:test"
import { encodeMulaw, silence } from "../../../src/audio/mulaw.ts"
import { readWav } from "../../../src/audio/wav.ts"
import { audioTranscriptions } from "../../../src/speech/openai/audio-transcriptions.ts"
import { RecordingTranscriber } from "../../../src/speech/recording-transcriber.ts"
import type { TranscriberEvent } from "../../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { speechServices } from "../speech-fixture.ts"

const TIMEOUT_MS = 20_000
const loud = (ms: number) =>
  encodeMulaw(
    Int16Array.from({ length: ms * 8 }, (_, at) => 8_000 * Math.sin((2 * Math.PI * 300 * at) / 8_000)),
  )

type Answer = Response | Promise<Response>

function open(answer: (form: FormData, request: Request) => Answer) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (new URL(request.url).pathname !== "/v1/audio/transcriptions")
        return new Response("", { status: 404 })
      return answer((await request.formData()) as unknown as FormData, request)
    },
  })
  const fixture = speechServices()
  const events = new AwaitableLog<TranscriberEvent>("events")
  const request = audioTranscriptions({
    baseUrl: `http://127.0.0.1:${server.port}/v1`,
    apiKey: "key",
    model: "whisper",
    language: "en",
  })
  const transcriber = new RecordingTranscriber(
    { request, timeoutMs: TIMEOUT_MS, profile: "conversation" },
    fixture.services,
    (event) => events.push(event),
  )
  const hear = (audio: Uint8Array) => {
    for (let at = 0; at < audio.length; at += 160) transcriber.hear(audio.subarray(at, at + 160))
  }
  return {
    ...fixture,
    events,
    transcriber,
    hear,
    next: (type: TranscriberEvent["type"]) => events.next((event) => event.type === type),
    async [Symbol.asyncDispose]() {
      transcriber.close()
      await server.stop(true)
      fixture[Symbol.dispose]()
    },
  }
}

test("a turn is sent as a WAV of 8 kHz with its beginning, and its text follows", async () => {
  const forms: FormData[] = []
  await using s = open((form, request) => {
    forms.push(form)
    expect(request.headers.get("authorization")).toBe("Bearer key")
    return Response.json({ text: " Hello there. " })
  })
  s.hear(silence(500))
  s.hear(loud(1_000))
  s.hear(silence(700))
  expect(await s.next("turn-ended")).toEqual({ type: "turn-ended", text: "Hello there.", untilMs: 2_100 })
  expect(s.events.all.map(({ type }) => type)).toEqual(["ready", "speech-started", "turn-ended"])
  const [form] = forms
  expect([form?.get("model"), form?.get("language"), form?.get("response_format")]).toEqual([
    "whisper",
    "en",
    "json",
  ])
  const file = form?.get("file") as File
  expect(file.name).toBe("turn.wav")
  const { samples, sampleRateHz } = readWav(new Uint8Array(await file.arrayBuffer()))
  expect(sampleRateHz).toBe(8_000)
  expect(samples.length / 8).toBeGreaterThanOrEqual(1_000 + 300 + 600)
})

test("two turns are reported in their order, also when the second text comes first", async () => {
  const first = Promise.withResolvers<void>()
  let requests = 0
  await using s = open(async () => {
    requests += 1
    if (requests === 1) await first.promise
    else first.resolve()
    return Response.json({ text: requests === 1 ? "unused" : "Text." })
  })
  for (let turn = 0; turn < 2; turn++) {
    s.hear(loud(500))
    s.hear(silence(700))
  }
  await s.next("turn-ended")
  await s.next("turn-ended")
  expect(s.events.all.map(({ type }) => type)).toEqual([
    "ready",
    "speech-started",
    "turn-ended",
    "speech-started",
    "turn-ended",
  ])
})

test("a click is no turn with words, and is not sent", async () => {
  let requests = 0
  await using s = open(() => {
    requests += 1
    return Response.json({ text: "" })
  })
  s.hear(loud(80))
  s.hear(silence(700))
  expect(await s.next("turn-ended")).toMatchObject({ text: "" })
  expect(requests).toBe(0)
})

test.each([
  [401, "no key", "refused"],
  [429, "slow down", "rate-limited"],
  [503, "loading", "rejected"],
  [200, "<html>", "malformed"],
] as const)("an answer %d %s: %s", async (status, body, reason) => {
  await using s = open(() => new Response(body, { status }))
  s.hear(loud(500))
  s.hear(silence(700))
  expect(await s.next("failed")).toMatchObject({ failure: { reason } })
})

test("a server that does not answer in time", async () => {
  const asked = Promise.withResolvers<void>()
  await using s = open(() => {
    asked.resolve()
    return new Promise(() => {})
  })
  s.hear(loud(500))
  s.hear(silence(700))
  await asked.promise
  s.clock.advance(TIMEOUT_MS + 1)
  expect(await s.next("failed")).toMatchObject({ failure: { reason: "timeout", retryable: true } })
})

test("close transcribes what was said to the end of the call", async () => {
  await using s = open(() => Response.json({ text: "Good bye." }))
  s.hear(loud(500))
  await s.next("speech-started")
  s.transcriber.close()
  await s.next("closed")
  expect(s.events.all.slice(-2)).toMatchObject([
    { type: "turn-ended", text: "Good bye." },
    { type: "closed" },
  ])
})

test("a longer pause ends a turn while something is dictated", async () => {
  await using s = open(() => Response.json({ text: "1 2" }))
  s.transcriber.expect("dictation")
  s.hear(loud(500))
  s.hear(silence(1_000))
  s.hear(loud(500))
  s.hear(silence(1_600))
  expect(await s.next("turn-ended")).toMatchObject({ text: "1 2", untilMs: 3_500 })
  expect(s.events.all.filter(({ type }) => type === "speech-started")).toHaveLength(1)
})
