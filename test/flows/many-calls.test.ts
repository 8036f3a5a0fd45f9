import { expect, test } from "bun:test"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { says } from "../fakes/openai-script.ts"
import { answered, connected, relayHarness } from "./relay-harness.ts"

const CALLS = 200

test(`${CALLS} calls at once keep their words apart and leave nothing behind`, async () => {
  // What the caller said last is said back, so that every answer belongs to one call only.
  await using harness = await relayHarness({
    charactersPerSecond: Number.POSITIVE_INFINITY,
    openai: { script: ({ body }) => says(`You said ${lastWords(body)}`) },
  })
  const { clock, twilio, app } = harness
  const before = await app.counts()

  const talk = async (call: SimulatedCall, name: string) => {
    await connected(call)
    for (const words of [`${name} one`, `${name} two`]) {
      call.say(words)
      await answered(call)
    }
  }
  const calls = Array.from({ length: CALLS }, () =>
    twilio.call({ statusCallback: { url: "https://parley.test/twilio/status" } }),
  )
  await Promise.all(calls.map((call, at) => talk(call, `caller ${at}`)))
  expect(await app.counts()).toMatchObject({ activeSessions: CALLS, openSockets: CALLS, expectedSockets: 0 })
  expect((await app.json("/health")).liveCalls).toBe(CALLS)

  for (const call of calls) call.hangup()
  const summaries = await Promise.all(calls.map((call) => call.ended))
  expect(summaries.flatMap(({ problems }) => problems)).toEqual([])
  for (const [at, { callSid }] of calls.entries()) {
    const { status, turns } = await app.json(`/v1/calls/${callSid}/transcript`)
    const texts = turns.map(({ text }: { text: string }) => text)
    expect([status, ...texts.slice(1)]).toEqual([
      "completed",
      `caller ${at} one`,
      `You said caller ${at} one`,
      `caller ${at} two`,
      `You said caller ${at} two`,
    ])
  }
  clock.advance(10_000)
  expect(await app.counts()).toEqual({ ...before, models: 1 })
}, 30_000)

function lastWords(body: Record<string, unknown>): string {
  const found = JSON.stringify(body["input"]).match(/caller \d+ (?:one|two)/g)
  return found?.at(-1) ?? ""
}
