/** Deepgram's voices, Flux on `/v2/speak` and Aura on `/v1/speak`, as Deepgram documents them. */

import { expect, test } from "bun:test"
import { auraSpeech } from "../../../src/speech/deepgram/aura-speech.ts"
import { fluxSpeech } from "../../../src/speech/deepgram/flux-speech.ts"
import { SocketSynthesizer } from "../../../src/speech/socket-synthesizer.ts"
import type { SpeechDialect } from "../../../src/speech/speech-dialect.ts"
import type { UtteranceEvent } from "../../../src/speech/synthesizer.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { synthesizerContract, type SynthesizerFake } from "../../contract/synthesizer.contract.ts"
import { DEEPGRAM_KEY, FakeDeepgram, textOfVoice } from "../../fakes/fake-deepgram.ts"
import { speechServices } from "../speech-fixture.ts"

class Fake extends FakeDeepgram implements SynthesizerFake {
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

const account = (baseUrl: string) => ({ baseUrl, apiKey: DEEPGRAM_KEY })
const voices: [string, (baseUrl: string) => SpeechDialect<never>][] = [
  ["Deepgram Flux", (baseUrl) => fluxSpeech(account(baseUrl)) as SpeechDialect<never>],
  ["Deepgram Aura", (baseUrl) => auraSpeech(account(baseUrl)) as SpeechDialect<never>],
]

for (const [name, dialect] of voices) {
  let fake: Fake
  synthesizerContract(name, {
    start: () => (fake = new Fake()),
    open: (_, services) => (lost) => new SocketSynthesizer(dialect(fake.baseUrl), services, lost),
    msPerCharacter: 10,
    textOf: textOfVoice,
    hasConnection: true,
  })
}

async function open(dialect: (baseUrl: string) => SpeechDialect<never>) {
  const server = new Fake()
  const fixture = speechServices()
  const synthesizer = new SocketSynthesizer(dialect(server.baseUrl), fixture.services, () => {})
  const peer = await server.peers.next()
  const speak = () => {
    const events = new AwaitableLog<UtteranceEvent>("utterance")
    return { events, ...synthesizer.speak((event) => events.push(event)) }
  }
  return {
    ...fixture,
    server,
    synthesizer,
    peer,
    speak,
    async [Symbol.asyncDispose]() {
      synthesizer.close()
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}
const [[, flux], [, aura]] = voices as [[string, (typeof voices)[0][1]], [string, (typeof voices)[0][1]]]

test("Flux: telephone audio is asked for, and the key is only in a header", async () => {
  await using s = await open(
    (baseUrl) => fluxSpeech({ ...account(baseUrl), speed: 1.1 }) as SpeechDialect<never>,
  )
  expect([...s.peer.url.searchParams]).toEqual([
    ["model", "flux-haley-en"],
    ["encoding", "mulaw"],
    ["sample_rate", "8000"],
    ["speed", "1.1"],
  ])
  expect(s.peer.url.href).not.toContain(DEEPGRAM_KEY)
})

test("Flux: an utterance is one speech, flushed at its end", async () => {
  await using s = await open(flux)
  const said = s.speak()
  for (const clause of ["Good day, ", "how are you?"]) said.say(clause)
  said.finish()
  await said.events.next(({ type }) => type === "done")
  expect(s.peer.texts.all).toEqual([
    { type: "Speak", text: "Good day, " },
    { type: "Speak", text: "how are you?" },
    { type: "Flush" },
  ])
})

test("Flux: an interruption sends the milliseconds played since the session began, and answers what was heard", async () => {
  await using s = await open(flux)
  const first = s.speak()
  first.say("Hello. ")
  first.finish()
  await first.events.next(({ type }) => type === "done")
  const second = s.speak()
  second.say("One two three.")
  await second.events.next(({ type }) => type === "audio")
  second.cancel(70)
  expect(await second.events.next(({ type }) => type === "spoken")).toEqual({
    type: "spoken",
    text: "One two",
  })
  const interrupt = await s.peer.texts.next(({ type }) => type === "Interrupt")
  expect(interrupt).toEqual({ type: "Interrupt", playback_offset: { type: "time_ms", value: 140 } })
  // Of the second one 70 ms were played, and 10 ms of the third.
  const third = s.speak()
  third.say("Yes, please.")
  third.finish()
  await third.events.next(({ type }) => type === "done")
  third.cancel(10)
  const last = await s.peer.texts.next(({ type }) => type === "Interrupt")
  expect(last).toMatchObject({ playback_offset: { value: 150 } })
})

test("Flux: audio between the interruption and its answer is dropped", async () => {
  await using s = await open(flux)
  s.server.speaks = false
  const cut = s.speak()
  cut.say("One two three.")
  await s.peer.texts.next(({ type }) => type === "Speak")
  s.server.ignores = true
  cut.cancel(0)
  const next = s.speak()
  next.say("Yes?")
  next.finish()
  await s.peer.texts.next(({ type }) => type === "Interrupt")
  s.server.speechOf(s.peer).speak(3)
  s.server.ignores = false
  s.server.speaks = true
  s.peer.send({ type: "SpeechInterrupted", audio_played_ms: 0, metadata: {} })
  s.server.speechOf(s.peer).speak(0)
  await next.events.next(({ type }) => type === "done")
  const audio = next.events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : []))
  expect(textOfVoice(Buffer.concat(audio))).toEndWith("Yes?")
  expect(cut.events.all.filter(({ type }) => type === "audio")).toEqual([])
})

test("Flux: an interruption that is never answered holds up the next utterance for half a second", async () => {
  await using s = await open(flux)
  const cut = s.speak()
  cut.say("One two three.")
  await cut.events.next(({ type }) => type === "audio")
  s.server.ignores = true
  cut.cancel(0)
  await s.peer.texts.next(({ type }) => type === "Interrupt")
  s.server.ignores = false
  const next = s.speak()
  next.say("Yes?")
  next.finish()
  s.clock.advance(501)
  await next.events.next(({ type }) => type === "done")
})

test.each([
  ["NO_ACTIVE_SPEECH", "the next utterance continues"],
  ["NO_SYNTHESIZABLE_TEXT", "it is done without audio"],
])("Flux: warning %s: %s", async (code) => {
  await using s = await open(flux)
  s.server.ignores = true
  const said = s.speak()
  said.say("Hm.")
  said.finish()
  await s.peer.texts.next(({ type }) => type === "Flush")
  if (code === "NO_ACTIVE_SPEECH") {
    said.cancel(0)
    await s.peer.texts.next(({ type }) => type === "Interrupt")
  }
  s.peer.send({ type: "Warning", code, description: "" })
  s.server.ignores = false
  const next = s.speak()
  next.say("Next.")
  next.finish()
  await next.events.next(({ type }) => type === "done")
})

test("Flux: the end of the longest session is a failure of its own", async () => {
  await using s = await open(flux)
  const said = s.speak()
  said.say("Hello.")
  s.peer.send({ type: "Error", code: "NET-0003", description: "one hour" })
  expect(await said.events.next(({ type }) => type === "failed")).toMatchObject({
    failure: { reason: "expired", retryable: true, code: "NET-0003" },
  })
})

test("Aura: text is flushed clause by clause, so that it is heard at once, up to twelve times a minute", async () => {
  await using s = await open(aura)
  const clauses = Array.from({ length: 20 }, (_, at) => `clause ${at}, `)
  const said = s.speak()
  said.say(clauses[0] ?? "")
  await said.events.next(({ type }) => type === "audio")
  for (const clause of clauses.slice(1)) said.say(clause)
  said.finish()
  await said.events.next(({ type }) => type === "done")
  const audio = said.events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : []))
  expect(textOfVoice(Buffer.concat(audio))).toBe(clauses.join(""))
  const flushes = s.peer.texts.all.filter(({ type }) => type === "Flush").length
  expect(flushes).toBe(13)
  expect(said.events.all.filter(({ type }) => type === "position")).toHaveLength(13)
  s.clock.advance(60_001)
  const later = s.speak()
  later.say("One, ")
  await s.peer.texts.next(({ type }) => type === "Flush")
})

test("Aura: a text longer than a message may be is cut at a blank", async () => {
  await using s = await open(aura)
  const text = "word ".repeat(700)
  const said = s.speak()
  said.say(text)
  said.finish()
  await said.events.next(({ type }) => type === "done")
  const sent = s.peer.texts.all.flatMap((message) =>
    message["type"] === "Speak" ? [String(message["text"])] : [],
  )
  expect(sent.join("")).toBe(text)
  expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(2_000)
})
