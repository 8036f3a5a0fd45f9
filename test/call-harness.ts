/** An app, a simulated Twilio that calls it, and the services that it uses, on one clock that the test moves. */

import type { AppOptions } from "../src/app.ts"
import type { Sweep } from "../src/lib/sweep.ts"
import { SimulatedRest, type SimulatedRestOptions } from "../src/sim/simulated-rest.ts"
import { SimulatedTwilio } from "../src/sim/simulated-twilio.ts"
import { FakeOpenAi, type FakeOpenAiOptions } from "./fakes/fake-openai.ts"
import { FakeRealtime, type FakeRealtimeOptions } from "./fakes/fake-realtime.ts"
import { FakeTwilio, type FakeNumber } from "./fakes/fake-twilio.ts"
import { TestClock } from "./lib/test-clock.ts"
import { AppUnderTest } from "./server/app-under-test.ts"
import { ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL } from "./server/client.ts"

/** A fake on the wire, and the settings that lead the app to it. */
export type Service<Fake extends AsyncDisposable> = { fake: Fake; env: Record<string, string> }

export type CallHarnessOptions<Fakes extends Record<string, AsyncDisposable>> = {
  services: { [Name in keyof Fakes]: Service<Fakes[Name]> }
  /** Settings that take precedence over those of the services. */
  env?: Record<string, string>
  /** How fast agents speak at the simulated Twilio; Infinity makes all speech instant. */
  charactersPerSecond?: number
  /** In place of the clock that the test moves. */
  sweep?: Sweep
  createEngines?: AppOptions["createEngines"]
}

export async function callHarness<Fakes extends Record<string, AsyncDisposable>>({
  services,
  env = {},
  charactersPerSecond,
  sweep,
  createEngines,
}: CallHarnessOptions<Fakes>) {
  const clock = new TestClock()
  const stack = new AsyncDisposableStack()
  stack.use(clock)
  const fakes = Object.fromEntries(
    Object.entries<Service<AsyncDisposable>>(services).map(([name, { fake }]) => [name, stack.use(fake)]),
  ) as Fakes // Each name keeps its own fake.
  const settings = Object.values<Service<AsyncDisposable>>(services).map((service) => service.env)
  const app = await closeOnFailure(stack, async () =>
    stack.use(
      await AppUnderTest.start(Object.assign({}, ...settings, env), {
        clock,
        ...(sweep ? { sweep } : {}),
        ...(createEngines ? { createEngines } : {}),
      }),
    ),
  )
  const twilio = stack.use(
    new SimulatedTwilio({
      accountSid: ACCOUNT_SID,
      authToken: AUTH_TOKEN,
      publicUrl: PUBLIC_URL,
      connectTo: app.url,
      sweep: sweep ?? clock.sweep,
      ...(charactersPerSecond === undefined ? {} : { charactersPerSecond }),
    }),
  )
  return { ...fakes, clock, app, twilio, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Closes what is open when the next part cannot be opened, as an app that refuses its configuration. */
export async function closeOnFailure<T>(stack: AsyncDisposableStack, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** Twilio's REST API with recorded requests. */
export function restService(numbers: readonly FakeNumber[]): Service<FakeTwilio> {
  const fake = new FakeTwilio({ accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN, numbers: [...numbers] })
  return { fake, env: { TWILIO_ACCOUNT_SID: ACCOUNT_SID, TWILIO_API_BASE_URL: fake.baseUrl } }
}

/** Twilio's REST API in front of the simulated Twilio: placed calls are made. */
export function simulatedRestService(options: SimulatedRestOptions): Service<SimulatedRest> {
  const fake = new SimulatedRest(options)
  return { fake, env: { TWILIO_ACCOUNT_SID: ACCOUNT_SID, TWILIO_API_BASE_URL: fake.url } }
}

/** OpenAI's text models, scripted. */
export function textModelService(options: FakeOpenAiOptions = {}): Service<FakeOpenAi> {
  const fake = new FakeOpenAi(options)
  return { fake, env: openAiAt(fake.baseUrl) }
}

/** OpenAI's realtime models, scripted. */
export function realtimeService(options: FakeRealtimeOptions = {}): Service<FakeRealtime> {
  const fake = new FakeRealtime(options)
  return { fake, env: openAiAt(fake.baseUrl) }
}

function openAiAt(baseUrl: string): Record<string, string> {
  return { MODEL_PROVIDER: "openai", OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: baseUrl }
}
