/** ElevenLabs' voices over the socket with several contexts, as ElevenLabs documents it. */

import { expect, test } from "bun:test"
import { elevenLabsSpeech } from "../../../src/speech/elevenlabs/elevenlabs-speech.ts"
import type { SpeechFailure } from "../../../src/speech/failure.ts"
import { SocketSynthesizer } from "../../../src/speech/socket-synthesizer.ts"
import { SpokenText } from "../../../src/speech/spoken-text.ts"
import type { UtteranceEvent } from "../../../src/speech/synthesizer.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { synthesizerContract } from "../../contract/synthesizer.contract.ts"
import { textOfVoice } from "../../fakes/fake-deepgram.ts"
import { ELEVENLABS_KEY, FakeElevenLabs } from "../../fakes/fake-elevenlabs.ts"
import { speechServices } from "../speech-fixture.ts"

const account = (baseUrl: string) => ({ baseUrl, apiKey: ELEVENLABS_KEY })
/** The fake speaks the blank at the end of each piece too. */
const textOf = (audio: Uint8Array) => textOfVoice(audio).trimEnd()

let fake: FakeElevenLabs
synthesizerContract("ElevenLabs", {
  start: () => (fake = new FakeElevenLabs()),
  open: (_, services) => (lost) =>
    new SocketSynthesizer(elevenLabsSpeech(account(fake.baseUrl)), services, lost),
  msPerCharacter: 10,
  textOf,
  hasConnection: true,
})

async function open(options: Partial<Parameters<typeof elevenLabsSpeech>[0]> = {}) {
  const server = new FakeElevenLabs()
  const fixture = speechServices()
  const losses: SpeechFailure[] = []
  const dialect = elevenLabsSpeech({ ...account(server.baseUrl), ...options })
  const synthesizer = new SocketSynthesizer(dialect, fixture.services, (failure) => losses.push(failure))
  const peer = await server.peers.next()
  const speak = () => {
    const events = new AwaitableLog<UtteranceEvent>("utterance")
    return { events, ...synthesizer.speak((event) => events.push(event)) }
  }
  return {
    ...fixture,
    server,
    peer,
    speak,
    losses,
    async [Symbol.asyncDispose]() {
      synthesizer.close()
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test("telephone audio with times is asked for, and the key is only in a header", async () => {
  await using s = await open({ voice: "voice-1", language: "de", model: "eleven_flash_v2_5" })
  expect(s.peer.url.pathname).toBe("/v1/text-to-speech/voice-1/multi-stream-input")
  expect(Object.fromEntries(s.peer.url.searchParams)).toEqual({
    model_id: "eleven_flash_v2_5",
    output_format: "ulaw_8000",
    sync_alignment: "true",
    auto_mode: "true",
    inactivity_timeout: "180",
    language_code: "de",
  })
  expect(s.peer.url.href).not.toContain(ELEVENLABS_KEY)
})

test("each utterance is a context, and each clause is flushed", async () => {
  await using s = await open({ speed: 1.1 })
  for (const text of ["Hello.", "Good bye."]) {
    const said = s.speak()
    said.say(text)
    said.finish()
    await said.events.next(({ type }) => type === "done")
  }
  expect(s.peer.texts.all).toEqual([
    { text: " ", voice_settings: { speed: 1.1 }, context_id: "utterance_1" },
    { text: "Hello. ", context_id: "utterance_1" },
    { text: " ", flush: true, context_id: "utterance_1" },
    { close_context: true, context_id: "utterance_1" },
    { text: " ", voice_settings: { speed: 1.1 }, context_id: "utterance_2" },
    { text: "Good bye. ", context_id: "utterance_2" },
    { text: " ", flush: true, context_id: "utterance_2" },
  ])
})

test("the position is known at the end of each word, to the millisecond", async () => {
  await using s = await open()
  const said = s.speak()
  const text = "One two three. Four five."
  const heard = new SpokenText()
  heard.add(text)
  said.say("One two three. ")
  said.say("Four five.")
  said.finish()
  await said.events.next(({ type }) => type === "done")
  for (const event of said.events.all) if (event.type === "position") heard.position(event.chars, event.ms)
  expect([0, 29, 30, 69, 70, 139, 140, 250].map((ms) => heard.until(ms))).toEqual([
    "",
    "",
    "One",
    "One",
    "One two",
    "One two",
    "One two three.",
    text,
  ])
})

test("audio of a cancelled context that is still on its way is dropped", async () => {
  await using s = await open()
  s.server.speaks = false
  const cut = s.speak()
  cut.say("One two three.")
  await s.peer.texts.next(({ flush }) => flush === true)
  cut.cancel(0)
  await s.peer.texts.next(({ close_context: closes }) => closes === true)
  s.server.speaks = true
  const next = s.speak()
  next.say("Yes?")
  s.server.speak(s.peer, "utterance_1")
  next.finish()
  await next.events.next(({ type }) => type === "done")
  const audio = next.events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : []))
  expect(textOf(Buffer.concat(audio))).toBe("Yes?")
})

test("without times an utterance is done when its context is", async () => {
  await using s = await open()
  s.server.aligns = false
  s.server.speaks = false
  const said = s.speak()
  said.say("Hello.")
  said.finish()
  await s.peer.texts.next(({ flush }) => flush === true)
  s.server.speak(s.peer, "utterance_1", Infinity, { isFinal: true })
  await said.events.next(({ type }) => type === "done")
})

test.each([
  ["invalid_api_key", "refused", false],
  ["quota_exceeded", "rate-limited", true],
  ["internal_error", "rejected", true],
] as const)("an error %s after the upgrade: %s", async (error, reason, retryable) => {
  await using s = await open()
  const said = s.speak()
  said.say("Hello.")
  s.peer.send({ error, message: "no", code: 1008 })
  expect(await said.events.next(({ type }) => type === "failed")).toMatchObject({
    failure: { reason, retryable, code: error },
  })
  expect(s.losses).toHaveLength(1)
})
