/** Deepgram Flux as a transcriber, against `/v2/listen` as Deepgram documents it. */

import { expect, test } from "bun:test"
import { FluxTranscriber } from "../../../src/speech/deepgram/flux-transcriber.ts"
import type { TranscriberEvent } from "../../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { transcriberContract } from "../../contract/transcriber.contract.ts"
import { DEEPGRAM_KEY, FakeDeepgram, fluxListener } from "../../fakes/fake-deepgram.ts"
import { speechServices } from "../speech-fixture.ts"

transcriberContract("Deepgram Flux", {
  start: () => new FakeDeepgram(),
  open:
    ({ baseUrl }, services) =>
    (listener, profile) =>
      new FluxTranscriber({ baseUrl, apiKey: DEEPGRAM_KEY, profile }, services, listener),
  recognise: (peer) => {
    const flux = fluxListener(peer)
    return { start: () => flux.start(), words: flux.update, end: (text) => flux.end(text) }
  },
})

type Options = Partial<ConstructorParameters<typeof FluxTranscriber>[0]>

async function open(options: Options = {}) {
  const server = new FakeDeepgram()
  const fixture = speechServices()
  const events = new AwaitableLog<TranscriberEvent>("events")
  const transcriber = new FluxTranscriber(
    { baseUrl: server.baseUrl, apiKey: DEEPGRAM_KEY, profile: "conversation", ...options },
    fixture.services,
    (event) => events.push(event),
  )
  const peer = await server.peers.next()
  await events.next(({ type }) => type === "ready")
  return {
    ...fixture,
    server,
    events,
    transcriber,
    peer,
    flux: fluxListener(peer),
    types: () => events.all.map(({ type }) => type),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test("the address has telephone audio and the thresholds of the profile, and the key only in a header", async () => {
  await using s = await open({ keyterms: ["Parley", "NPI"], eagerEnd: true, profile: "menu" })
  const { url } = s.peer
  expect([...url.searchParams]).toEqual([
    ["model", "flux-general-en"],
    ["encoding", "mulaw"],
    ["sample_rate", "8000"],
    ["eot_threshold", "0.6"],
    ["eot_timeout_ms", "1000"],
    ["eager_eot_threshold", "0.5"],
    ["numerals", "true"],
    ["keyterm", "Parley"],
    ["keyterm", "NPI"],
  ])
  expect(url.href).not.toContain(DEEPGRAM_KEY)
})

test("audio is sent in pieces of 80 ms", async () => {
  await using s = await open()
  for (let frame = 0; frame < 10; frame++) s.transcriber.hear(new Uint8Array(160))
  await s.peer.heard(1_280)
  expect(s.peer.frames.map(({ length }) => length)).toEqual([640, 640])
})

test("the words that the fake recognised end at their place in the audio", async () => {
  await using s = await open()
  for (let frame = 0; frame < 100; frame++) s.transcriber.hear(new Uint8Array(160))
  s.flux.start()
  s.flux.end("Yes.", 1.6)
  expect(await s.events.next(({ type }) => type === "turn-ended")).toEqual({
    type: "turn-ended",
    text: "Yes.",
    untilMs: 1_600,
  })
})

test("an eager end, a resumption and the end are reported in their order", async () => {
  await using s = await open({ eagerEnd: true })
  s.flux.start("I")
  s.flux.eager("I need")
  s.flux.resume("I need a")
  s.flux.eager("I need a table.")
  s.flux.end("I need a table.")
  await s.events.next(({ type }) => type === "turn-ended")
  expect(s.events.all).toEqual([
    { type: "ready" },
    { type: "speech-started" },
    { type: "interim", text: "I" },
    { type: "interim", text: "I need" },
    { type: "eager-end", text: "I need" },
    { type: "resumed" },
    { type: "interim", text: "I need a" },
    { type: "interim", text: "I need a table." },
    { type: "eager-end", text: "I need a table." },
    { type: "turn-ended", text: "I need a table.", untilMs: 0 },
  ])
})

test("an end by timeout without a turn is not reported", async () => {
  await using s = await open()
  s.flux.end("")
  s.flux.start("Yes")
  s.flux.end("Yes.")
  await s.events.next(({ type }) => type === "turn-ended")
  expect(s.types()).toEqual(["ready", "speech-started", "interim", "turn-ended"])
})

test("a changed profile is configured on the running connection, once", async () => {
  await using s = await open()
  s.transcriber.expect("dictation")
  s.transcriber.expect("dictation")
  expect(await s.peer.texts.next()).toEqual({
    type: "Configure",
    thresholds: { eot_threshold: 0.9, eot_timeout_ms: 8_000 },
  })
  s.peer.send({ type: "ConfigureFailure", request_id: "r", sequence_id: 2 })
  s.flux.start("Yes")
  await s.events.next(({ type }) => type === "speech-started")
  expect(s.peer.texts.count).toBe(1)
})

test("a stream that pauses is filled with silence, which does not count as audio of the caller", async () => {
  await using s = await open()
  for (let frame = 0; frame < 5; frame++) s.transcriber.hear(new Uint8Array(160).fill(1))
  s.clock.advance(1_000)
  expect(s.peer.audio.length).toBeLessThanOrEqual(800)
  s.clock.advance(2_000)
  await s.peer.heard(800 + 16_000)
  expect([...new Set(s.peer.audio.subarray(800))]).toEqual([0xff])
  s.flux.start("Yes")
  s.flux.end("Yes.", 2.1)
  expect(await s.events.next(({ type }) => type === "turn-ended")).toMatchObject({ untilMs: 100 })
})

test("an error of the server ends the connection with its code", async () => {
  await using s = await open()
  s.peer.send({ type: "Error", sequence_id: 1, code: "INTERNAL_SERVER_ERROR", description: "failed" })
  expect(await s.events.next(({ type }) => type === "failed")).toMatchObject({
    failure: { reason: "rejected", retryable: true, code: "INTERNAL_SERVER_ERROR" },
  })
})

test("audio beyond ten seconds before the connection is ready is lost and logged, the newest is kept", async () => {
  const server = new FakeDeepgram()
  server.greets = false
  using fixture = speechServices()
  const warned: unknown[] = []
  const services = {
    ...fixture.services,
    log: { ...fixture.services.log, warn: (_: string, fields?: object) => void warned.push(fields) },
  }
  const events = new AwaitableLog<TranscriberEvent>("events")
  const options = { baseUrl: server.baseUrl, apiKey: DEEPGRAM_KEY, profile: "conversation" } as const
  const transcriber = new FluxTranscriber(options, services, (event) => events.push(event))
  const peer = await server.peers.next()
  for (let frame = 0; frame < 600; frame++) transcriber.hear(new Uint8Array(160).fill(frame < 100 ? 1 : 2))
  peer.send({ type: "Connected", request_id: "r", sequence_id: 0 })
  await peer.heard(80_000)
  expect([...new Set(peer.audio)]).toEqual([2])
  expect(warned).toEqual([{ lostMs: 2_000 }])
  await server[Symbol.asyncDispose]()
})
