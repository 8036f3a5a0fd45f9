/** Speaking with two providers: the first one fails in every way, and no word is said twice or lost. */

import { expect, test } from "bun:test"
import type { SpeechServices } from "../../../src/speech/connection.ts"
import { fluxSpeech } from "../../../src/speech/deepgram/flux-speech.ts"
import { elevenLabsSpeech } from "../../../src/speech/elevenlabs/elevenlabs-speech.ts"
import { FailoverSynthesizer } from "../../../src/speech/failover/failover-synthesizer.ts"
import { ProviderHealth } from "../../../src/speech/failover/provider-health.ts"
import type { SpeakProvider } from "../../../src/speech/failover/spoken-part.ts"
import { SocketSynthesizer } from "../../../src/speech/socket-synthesizer.ts"
import type { UtteranceEvent } from "../../../src/speech/synthesizer.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { synthesizerContract } from "../../contract/synthesizer.contract.ts"
import { DEEPGRAM_KEY, FakeDeepgram, textOfVoice } from "../../fakes/fake-deepgram.ts"
import { ELEVENLABS_KEY, FakeElevenLabs } from "../../fakes/fake-elevenlabs.ts"
import { speechServices } from "../speech-fixture.ts"

const STALL_MS = 800
const TEXT = "Good morning to you. Your table is booked for nine."

function flux(baseUrl: string, services: SpeechServices): SpeakProvider {
  return {
    name: "flux",
    timed: false,
    open: (lost) => new SocketSynthesizer(fluxSpeech({ baseUrl, apiKey: DEEPGRAM_KEY }), services, lost),
  }
}

function elevenLabs(baseUrl: string, services: SpeechServices): SpeakProvider {
  return {
    name: "elevenlabs",
    timed: true,
    open: (lost) =>
      new SocketSynthesizer(elevenLabsSpeech({ baseUrl, apiKey: ELEVENLABS_KEY }), services, lost),
  }
}

class Deepgram extends FakeDeepgram {
  said(): string {
    return this.peers.all.map((peer) => this.speechOf(peer).said).join("")
  }

  async breakAfter(characters: number): Promise<void> {
    const peer = await this.peers.next()
    await peer.texts.next(({ type }) => type === "Speak")
    this.speechOf(peer).speak(characters)
    peer.drop()
  }
}

let fake: Deepgram
synthesizerContract("with failover", {
  start: () => (fake = new Deepgram()),
  open: (_, services) => () =>
    new FailoverSynthesizer(
      {
        providers: [flux(fake.baseUrl, services)],
        health: new ProviderHealth(services.sweep.clock),
        stallMs: STALL_MS,
      },
      services,
    ),
  msPerCharacter: 10,
  textOf: textOfVoice,
  hasConnection: false,
  recovers: true,
})

/** ElevenLabs first, which reports the time of each word; then Deepgram, which does not. */
function open({ order = ["elevenlabs", "flux"] }: { order?: readonly ("elevenlabs" | "flux")[] } = {}) {
  const eleven = new FakeElevenLabs()
  const deepgram = new Deepgram()
  const fixture = speechServices()
  const warnings: unknown[] = []
  const log = { ...fixture.services.log, warn: (_: string, fields?: object) => void warnings.push(fields) }
  const services = { ...fixture.services, log }
  const health = new ProviderHealth(fixture.clock)
  const make = {
    elevenlabs: () => elevenLabs(eleven.baseUrl, services),
    flux: () => flux(deepgram.baseUrl, services),
  }
  const opened: FailoverSynthesizer[] = []
  const start = () => {
    const synthesizer = new FailoverSynthesizer(
      { providers: order.map((name) => make[name]()), health, stallMs: STALL_MS },
      services,
    )
    opened.push(synthesizer)
    return synthesizer
  }
  const speak = (synthesizer: FailoverSynthesizer, ...clauses: string[]) => {
    const events = new AwaitableLog<UtteranceEvent>("utterance")
    const said = synthesizer.speak((event) => events.push(event))
    for (const clause of clauses) said.say(clause)
    if (clauses.length > 0) said.finish()
    const text = () =>
      textOfVoice(Buffer.concat(events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : []))))
    const words = () => text().split(/\s+/).filter(Boolean).join(" ")
    const next = (type: UtteranceEvent["type"]) => events.next((event) => event.type === type)
    const say = (clause: string) => said.say(clause)
    const cancel = (heardMs: number) => said.cancel(heardMs)
    return { events, text, words, next, say, cancel }
  }
  return {
    ...fixture,
    eleven,
    deepgram,
    warnings,
    start,
    speak,
    async [Symbol.asyncDispose]() {
      for (const synthesizer of opened) synthesizer.close()
      await eleven[Symbol.asyncDispose]()
      await deepgram[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test.each([401, 429, 503])(
  "the first provider refuses with %d: the second one says everything",
  async (status) => {
    await using s = open()
    s.eleven.refuse = status
    const said = s.speak(s.start(), TEXT)
    await said.next("done")
    expect(said.words()).toBe(TEXT)
    expect(s.warnings).toMatchObject([{ provider: "elevenlabs", status }])
  },
)

test.each([3, 5, 7, 12, 13, 14, 20, 30, 49, 50])(
  "the first provider breaks after %d characters: each word is said once, in whole",
  async (characters) => {
    await using s = open()
    s.eleven.speaks = false
    const said = s.speak(s.start(), TEXT)
    await s.eleven.breakAfter(characters)
    await said.next("done")
    expect(said.words()).toBe(TEXT)
    expect(said.events.all.filter(({ type }) => type === "position").at(-1)).toMatchObject({
      chars: TEXT.length,
    })
  },
)

test("a provider without times breaks: by the pace of its voice, each word is said once", async () => {
  await using s = open({ order: ["flux", "elevenlabs"] })
  const synthesizer = s.start()
  // The first utterance shows the pace.
  await s.speak(synthesizer, "Hello, this is Parley speaking.").next("done")
  s.deepgram.speaks = false
  const said = s.speak(synthesizer, TEXT)
  const peer = s.deepgram.peers.all[0]!
  await peer.texts.next((message) => message["text"] === TEXT)
  s.deepgram.speechOf(peer).speak("Good morning to ".length)
  peer.drop()
  await said.next("done")
  expect(said.words()).toBe(TEXT)
})

test.each<[string, (s: ReturnType<typeof open>) => void]>([
  ["an error", (s) => s.eleven.peers.all[0]!.send({ error: "internal_error", message: "no", code: 1011 })],
  ["garbage", (s) => ["{", "[", "x"].forEach((raw) => s.eleven.peers.all[0]!.sendRaw(raw))],
  ["a close", (s) => s.eleven.peers.all[0]!.close(1008, "policy")],
])("the first provider answers with %s in the middle of an utterance", async (_, fail) => {
  await using s = open()
  s.eleven.speaks = false
  const said = s.speak(s.start(), TEXT)
  const peer = await s.eleven.peers.next()
  const { context_id: context } = await peer.texts.next(({ flush }) => flush === true)
  s.eleven.speak(peer, String(context), 13)
  await said.next("audio")
  fail(s)
  await said.next("done")
  expect(said.words()).toBe(TEXT)
})

test("a first provider that is silent from the beginning: the second one speaks after the time limit", async () => {
  await using s = open()
  s.eleven.speaks = false
  const said = s.speak(s.start(), TEXT)
  const peer = await s.eleven.peers.next()
  await peer.texts.next(({ flush }) => flush === true)
  s.clock.advance(STALL_MS - 100)
  expect(s.deepgram.attempts).toBe(0)
  s.clock.advance(200)
  await said.next("done")
  expect(said.words()).toBe(TEXT)
  expect(s.warnings).toMatchObject([{ provider: "elevenlabs", reason: "stalled" }])
})

test("a provider that stalls in mid-sentence is replaced before what has come is played", async () => {
  await using s = open()
  s.eleven.speaks = false
  const said = s.speak(s.start(), TEXT)
  const peer = await s.eleven.peers.next()
  const { context_id: context } = await peer.texts.next(({ flush }) => flush === true)
  s.eleven.speak(peer, String(context), 13)
  await said.next("audio")
  const startedAt = s.clock.monotonic()
  // 120 ms were spoken; silence of 1.5 s at most may follow.
  s.clock.advance(STALL_MS + 100)
  expect(s.clock.monotonic() - startedAt - 120).toBeLessThan(1_500)
  await said.next("done")
  expect(said.words()).toBe(TEXT)
})

test("a provider that is done without a sound is replaced", async () => {
  await using s = open({ order: ["flux", "elevenlabs"] })
  s.deepgram.speaks = false
  const said = s.speak(s.start(), TEXT)
  await said.next("done")
  expect(said.words()).toBe(TEXT)
  expect(s.warnings).toMatchObject([{ provider: "flux", reason: "rejected" }])
})

test("a provider that is slow, but first, is kept", async () => {
  await using s = open()
  s.eleven.speaks = false
  s.deepgram.speaks = false
  const said = s.speak(s.start(), TEXT)
  const peer = await s.eleven.peers.next()
  const { context_id: context } = await peer.texts.next(({ flush }) => flush === true)
  s.clock.advance(STALL_MS + 100)
  const other = await s.deepgram.peers.next()
  await other.texts.next(({ type }) => type === "Speak")
  s.eleven.speak(peer, String(context))
  await said.next("done")
  expect(said.words()).toBe(TEXT)
  expect(s.warnings).toEqual([])
})

test("an utterance that waits behind the broken one is spoken behind it, by the second provider", async () => {
  await using s = open()
  s.eleven.speaks = false
  const synthesizer = s.start()
  const first = s.speak(synthesizer, "First one. ")
  const second = s.speak(synthesizer, "Second one.")
  const order: string[] = []
  for (const [said, name] of [
    [first, "first"],
    [second, "second"],
  ] as const)
    said.events.listen(({ type }) => type === "done" && order.push(name))
  const peer = await s.eleven.peers.next()
  await peer.texts.next(({ flush }) => flush === true)
  s.clock.advance(STALL_MS + 100)
  await second.next("done")
  expect([first.words(), second.words(), ...order]).toEqual(["First one.", "Second one.", "first", "second"])
})

test("an utterance that waits behind a long one is not taken for a silent provider", async () => {
  await using s = open({ order: ["flux", "elevenlabs"] })
  s.deepgram.speaks = s.deepgram.confirms = false
  const synthesizer = s.start()
  const first = s.speak(synthesizer, TEXT)
  const second = s.speak(synthesizer, "Second one.")
  const peer = await s.deepgram.peers.next()
  await peer.texts.next(({ type }) => type === "Flush")
  const speech = s.deepgram.speechOf(peer)
  for (let at = 0; at < TEXT.length; at += 13) {
    speech.speak(13)
    await first.next("audio")
    s.clock.advance(STALL_MS - 200)
  }
  s.deepgram.speaks = s.deepgram.confirms = true
  speech.flushed()
  await second.next("done")
  expect([first.words(), second.words(), s.eleven.attempts]).toEqual([TEXT, "Second one.", 0])
  expect(s.warnings).toEqual([])
})

test("an interruption is told the milliseconds of the provider that speaks, and answers with the whole text", async () => {
  await using s = open()
  s.eleven.speaks = false
  const synthesizer = s.start()
  const said = s.speak(synthesizer)
  said.say(TEXT)
  await s.eleven.breakAfter(13)
  const peer = await s.deepgram.peers.next()
  await peer.texts.next(({ type }) => type === "Speak")
  await said.events.next((event) => event.type === "audio" && said.words().length > 20)
  // "Good morning" was 120 ms long, and of the rest " to you" is 70 ms.
  said.cancel(190)
  expect(await said.next("spoken")).toEqual({ type: "spoken", text: "Good morning to you" })
  expect(await peer.texts.next(({ type }) => type === "Interrupt")).toMatchObject({
    playback_offset: { value: 70 },
  })
})

test("when every provider fails, the utterance fails once", async () => {
  await using s = open()
  s.eleven.refuse = 401
  s.deepgram.refuse = 401
  const said = s.speak(s.start(), TEXT)
  expect(await said.next("failed")).toMatchObject({ failure: { reason: "refused" } })
  expect(said.events.all).toHaveLength(1)
})

test.each<{ order: readonly ("elevenlabs" | "flux")[] }>([
  { order: ["flux"] },
  { order: ["elevenlabs", "flux"] },
])("when every provider is silent ($order), the utterance fails once, within 5 s", async ({ order }) => {
  await using s = open({ order })
  s.eleven.speaks = s.deepgram.speaks = s.deepgram.confirms = false
  const said = s.speak(s.start(), TEXT)
  s.clock.advance(STALL_MS * 6 - 200)
  expect(said.events.all).toEqual([])
  s.clock.advance(300)
  expect(said.events.all).toMatchObject([{ type: "failed", failure: { reason: "stalled" } }])
})

test("a connection that ends between two utterances is opened again", async () => {
  await using s = open({ order: ["flux"] })
  const synthesizer = s.start()
  await s.speak(synthesizer, "Hello.").next("done")
  const peer = await s.deepgram.peers.next()
  peer.close(1011, "idle")
  await s.deepgram.peers.next()
  const said = s.speak(synthesizer, TEXT)
  await said.next("done")
  expect(said.words()).toBe(TEXT)
})
