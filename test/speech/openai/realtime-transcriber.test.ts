/** OpenAI's Realtime transcription sessions. */

import { expect, test } from "bun:test"
import { RealtimeTranscriber } from "../../../src/speech/openai/realtime-transcriber.ts"
import type { TranscriberEvent } from "../../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"
import { transcriberContract } from "../../contract/transcriber.contract.ts"
import { FakeOpenAiSpeech, OPENAI_KEY } from "../../fakes/fake-openai-speech.ts"
import { speechServices } from "../speech-fixture.ts"

const settings = (baseUrl: string) => ({
  baseUrl: `${baseUrl}/v1`,
  apiKey: OPENAI_KEY,
  model: "gpt-transcribe",
})

let fake: FakeOpenAiSpeech
transcriberContract("OpenAI Realtime", {
  start: () => (fake = new FakeOpenAiSpeech()),
  open:
    ({ baseUrl }, services) =>
    (listener, profile) =>
      new RealtimeTranscriber({ ...settings(baseUrl), profile }, services, listener),
  recognise: (peer) => {
    const listener = fake.listener(peer)
    return {
      start: () => void listener.start(),
      words: (text) => listener.words(text),
      end: (text) => listener.end(text),
    }
  },
})

async function open({ confirms }: { confirms?: string } = {}) {
  const server = new FakeOpenAiSpeech()
  server.confirms = confirms
  const fixture = speechServices()
  const events = new AwaitableLog<TranscriberEvent>("events")
  const transcriber = new RealtimeTranscriber(
    { ...settings(server.baseUrl), languages: ["en"], keyterms: ["Parley"], profile: "conversation" },
    fixture.services,
    (event) => events.push(event),
  )
  const peer = await server.peers.next()
  const next = (type: TranscriberEvent["type"]) => events.next((event) => event.type === type)
  await events.next()
  return {
    ...fixture,
    server,
    events,
    next,
    transcriber,
    peer,
    listener: server.listener(peer),
    async [Symbol.asyncDispose]() {
      transcriber.close()
      await server[Symbol.asyncDispose]()
      fixture[Symbol.dispose]()
    },
  }
}

test("the session is a transcription of mu-law with turns by the pause of the profile", async () => {
  await using s = await open()
  s.transcriber.expect("dictation")
  await s.peer.texts.next()
  const update = await s.peer.texts.next()
  expect(s.peer.url.search).toBe("?intent=transcription")
  expect(update).toEqual({
    type: "session.update",
    session: {
      type: "transcription",
      audio: {
        input: {
          format: { type: "audio/pcmu" },
          transcription: { model: "gpt-transcribe", languages: ["en"], keywords: ["Parley"] },
          turn_detection: { type: "server_vad", silence_duration_ms: 1_500 },
        },
      },
    },
  })
})

test("turns are reported in their order, also when the text of the second one comes first", async () => {
  await using s = await open()
  const first = s.listener.start()
  s.listener.stop(1_000)
  const second = s.listener.start()
  s.listener.stop(2_000)
  s.listener.completed(second, "And two.")
  s.listener.completed(first, "One.")
  await s.events.next((event) => event.type === "turn-ended" && event.text === "And two.")
  expect(s.events.all.slice(1)).toEqual([
    { type: "speech-started" },
    { type: "turn-ended", text: "One.", untilMs: 1_000 },
    { type: "speech-started" },
    { type: "turn-ended", text: "And two.", untilMs: 2_000 },
  ])
})

test("a turn whose transcription failed ends without words", async () => {
  await using s = await open()
  const itemId = s.listener.start()
  s.listener.stop()
  s.peer.send({
    type: "conversation.item.input_audio_transcription.failed",
    item_id: itemId,
    content_index: 0,
    error: { type: "server_error", code: "audio_unintelligible", message: "" },
  })
  expect(await s.next("turn-ended")).toMatchObject({ text: "" })
})

test("a server that confirms another format is not used", async () => {
  await using s = await open({ confirms: "audio/pcm" })
  expect(s.events.all).toMatchObject([{ type: "failed", failure: { reason: "refused", retryable: false } }])
})

test.each([
  ["session_expired", "expired"],
  ["invalid_value", undefined],
] as const)("an error %s in the session", async (code, reason) => {
  await using s = await open()
  s.peer.send({ type: "error", event_id: "e", error: { type: "invalid_request_error", code, message: "" } })
  if (reason) return expect(await s.next("failed")).toMatchObject({ failure: { reason } })
  s.listener.start()
  s.listener.end("Still here.")
  expect(await s.next("turn-ended")).toMatchObject({ text: "Still here." })
})
