/** Calls with a relay: REST of the simulated Twilio places them, and the model is a scripted OpenAI. */

import type { Frame } from "../../src/sim/relay/relay-wire.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import type { SimulatedRestOptions } from "../../src/sim/simulated-rest.ts"
import type { SimulatedTwilio } from "../../src/sim/simulated-twilio.ts"
import { callHarness, simulatedRestService, textModelService } from "../call-harness.ts"
import type { FakeOpenAiOptions } from "../fakes/fake-openai.ts"
import type { AppUnderTest } from "../server/app-under-test.ts"

export type RelayHarnessOptions = {
  env?: Record<string, string>
  openai?: FakeOpenAiOptions
  /** How placed calls go. */
  script?: SimulatedRestOptions["script"]
  charactersPerSecond?: number
}

export async function relayHarness({
  env = {},
  openai = {},
  script,
  charactersPerSecond = 15,
}: RelayHarnessOptions = {}) {
  const rest = simulatedRestService({
    // REST is up before the app, and the simulated Twilio after it.
    get twilio(): SimulatedTwilio {
      return harness.twilio
    },
    numbers: ["+15550100002"],
    ...(script ? { script } : {}),
  })
  const harness = await callHarness({
    services: {
      openai: textModelService(openai),
      rest,
    },
    env,
    charactersPerSecond,
  })
  return harness
}

export type RelayHarness = Awaited<ReturnType<typeof relayHarness>>

/** The setup frame of the next session. */
export function connected(call: SimulatedCall): Promise<Frame> {
  return call.frames.next(({ message }) => message?.type === "setup")
}

/** The frame of the server that closes its next answer. */
export function answered(call: SimulatedCall): Promise<Frame> {
  return call.frames.next(
    ({ from, message }) => from === "server" && message?.type === "text" && message.last === true,
  )
}

/** When the server has received every frame that was sent so far: one that it rejects is the last of them. */
export async function received(app: AppUnderTest, call: SimulatedCall): Promise<void> {
  call.sendRaw("the last one")
  await app.events.next(({ event }) => event.type === "frame.rejected")
}

/** All that the caller and the model said in a request to the model, as `role: words`. */
export function linesOf(body: Record<string, unknown>): string[] {
  const input = Array.isArray(body["input"]) ? body["input"] : []
  return input.flatMap(({ role, type, content, name, output }: Record<string, unknown>) => {
    if (type === "function_call") return [`calls ${String(name)}`]
    if (type === "function_call_output") return [`result ${String(output)}`]
    return typeof role === "string" ? [`${role}: ${textOf(content)}`] : []
  })
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content
  if (!Array.isArray(content)) return ""
  return content.map(({ text }: { text?: unknown }) => (typeof text === "string" ? text : "")).join("")
}
