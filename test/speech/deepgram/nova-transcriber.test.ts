/** Deepgram's `/v1/listen` as a transcriber, as Deepgram documents it and as Caller Assistant used it. */

import { expect, test } from "bun:test"
import { NovaTranscriber } from "../../../src/speech/deepgram/nova-transcriber.ts"
import type { TranscriberEvent } from "../../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { transcriberContract } from "../../contract/transcriber.contract.ts"
import { DEEPGRAM_KEY, FakeDeepgram, novaListener } from "../../fakes/fake-deepgram.ts"
import { speechServices } from "../speech-fixture.ts"

const MODEL = "nova-2-phonecall"

transcriberContract("Deepgram Nova", {
  start: () => new FakeDeepgram(),
  open:
    ({ baseUrl }, services) =>
    (listener, profile) =>
      new NovaTranscriber({ baseUrl, apiKey: DEEPGRAM_KEY, model: MODEL, profile }, services, listener),
  recognise: (peer) => {
    const nova = novaListener(peer)
    return { start: () => {}, words: nova.interim, end: nova.speechFinal }
  },
})

type Options = Partial<ConstructorParameters<typeof NovaTranscriber>[0]>

async function open(options: Options = {}) {
  const server = new FakeDeepgram()
  const fixture = speechServices()
  const events = new AwaitableLog<TranscriberEvent>("events")
  const transcriber = new NovaTranscriber(
    { baseUrl: server.baseUrl, apiKey: DEEPGRAM_KEY, model: MODEL, profile: "conversation", ...options },
    fixture.services,
    (event) => events.push(event),
  )
  const peer = await server.peers.next()
  const next = (type: TranscriberEvent["type"]) => events.next((event) => event.type === type)
  await next("ready")
  return {
    ...fixture,
    server,
    events,
    next,
    transcriber,
    peer,
    nova: novaListener(peer),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test.each([
  ["menu", "200", "1000"],
  ["conversation", "400", "1500"],
] as const)("the options and the times of the profile %s", async (profile, endpointing, utteranceEnd) => {
  await using s = await open({ profile })
  expect(Object.fromEntries(s.peer.url.searchParams)).toEqual({
    model: MODEL,
    encoding: "mulaw",
    sample_rate: "8000",
    channels: "1",
    smart_format: "true",
    interim_results: "true",
    endpointing,
    utterance_end_ms: utteranceEnd,
  })
})

test("words settle piece by piece, and the last one releases them as one turn", async () => {
  await using s = await open()
  s.nova.interim("my")
  s.nova.final("My number", { start: 0, duration: 1.2 })
  s.nova.interim("is")
  s.nova.speechFinal("is 12.")
  await s.next("turn-ended")
  expect(s.events.all.slice(1)).toEqual([
    { type: "speech-started" },
    { type: "interim", text: "my" },
    { type: "interim", text: "My number" },
    { type: "final", text: "My number", untilMs: 1_200 },
    { type: "interim", text: "My number is" },
    { type: "interim", text: "My number is 12." },
    { type: "final", text: "My number is 12.", untilMs: 0 },
    { type: "turn-ended", text: "My number is 12.", untilMs: 0 },
  ])
})

test("in a conversation a gap between words ends the turn, and what follows the end of a turn is ignored", async () => {
  await using s = await open()
  s.nova.final("One moment")
  s.nova.utteranceEnd()
  expect(await s.next("turn-ended")).toMatchObject({ text: "One moment" })
  s.nova.speechFinal("Yes.")
  s.nova.utteranceEnd()
  s.nova.speechFinal("No.")
  await s.events.next((event) => event.type === "turn-ended" && event.text === "No.")
  expect(s.events.all.filter(({ type }) => type === "turn-ended")).toHaveLength(3)
})

test("in a menu a gap between words ends nothing", async () => {
  await using s = await open({ profile: "menu" })
  s.nova.final("Press one for sales.")
  s.nova.utteranceEnd()
  s.nova.speechFinal("Press two for service.")
  expect(await s.next("turn-ended")).toMatchObject({ text: "Press one for sales. Press two for service." })
})

test("another profile is another socket; no audio is lost, and the words of the running turn stay", async () => {
  await using s = await open({ profile: "menu" })
  const gate = Promise.withResolvers<void>()
  for (let frame = 1; frame <= 5; frame++) s.transcriber.hear(new Uint8Array(160).fill(frame))
  s.nova.final("Please hold.")
  await s.next("final")
  s.server.hold = gate.promise
  s.transcriber.expect("conversation")
  for (let frame = 6; frame <= 12; frame++) s.transcriber.hear(new Uint8Array(160).fill(frame))
  gate.resolve()
  const other = await s.server.peers.next()
  expect(other.url.searchParams.get("endpointing")).toBe("400")
  await s.peer.closed
  for (let frame = 13; frame <= 17; frame++) s.transcriber.hear(new Uint8Array(160).fill(frame))
  await other.heard(800)
  const bytes = Array.from(Buffer.concat([s.peer.audio, other.audio])).filter((_, at) => at % 160 === 0)
  expect(bytes).toEqual(Array.from({ length: 17 }, (_, at) => at + 1))
  novaListener(other).speechFinal("Hello, this is Anna.")
  expect(await s.next("turn-ended")).toMatchObject({
    text: "Please hold. Hello, this is Anna.",
    untilMs: 240 + 100,
  })
})

test("a socket for another profile that is refused changes nothing", async () => {
  await using s = await open()
  s.server.refuse = 429
  s.transcriber.expect("dictation")
  s.nova.interim("Still")
  await s.next("interim")
  s.transcriber.expect("conversation")
  s.nova.speechFinal("Still here.")
  expect(await s.next("turn-ended")).toMatchObject({ text: "Still here." })
})

test("a stream without audio is kept alive", async () => {
  await using s = await open()
  s.transcriber.hear(new Uint8Array(160))
  s.clock.advance(4_000)
  s.clock.advance(4_000)
  expect(await s.peer.texts.next()).toEqual({ type: "KeepAlive" })
  expect(s.peer.texts.count).toBe(1)
})

test("what is recognised after the end of the call belongs to the last turn", async () => {
  await using s = await open()
  s.nova.final("Good")
  await s.next("final")
  s.server.ignores = true
  s.transcriber.close()
  await s.peer.texts.next(({ type }) => type === "CloseStream")
  s.nova.final("bye")
  s.peer.close()
  expect(await s.next("turn-ended")).toMatchObject({ text: "Good bye" })
  expect(s.events.all.at(-1)).toEqual({ type: "closed" })
})
