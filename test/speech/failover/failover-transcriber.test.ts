/** Hearing with two providers: the first one fails in every way, and the turn of the caller is whole. */

import { expect, test } from "bun:test"
import { encodeMulaw, silence } from "../../../src/audio/mulaw.ts"
import { FluxTranscriber } from "../../../src/speech/deepgram/flux-transcriber.ts"
import { NovaTranscriber } from "../../../src/speech/deepgram/nova-transcriber.ts"
import { FailoverTranscriber, type HearProvider } from "../../../src/speech/failover/failover-transcriber.ts"
import { ProviderHealth } from "../../../src/speech/failover/provider-health.ts"
import type { SpeechServices } from "../../../src/speech/connection.ts"
import type { TranscriberEvent } from "../../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { transcriberContract } from "../../contract/transcriber.contract.ts"
import { DEEPGRAM_KEY, FakeDeepgram, fluxListener, novaListener } from "../../fakes/fake-deepgram.ts"
import { speechServices } from "../speech-fixture.ts"

const STALL_MS = 800
/** A frame of speech, as loud as it is on a phone line. */
const VOICE = encodeMulaw(
  Int16Array.from({ length: 160 }, (_, at) => 6_000 * Math.sin((2 * Math.PI * 300 * at) / 8_000)),
)

function flux(baseUrl: string, services: SpeechServices, eagerEnd = false): HearProvider {
  return {
    name: "flux",
    heartbeat: true,
    open: (listener, profile) =>
      new FluxTranscriber({ baseUrl, apiKey: DEEPGRAM_KEY, profile, eagerEnd }, services, listener),
  }
}

function nova(name: string, baseUrl: string, services: SpeechServices): HearProvider {
  return {
    name,
    heartbeat: true,
    open: (listener, profile) =>
      new NovaTranscriber({ baseUrl, apiKey: DEEPGRAM_KEY, model: "nova-3", profile }, services, listener),
  }
}

transcriberContract("with failover", {
  start: () => new FakeDeepgram(),
  open:
    ({ baseUrl }, services) =>
    (listener, profile) => {
      const health = new ProviderHealth(services.sweep.clock)
      const providers = [flux(baseUrl, services)]
      return new FailoverTranscriber({ providers, health, stallMs: STALL_MS, profile }, services, listener)
    },
  recognise: (peer) => {
    const listener = fluxListener(peer)
    return { start: () => listener.start(), words: listener.update, end: (text) => listener.end(text) }
  },
  recovers: true,
})

type Make = (first: string, second: string, services: SpeechServices) => readonly HearProvider[]
const fluxThenNova: Make = (first, second, services) => [
  flux(first, services),
  nova("nova", second, services),
]

function open(make: Make = fluxThenNova) {
  const first = new FakeDeepgram()
  const second = new FakeDeepgram()
  const fixture = speechServices()
  const warnings: unknown[] = []
  const log = { ...fixture.services.log, warn: (_: string, fields?: object) => void warnings.push(fields) }
  const services = { ...fixture.services, log }
  const health = new ProviderHealth(fixture.clock)
  const events = new AwaitableLog<TranscriberEvent>("events")
  const start = () =>
    new FailoverTranscriber(
      {
        providers: make(first.baseUrl, second.baseUrl, services),
        health,
        stallMs: STALL_MS,
        profile: "conversation",
      },
      services,
      (event) => events.push(event),
    )
  return {
    ...fixture,
    first,
    second,
    events,
    warnings,
    start,
    next: (type: TranscriberEvent["type"]) => events.next((event) => event.type === type),
    /** The caller speaks, or is silent, for so long. */
    hear(transcriber: FailoverTranscriber, ms: number, frame: Uint8Array = VOICE) {
      for (let at = 0; at < ms; at += 20) {
        transcriber.hear(frame)
        fixture.clock.advance(20)
      }
    },
    turns: () => events.all.flatMap((event) => (event.type === "turn-ended" ? [event.text] : [])),
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

/** A call whose caller is in the middle of a turn. */
async function heardHalf() {
  const s = open()
  const transcriber = s.start()
  const peer = await s.first.peers.next()
  await s.next("ready")
  s.hear(transcriber, 1_000)
  fluxListener(peer).update("I need")
  await s.next("interim")
  return { ...s, transcriber, peer }
}
type HeardHalf = Awaited<ReturnType<typeof heardHalf>>

test.each([401, 403, 429, 500] as const)(
  "the first provider refuses with %d: the second one hears the call from its beginning",
  async (status) => {
    await using s = open()
    s.first.refuse = status
    const transcriber = s.start()
    s.hear(transcriber, 400)
    const peer = await s.second.peers.next()
    await s.next("ready")
    await peer.heard(3_200)
    novaListener(peer).speechFinal("Hello.")
    expect(await s.next("turn-ended")).toMatchObject({ text: "Hello." })
    expect(s.warnings).toMatchObject([{ provider: "flux", status }])
  },
)

test.each<[string, (s: HeardHalf) => void]>([
  ["breaks in the middle of a word", ({ peer }) => peer.drop()],
  ["closes", ({ peer }) => peer.close(1011, "going down")],
  [
    "reports an error",
    ({ peer }) => peer.send({ type: "Error", code: "INTERNAL_SERVER_ERROR", description: "" }),
  ],
  ["sends garbage", ({ peer }) => ["{", "[", "x"].forEach((raw) => peer.sendRaw(raw))],
])("the first provider %s: the second one hears the whole turn, and its text comes once", async (_, fail) => {
  await using s = await heardHalf()
  fail(s)
  const peer = await s.second.peers.next()
  s.hear(s.transcriber, 200)
  // The audio of the turn from its beginning.
  await peer.heard(9_600)
  const listener = novaListener(peer)
  listener.interim("I need a table")
  listener.speechFinal("I need a table for nine.")
  await s.next("turn-ended")
  expect(s.events.all).toEqual([
    { type: "ready" },
    { type: "speech-started" },
    { type: "interim", text: "I need" },
    { type: "interim", text: "I need a table" },
    { type: "interim", text: "I need a table for nine." },
    { type: "final", text: "I need a table for nine.", untilMs: expect.any(Number) },
    { type: "turn-ended", text: "I need a table for nine.", untilMs: expect.any(Number) },
  ])
})

test("the first provider is silent within a turn: the second one is asked too, and the first that answers is used", async () => {
  await using s = await heardHalf()
  s.hear(s.transcriber, STALL_MS - 40)
  expect(s.second.attempts).toBe(0)
  s.hear(s.transcriber, 60)
  const peer = await s.second.peers.next()
  novaListener(peer).speechFinal("I need a table.")
  await s.next("turn-ended")
  // What the silent one says afterwards has no effect.
  fluxListener(s.peer).end("I need a table.")
  novaListener(peer).speechFinal("For nine.")
  await s.next("turn-ended")
  expect(s.turns()).toEqual(["I need a table.", "For nine."])
  expect(s.warnings).toMatchObject([{ provider: "flux", reason: "stalled" }])
})

test("the only provider is silent within a turn: a new connection to it hears the whole turn", async () => {
  await using s = open((one, _, services) => [flux(one, services)])
  const transcriber = s.start()
  const one = await s.first.peers.next()
  await s.next("ready")
  s.hear(transcriber, 1_000)
  fluxListener(one).update("I need")
  await s.next("interim")
  s.hear(transcriber, STALL_MS + 100)
  const two = await s.first.peers.next()
  await two.heard((1_000 + STALL_MS) * 8)
  fluxListener(two).end("I need a table for nine.")
  expect(await s.next("turn-ended")).toMatchObject({ text: "I need a table for nine." })
  expect(await one.closed).toBe(1000)
})

test("a silent provider that continues in time is kept, and the one beside it is closed", async () => {
  await using s = await heardHalf()
  s.hear(s.transcriber, STALL_MS + 20)
  const peer = await s.second.peers.next()
  const listener = fluxListener(s.peer)
  listener.update("I need a table")
  await peer.closed
  listener.end("I need a table.")
  await s.next("turn-ended")
  expect(s.turns()).toEqual(["I need a table."])
  expect(s.warnings).toEqual([])
})

test("a sound of which no provider reports a word keeps two of them open, and changes nothing else", async () => {
  await using s = open()
  const transcriber = s.start()
  await s.next("ready")
  s.hear(transcriber, STALL_MS + 100)
  const peer = await s.second.peers.next()
  await peer.heard(800)
  s.hear(transcriber, 10 * STALL_MS)
  expect([s.first.attempts, s.second.attempts]).toEqual([1, 1])
  expect(s.events.all).toEqual([{ type: "ready" }])
})

test("a first provider that never accepts the connection: the second one hears from the beginning", async () => {
  await using s = open()
  s.first.hold = new Promise(() => {})
  const transcriber = s.start()
  s.hear(transcriber, STALL_MS + 20)
  const peer = await s.second.peers.next()
  await s.next("ready")
  await peer.heard(6_400)
  novaListener(peer).speechFinal("Hello.")
  expect(await s.next("turn-ended")).toMatchObject({ text: "Hello." })
})

test("settled words of the first provider stay, and the second one hears only what follows them", async () => {
  await using s = open((one, two, services) => [nova("one", one, services), nova("two", two, services)])
  const transcriber = s.start()
  const one = await s.first.peers.next()
  await s.next("ready")
  s.hear(transcriber, 2_000)
  novaListener(one).final("My number is", { start: 0, duration: 1.4 })
  await s.next("final")
  one.drop()
  const two = await s.second.peers.next()
  await two.heard(4_800)
  novaListener(two).speechFinal("one two three.")
  await s.next("turn-ended")
  expect(s.turns()).toEqual(["My number is one two three."])
  expect(two.audio.length / 8).toBe(600)
})

test("words that were known when the connection closed are the turn, if nothing follows", async () => {
  await using s = await heardHalf()
  s.peer.drop()
  const peer = await s.second.peers.next()
  await peer.heard(8_000)
  s.hear(s.transcriber, 1_600, silence(20))
  expect(await s.next("turn-ended")).toMatchObject({ text: "I need" })
})

test("words that were known are the turn also when a noise follows them", async () => {
  await using s = await heardHalf()
  s.peer.drop()
  const peer = await s.second.peers.next()
  await peer.heard(8_000)
  s.hear(s.transcriber, 1_000, silence(20))
  s.hear(s.transcriber, 600)
  s.hear(s.transcriber, 1_600, silence(20))
  expect(s.turns()).toEqual(["I need"])
})

test("an eager end is taken back when its provider fails", async () => {
  await using s = open((one, _, services) => [flux(one, services, true)])
  const transcriber = s.start()
  const peer = await s.first.peers.next()
  await s.next("ready")
  fluxListener(peer).eager("Yes.")
  await s.next("eager-end")
  peer.drop()
  await s.next("resumed")
  transcriber.close()
})

test("the next call begins with the provider that works", async () => {
  await using s = open()
  s.first.refuse = 401
  const one = s.start()
  await s.next("ready")
  const two = s.start()
  await s.next("ready")
  expect([s.first.attempts, s.second.attempts]).toEqual([1, 2])
  one.close()
  two.close()
})

test("when every provider fails, that is reported once, after some tries", async () => {
  await using s = open()
  s.first.refuse = 503
  s.second.refuse = 401
  s.start()
  const failed = s.next("failed")
  for (let step = 0; step < 40 && s.events.count === 0; step++) {
    s.clock.advance(250)
    await fetch(s.second.baseUrl)
  }
  expect(await failed).toMatchObject({ failure: { reason: "rejected" } })
  expect(s.first.attempts).toBe(3)
  expect(s.events.all).toHaveLength(1)
})
