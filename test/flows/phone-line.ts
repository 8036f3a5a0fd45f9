/** An app, a simulated Twilio that calls it and is called by it, and a scripted OpenAI, on one clock that the test moves. */

import type { Frame } from "../../src/sim/relay/relay-wire.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { SimulatedRest, type SimulatedRestOptions } from "../../src/sim/simulated-rest.ts"
import { SimulatedTwilio } from "../../src/sim/simulated-twilio.ts"
import { FakeOpenAi, type FakeOpenAiOptions } from "../fakes/fake-openai.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL } from "../server/wire.ts"

export type PhoneLineOptions = {
  env?: Record<string, string>
  openai?: FakeOpenAiOptions
  /** How placed calls go. */
  script?: SimulatedRestOptions["script"]
  /** Infinity makes all speech instant. */
  charactersPerSecond?: number
}

export async function phoneLine({
  env = {},
  openai: scripted = {},
  script,
  charactersPerSecond = 15,
}: PhoneLineOptions = {}) {
  const clock = new TestClock()
  const openai = new FakeOpenAi(scripted)
  const rest = new SimulatedRest({
    // The account knows where the app listens, and the app where REST does: REST is there first.
    get twilio() {
      return twilio
    },
    numbers: ["+15550100002"],
    ...(script ? { script } : {}),
  })
  const app = await AppUnderTest.start(
    {
      TWILIO_ACCOUNT_SID: ACCOUNT_SID,
      TWILIO_API_BASE_URL: rest.url,
      MODEL_PROVIDER: "openai",
      OPENAI_API_KEY: "sk-test",
      OPENAI_BASE_URL: openai.baseUrl,
      ...env,
    },
    clock.sweep,
  )
  const twilio = new SimulatedTwilio({
    accountSid: ACCOUNT_SID,
    authToken: AUTH_TOKEN,
    publicUrl: PUBLIC_URL,
    connectTo: app.url,
    sweep: clock.sweep,
    charactersPerSecond,
  })
  return {
    clock,
    openai,
    rest,
    app,
    twilio,
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await app[Symbol.asyncDispose]()
      await rest[Symbol.asyncDispose]()
      clock[Symbol.dispose]()
      await openai[Symbol.asyncDispose]()
    },
  }
}

export type PhoneLine = Awaited<ReturnType<typeof phoneLine>>

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

/** When the server has taken in every frame that was sent so far: one that it rejects is the last of them. */
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
