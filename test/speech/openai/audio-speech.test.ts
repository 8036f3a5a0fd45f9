/** Speech by `POST /audio/speech`, at OpenAI and at compatible servers. */

import { expect, test } from "bun:test"
import { audioSpeech, type AudioSpeechOptions } from "../../../src/speech/openai/audio-speech.ts"
import { RequestSynthesizer } from "../../../src/speech/request-synthesizer.ts"
import type { UtteranceEvent } from "../../../src/speech/synthesizer.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { synthesizerContract } from "../../contract/synthesizer.contract.ts"
import { FakeAudioSpeech, MS_PER_CHARACTER, pcmOf, textOfPcm } from "../../fakes/fake-audio-speech.ts"
import { speechServices } from "../speech-fixture.ts"

const KEY = "openai-key-for-tests"
const LIMITS = { timeoutMs: 20_000, maxTextLength: 4_096 }
const settings = (baseUrl: string) => ({ baseUrl, apiKey: KEY, model: "tts", voice: "marin" })

let fake: FakeAudioSpeech
synthesizerContract("OpenAI audio/speech", {
  start: () => (fake = new FakeAudioSpeech()),
  open: (_, services) => () =>
    new RequestSynthesizer({ ...LIMITS, request: audioSpeech(settings(fake.baseUrl)) }, services),
  msPerCharacter: MS_PER_CHARACTER,
  textOf: textOfPcm,
  hasConnection: false,
})

function open(options: Partial<AudioSpeechOptions> = {}) {
  const server = new FakeAudioSpeech()
  const fixture = speechServices()
  const request = audioSpeech({ ...settings(server.baseUrl), ...options })
  const synthesizer = new RequestSynthesizer({ ...LIMITS, request }, fixture.services)
  const speak = (...clauses: string[]) => {
    const events = new AwaitableLog<UtteranceEvent>("utterance")
    const said = synthesizer.speak((event) => events.push(event))
    for (const clause of clauses) said.say(clause)
    if (clauses.length > 0) said.finish()
    const text = () =>
      textOfPcm(Buffer.concat(events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : []))))
    return { events, text, ...said }
  }
  return {
    ...fixture,
    server,
    speak,
    async [Symbol.asyncDispose]() {
      synthesizer.close()
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test("the request is OpenAI's, and the key only in a header", async () => {
  await using s = open({ speed: 1.2, instructions: "Friendly." })
  await s.speak("Hello.").events.next(({ type }) => type === "done")
  expect(s.server.requests.all).toEqual([
    {
      authorization: `Bearer ${KEY}`,
      body: {
        model: "tts",
        voice: "marin",
        response_format: "pcm",
        speed: 1.2,
        instructions: "Friendly.",
        input: "Hello.",
      },
    },
  ])
})

test("a server without accounts gets no key", async () => {
  await using s = open({ apiKey: undefined })
  await s.speak("Hello.").events.next(({ type }) => type === "done")
  expect(s.server.requests.all[0]?.authorization).toBeNull()
})

test("one request is made ahead, and no more", async () => {
  await using s = open()
  s.server.speaks = false
  const said = s.speak("One. ", "Two. ", "Three. ")
  await s.server.requests.next(({ body }) => body["input"] === "Two. ")
  expect(s.server.requests.all.map(({ body }) => body["input"])).toEqual(["One. ", "Two. "])
  said.cancel(0)
})

test("the position is known at the end of each clause", async () => {
  await using s = open()
  const said = s.speak("One two. ", "Three four.")
  await said.events.next(({ type }) => type === "done")
  expect(said.events.all.filter(({ type }) => type === "position")).toEqual([
    { type: "position", chars: 9, ms: 90 },
    { type: "position", chars: 20, ms: 200 },
    { type: "position", chars: 20, ms: 200 },
  ])
})

test("a cancellation ends the requests", async () => {
  await using s = open()
  s.server.speaks = false
  const said = s.speak("One. ", "Two. ")
  await s.server.requests.next(({ body }) => body["input"] === "Two. ")
  said.cancel(0)
  s.server.speaks = true
  const next = s.speak("Three.")
  await next.events.next(({ type }) => type === "done")
  expect(next.text()).toBe("Three.")
  expect(said.events.all).toEqual([])
})

test("a server that does not answer in time fails the utterance", async () => {
  await using s = open()
  s.server.speaks = false
  const said = s.speak("Hello.")
  await s.server.requests.next()
  s.clock.advance(LIMITS.timeoutMs + 1)
  expect(await said.events.next(({ type }) => type === "failed")).toMatchObject({
    failure: { reason: "timeout", retryable: true },
  })
})

test.each(["text/html", "application/json", "audio/mpeg"])("an answer of %s is no speech", async (type) => {
  await using s = open()
  s.server.contentType = type
  const said = s.speak("Hello.")
  expect(await said.events.next(({ type: kind }) => kind === "failed")).toMatchObject({
    failure: { reason: "malformed" },
  })
  expect(said.text()).toBe("")
})

test("no connection is a failure of its own", async () => {
  await using s = open({ baseUrl: "http://127.0.0.1:1/v1" })
  const said = s.speak("Hello.")
  expect(await said.events.next(({ type }) => type === "failed")).toMatchObject({
    failure: { reason: "unreachable", retryable: true },
  })
})

test("a WAV is read by the rate of its header, in pieces of any size", async () => {
  await using s = open({ format: "wav" })
  s.server.contentType = "audio/wav"
  s.server.chunkBytes = 7
  s.server.bodyOf = (text) => Buffer.concat([wavHeader(48_000), twice(pcmOf(text))])
  const said = s.speak("Hello there.")
  await said.events.next(({ type }) => type === "done")
  expect(said.text()).toBe("Hello there.")
})

test("a WAV with two channels is refused", async () => {
  await using s = open({ format: "wav" })
  const header = wavHeader(24_000)
  header.writeUInt16LE(2, 22)
  s.server.bodyOf = (text) => Buffer.concat([header, pcmOf(text)])
  const said = s.speak("Hello there.")
  expect(await said.events.next(({ type }) => type === "failed")).toMatchObject({
    failure: { reason: "malformed" },
  })
})

test("raw PCM of another rate is resampled from it", async () => {
  await using s = open({ sampleRateHz: 48_000 })
  s.server.bodyOf = (text) => twice(pcmOf(text))
  const said = s.speak("Hello there.")
  await said.events.next(({ type }) => type === "done")
  expect(said.text()).toBe("Hello there.")
})

/** Each sample twice: the same audio at twice the rate. */
function twice(pcm: Uint8Array): Uint8Array {
  const samples = new Int16Array(pcm.slice().buffer)
  return new Uint8Array(
    Int16Array.from({ length: samples.length * 2 }, (_, at) => samples[at >> 1] ?? 0).buffer,
  )
}

/** As a stream has it: with lengths that are wrong. */
function wavHeader(rateHz: number): Buffer {
  const header = Buffer.alloc(44)
  header.write("RIFF", 0)
  header.writeUInt32LE(0xffff_ffff, 4)
  header.write("WAVEfmt ", 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rateHz, 24)
  header.writeUInt32LE(rateHz * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write("data", 36)
  header.writeUInt32LE(0xffff_ffff, 40)
  return header
}
