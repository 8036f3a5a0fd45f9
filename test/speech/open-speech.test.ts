/** Providers by their names: which one is opened, where, and what is missing. */

import { expect, test } from "bun:test"
import type { HearChoice, SpeakChoice, SpeechAccounts } from "../../src/speech/choices.ts"
import { synthesizerOf } from "../../src/speech/open-synthesizer.ts"
import { transcriberOf } from "../../src/speech/open-transcriber.ts"
import { SpeechServer } from "../fakes/speech-server.ts"
import { speechServices } from "./speech-fixture.ts"

const none: SpeechAccounts = {
  deepgram: {},
  elevenlabs: {},
  openai: { transcribeModel: "gpt-transcribe", ttsModel: "gpt-realtime-2.1-mini" },
}

function accounts(baseUrl: string): SpeechAccounts {
  const account = { baseUrl, apiKey: "key" }
  return { deepgram: account, elevenlabs: account, openai: { ...none.openai, ...account } }
}

/** Any vendor: accepts every address. */
const anyServer = () => new SpeechServer({ check: () => undefined, opened: () => {}, received: () => {} })

test.each<[HearChoice, string]>([
  [{ provider: "deepgram" }, "/v2/listen flux-general-en"],
  [{ provider: "deepgram", model: "flux-general-multi" }, "/v2/listen flux-general-multi"],
  [{ provider: "deepgram", model: "nova-2-phonecall" }, "/v1/listen nova-2-phonecall"],
  [{ provider: "openai" }, "/realtime null"],
])("%o hears at %s", async (choice, expected) => {
  await using server = anyServer()
  using fixture = speechServices()
  const open = transcriberOf(choice, accounts(server.baseUrl), fixture.services)
  const transcriber = open(() => {}, "conversation")
  const { url } = await server.peers.next()
  transcriber.close()
  expect(`${url.pathname} ${url.searchParams.get("model")}`).toBe(expected)
})

test.each<[SpeakChoice, string]>([
  [{ provider: "deepgram" }, "/v2/speak flux-haley-en"],
  [{ provider: "deepgram", voice: "aura-2-thalia-en" }, "/v1/speak aura-2-thalia-en"],
  [{ provider: "elevenlabs", voice: "v1" }, "/v1/text-to-speech/v1/multi-stream-input null"],
  [{ provider: "openai" }, "/realtime gpt-realtime-2.1-mini"],
])("%o speaks at %s", async (choice, expected) => {
  await using server = anyServer()
  using fixture = speechServices()
  const synthesizer = synthesizerOf(choice, accounts(server.baseUrl), fixture.services)(() => {})
  const { url } = await server.peers.next()
  synthesizer.close()
  expect(`${url.pathname} ${url.searchParams.get("model")}`).toBe(expected)
})

test("a model that is no Realtime model speaks by requests, at a compatible server too", async () => {
  const seen: unknown[] = []
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      seen.push([new URL(request.url).pathname, request.headers.get("authorization"), await request.json()])
      return new Response(new Uint8Array(480))
    },
  })
  using fixture = speechServices()
  const baseUrl = `http://127.0.0.1:${server.port}/v1`
  const choices: [SpeakChoice, SpeechAccounts][] = [
    [{ provider: "openai", model: "gpt-4o-mini-tts" }, accounts(baseUrl)],
    [
      { provider: "openai-compatible", model: "kokoro", voice: "af_heart", baseUrl },
      accounts("http://127.0.0.1:1"),
    ],
  ]
  for (const [choice, known] of choices) {
    const synthesizer = synthesizerOf(choice, known, fixture.services)(() => {})
    await new Promise<void>((done) => {
      const said = synthesizer.speak(({ type }) => type === "done" && done())
      said.say("Hello.")
      said.finish()
    })
    synthesizer.close()
  }
  expect(seen).toEqual([
    [
      "/v1/audio/speech",
      "Bearer key",
      { model: "gpt-4o-mini-tts", voice: "marin", response_format: "pcm", input: "Hello." },
    ],
    [
      "/v1/audio/speech",
      null,
      { model: "kokoro", voice: "af_heart", response_format: "pcm", input: "Hello." },
    ],
  ])
})

test.each<[string, () => unknown]>([
  ["DEEPGRAM_API_KEY", () => transcriberOf({ provider: "deepgram" }, none, speechServices().services)],
  ["ELEVENLABS_API_KEY", () => synthesizerOf({ provider: "elevenlabs" }, none, speechServices().services)],
  ["OPENAI_API_KEY", () => synthesizerOf({ provider: "openai" }, none, speechServices().services)],
  [
    "OPENAI_BASE_URL",
    () => transcriberOf({ provider: "openai-compatible" }, none, speechServices().services),
  ],
])("what is missing is named: %s", (variable, open) => {
  expect(open).toThrow(
    expect.objectContaining({ code: "NOT_CONFIGURED", message: expect.stringContaining(variable) }),
  )
})
