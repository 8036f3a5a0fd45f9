/** A call on the pipeline without an account: the caller is understood by its sound, and the agent is heard. */

import { expect, test } from "bun:test"
import { startLocalServer } from "../../src/cli/local-server.ts"
import { playScenario } from "../../src/sim/scenario.ts"
import { simulatedSpeech } from "../../src/speech/embedded/simulated-speech.ts"

test("sound goes in both directions, and the goodbye is heard before the call ends", async () => {
  const audio = await simulatedSpeech("Goodbye")
  await using local = await startLocalServer({ databaseUrl: ":memory:", speed: 8, engine: "pipeline" })
  const call = local.call({ from: "+15550100001", to: "+15550100002" })
  const summary = await playScenario(
    call,
    [{ type: "hear" }, { type: "speak", audio, text: "Goodbye" }, { type: "wait-for-end" }],
    { sweep: local.twilio.sweep, settleMs: 250, onEvent: () => {} },
  )
  const response = await fetch(`${local.url}/v1/calls/${summary.callSid}/transcript`)
  const { turns } = (await response.json()) as { turns: { text: string; interrupted: boolean }[] }
  expect(turns.map(({ text }) => text)).toEqual([
    "Hello there! How can I assist you today?",
    "Goodbye",
    "Thank you for calling. Goodbye!",
  ])
  expect(turns.some(({ interrupted }) => interrupted)).toBe(false)
  expect(summary.problems).toEqual([])
}, 20_000)
