/** What an agent hears and speaks with: its own choice, or every provider with a key. */

import { expect, test } from "bun:test"
import { speechOfAgent } from "../../src/speech/speech-of-agent.ts"
import { PhraseCache } from "../../src/speech/cache/phrase-cache.ts"
import type { SpeechAccounts } from "../../src/speech/choices.ts"
import { ProviderHealth } from "../../src/speech/failover/provider-health.ts"
import type { TranscriberEvent } from "../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import { SpeechServer } from "../fakes/speech-server.ts"
import { speechServices } from "./speech-fixture.ts"

const anyServer = () => new SpeechServer({ check: () => undefined, opened: () => {}, received: () => {} })

function open(accounts: Partial<SpeechAccounts>) {
  const fixture = speechServices()
  const logged: unknown[] = []
  const write = (_: string, fields?: object) => void logged.push(fields)
  const services = { ...fixture.services, log: { ...fixture.services.log, warn: write, error: write } }
  const openai = { transcribeModel: "gpt-transcribe", ttsModel: "gpt-realtime-2.1-mini" }
  return {
    ...fixture,
    logged,
    options: {
      accounts: { deepgram: {}, elevenlabs: {}, openai, ...accounts },
      services,
      health: new ProviderHealth(fixture.clock),
      stallMs: 800,
      isEmbedded: false,
      meter: { recognised: () => {}, spoken: () => {} },
      cache: new PhraseCache({ folder: undefined, log: services.log }),
    },
  }
}

test("without a choice the first provider with a key is used, and the next one when it fails", async () => {
  await using deepgram = anyServer()
  await using openai = anyServer()
  deepgram.refuse = 401
  using s = open({
    deepgram: { baseUrl: deepgram.baseUrl, apiKey: "k" },
    openai: { baseUrl: openai.baseUrl, apiKey: "k", transcribeModel: "gpt-transcribe", ttsModel: "tts" },
  })
  const transcriber = speechOfAgent({}, s.options).hear(() => {}, "conversation")
  const { url } = await openai.peers.next()
  transcriber.close()
  expect([deepgram.attempts, url.search]).toEqual([1, "?intent=transcription"])
})

test("a chosen provider without a key is left out, with a word in the log", async () => {
  await using deepgram = anyServer()
  using s = open({ deepgram: { baseUrl: deepgram.baseUrl, apiKey: "k" } })
  const { speak } = speechOfAgent(
    { speak: [{ provider: "elevenlabs" }, { provider: "deepgram" }] },
    s.options,
  )
  const synthesizer = speak(() => {})
  const { url } = await deepgram.peers.next()
  synthesizer.close()
  expect(url.pathname).toBe("/v2/speak")
  expect(s.logged).toContainEqual({ reason: "ELEVENLABS_API_KEY is not set" })
})

test("without any provider what is opened fails at once", async () => {
  using s = open({})
  const events = new AwaitableLog<TranscriberEvent>("events")
  speechOfAgent({}, s.options).hear((event) => events.push(event), "conversation")
  expect(await events.next()).toMatchObject({ type: "failed", failure: { code: "not-configured" } })
})
