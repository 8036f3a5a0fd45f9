/** A Realtime model of OpenAI that reads texts. */

import { expect, test } from "bun:test"
import { realtimeSpeech } from "../../../src/speech/openai/realtime-speech.ts"
import { SocketSynthesizer } from "../../../src/speech/socket-synthesizer.ts"
import type { UtteranceEvent } from "../../../src/speech/synthesizer.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { synthesizerContract } from "../../contract/synthesizer.contract.ts"
import { textOfVoice } from "../../fakes/fake-deepgram.ts"
import { FakeOpenAiSpeech, OPENAI_KEY } from "../../fakes/fake-openai-speech.ts"
import { speechServices } from "../speech-fixture.ts"

const settings = (baseUrl: string) => ({
  baseUrl: `${baseUrl}/v1`,
  apiKey: OPENAI_KEY,
  model: "gpt-realtime-2.1-mini",
})

let fake: FakeOpenAiSpeech
synthesizerContract("OpenAI Realtime", {
  start: () => (fake = new FakeOpenAiSpeech()),
  open: (_, services) => (lost) =>
    new SocketSynthesizer(realtimeSpeech(settings(fake.baseUrl)), services, lost),
  msPerCharacter: 10,
  textOf: textOfVoice,
  hasConnection: true,
})

async function open() {
  const server = new FakeOpenAiSpeech()
  const fixture = speechServices()
  const warnings: unknown[] = []
  const log = { ...fixture.services.log, info: (_: string, fields?: object) => void warnings.push(fields) }
  const dialect = realtimeSpeech({ ...settings(server.baseUrl), instructions: "Friendly." })
  const synthesizer = new SocketSynthesizer(dialect, { ...fixture.services, log }, () => {})
  const peer = await server.peers.next()
  await peer.texts.next()
  const speak = (...clauses: string[]) => {
    const events = new AwaitableLog<UtteranceEvent>("utterance")
    const said = synthesizer.speak((event) => events.push(event))
    for (const clause of clauses) said.say(clause)
    said.finish()
    const text = () =>
      textOfVoice(Buffer.concat(events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : []))))
    return { events, text, ...said }
  }
  return {
    ...fixture,
    server,
    peer,
    speak,
    warnings,
    async [Symbol.asyncDispose]() {
      synthesizer.close()
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test("the session speaks mu-law, hears nothing and has a reader's instructions", async () => {
  await using s = await open()
  const [update] = s.peer.texts.all
  expect(update).toMatchObject({
    session: {
      type: "realtime",
      output_modalities: ["audio"],
      audio: {
        input: { turn_detection: null },
        output: { format: { type: "audio/pcmu" }, voice: "marin" },
      },
    },
  })
  expect(JSON.stringify(update)).toMatch(/word for word.*Friendly\./)
})

test("each clause is a response outside the conversation; two run side by side and are heard in their order", async () => {
  await using s = await open()
  s.server.speaks = false
  const said = s.speak("One, ")
  await s.peer.texts.next(({ type }) => type === "response.create")
  const next = s.speak("two, ", "three.")
  s.server.speak(s.peer)
  s.server.done(s.peer)
  await said.events.next(({ type }) => type === "done")
  await s.peer.texts.next(({ type }) => type === "response.create")
  s.server.speak(s.peer)
  s.server.done(s.peer)
  await next.events.next(({ type }) => type === "done")
  expect([said.text(), next.text()]).toEqual(["One, ", "two, three."])
  expect(s.peer.texts.all[1]).toEqual({
    type: "response.create",
    response: {
      conversation: "none",
      output_modalities: ["audio"],
      input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "One, " }] }],
      metadata: { piece: "piece_1" },
    },
  })
})

test("a cancellation ends each response that is not over, also one that is not announced yet", async () => {
  await using s = await open()
  s.server.speaks = false
  const cut = s.speak("One.")
  await s.peer.texts.next(({ type }) => type === "response.create")
  cut.cancel(0)
  expect(await s.peer.texts.next(({ type }) => type === "response.cancel")).toEqual({
    type: "response.cancel",
    response_id: "resp_1",
  })
  s.server.speaks = true
  const next = s.speak("Two.")
  await next.events.next(({ type }) => type === "done")
  expect(next.text()).toBe("Two.")
})

test("a text that was reworded is reported in the log, without its words", async () => {
  await using s = await open()
  s.server.reword = () => "I am glad to help you."
  await s.speak("Your table is booked for nine.").events.next(({ type }) => type === "done")
  expect(s.warnings).toEqual([{ code: "REWORDED" }])
})

test("a response that fails fails its utterance", async () => {
  await using s = await open()
  s.server.speaks = false
  const said = s.speak("One.")
  await s.peer.texts.next(({ type }) => type === "response.create")
  s.server.done(s.peer, "failed")
  expect(await said.events.next(({ type }) => type === "failed")).toMatchObject({
    failure: { reason: "rejected", code: "failed" },
  })
})
