/** `parley demo`: one scripted call through the real webhook, TwiML, signed socket and callbacks, printed as it happens. */

import { storedPrompt, type PromptName } from "../audio/prompts.ts"
import type { AvailableEngine } from "../call/engine.ts"
import { readConfig } from "../config/config.ts"
import { configureLog } from "../lib/log.ts"
import { simulatedSpeech } from "../speech/embedded/simulated-speech.ts"
import { DEMO_SCENARIO, playScenario, type ScenarioStep } from "../sim/scenario.ts"
import { eventLine, printTools, printTranscript } from "./call-lines.ts"
import { startLocalServer } from "./local-server.ts"

export type DemoOptions = {
  engine: AvailableEngine
  /** Speed of the agent's speech relative to real time. */
  speed: number
  /** Where a stereo WAV of a call with audio is written: the caller left, the agent right. */
  record?: string | undefined
  print: (line: string) => void
}

/** Resolves to the exit code. */
export async function demo({ engine, speed, record, print }: DemoOptions): Promise<number> {
  configureLog({ level: "error", format: "auto" })
  const config = readConfig({ MODEL_PROVIDER: "demo" })
  await using local = await startLocalServer({ config, databaseUrl: ":memory:", speed, engine })
  const steps = await scenarioOf(engine)
  print(`A temporary server runs at ${local.url}. Twilio, caller and model are simulated.`)
  print("")
  const call = local.call({
    from: "+15550100001",
    to: "+15550100002",
    ...(record === undefined ? {} : { recordTo: record }),
  })
  const startedAt = local.twilio.sweep.clock.now()
  const summary = await playScenario(call, steps, {
    sweep: local.twilio.sweep,
    // The demo model pauses between words at any speed.
    settleMs: Math.max(250, 2100 / speed),
    onEvent: (event) => print(eventLine(event, startedAt)),
    isInterrupted: () => local.isInterrupted,
  })
  await printTranscript(local.url, summary.callSid, print)
  // The built-in speech model calls tools only when a typed message asks for them.
  if (engine !== "realtime") await printTools(local.url, summary.callSid, print)
  if (record !== undefined) print(`The audio of the call is in ${record}: the caller left, the agent right.`)
  for (const problem of summary.problems) print(`Problem: ${problem}`)
  return summary.problems.length === 0 ? 0 : 1
}

/** What the caller does, in the form that the engine hears. */
async function scenarioOf(engine: AvailableEngine): Promise<readonly ScenarioStep[]> {
  switch (engine) {
    case "relay":
      return DEMO_SCENARIO
    case "realtime":
      return audioScenario()
    case "pipeline":
      return Promise.all(DEMO_SCENARIO.map(spokenStep))
    default:
      return engine satisfies never
  }
}

/** The same step for a call with audio: its text is spoken. */
async function spokenStep(step: ScenarioStep): Promise<ScenarioStep> {
  if (step.type === "listen") return { type: "hear" }
  if (step.type !== "say" && step.type !== "interrupt") return step
  const { text } = step
  const audio = await simulatedSpeech(text)
  return step.type === "say"
    ? { type: "speak", text, audio }
    : { type: "speak-over", afterMs: 2_500, text, audio }
}

/** Audio in both directions: a turn of the caller, an answer that is interrupted, an answer that is heard. */
function audioScenario(): ScenarioStep[] {
  return [
    { type: "hear" },
    { type: "speak", ...caller("one-moment") },
    { type: "hear" },
    { type: "speak", ...caller("please-hold") },
    { type: "speak-over", afterMs: 1_000, ...caller("one-moment") },
    { type: "hear" },
    { type: "hang-up" },
  ]
}

/** The stored prompts of the agent serve as speech of the caller. */
function caller(name: PromptName): { audio: Uint8Array; text: string } {
  const { audio, text } = storedPrompt(name)
  return { audio, text: `“${text}”` }
}
