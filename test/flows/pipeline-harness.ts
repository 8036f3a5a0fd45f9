/** Calls with the pipeline: Deepgram listens and speaks on the wire, and the model is a scripted OpenAI. */

import type { SimulatedTwilio } from "../../src/sim/simulated-twilio.ts"
import {
  callHarness,
  closeOnFailure,
  simulatedRestService,
  textModelService,
  type Service,
} from "../call-harness.ts"
import { DEEPGRAM_KEY, FakeDeepgram, fluxListener } from "../fakes/fake-deepgram.ts"
import type { SpeechPeer } from "../fakes/speech-server.ts"
import { assetsWith } from "../server/assets-with.ts"
import { eventOf, sent } from "./realtime-harness.ts"

export const GREETING = "Good day, this is Parley."
/** How long the fake speaks a text. */
export const spokenMs = (text: string) => text.length * 10

export function deepgramService(): Service<FakeDeepgram> {
  const fake = new FakeDeepgram()
  return { fake, env: { DEEPGRAM_API_KEY: DEEPGRAM_KEY, DEEPGRAM_BASE_URL: fake.baseUrl } }
}

/** `agent`: settings of the agent beside its greeting. */
export async function pipelineHarness(env: Record<string, string> = {}, agent: Record<string, unknown> = {}) {
  const stack = new AsyncDisposableStack()
  const assets = stack.use(
    assetsWith({
      agents: {
        default: {
          engine: "pipeline",
          greeting: GREETING,
          silenceDetection: { enabled: false },
          ...agent,
        },
      },
    }),
  )
  const rest = simulatedRestService({
    // REST is up before the app, and the simulated Twilio after it.
    get twilio(): SimulatedTwilio {
      return harness.twilio
    },
    numbers: ["+15550100002"],
  })
  const harness = stack.use(
    await closeOnFailure(stack, () =>
      callHarness({
        services: { deepgram: deepgramService(), openai: textModelService(), rest },
        env: { ASSETS_DIR: assets.dir, ...env },
      }),
    ),
  )
  return { ...harness, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

export type PipelineHarness = Awaited<ReturnType<typeof pipelineHarness>>

/** The next connection of this path. */
export function peerOf({ deepgram }: PipelineHarness, path: string): Promise<SpeechPeer> {
  return deepgram.peers.next(({ url }) => url.pathname === path)
}

/** A call whose greeting was heard: what most tests begin with. */
export async function greeted(harness: PipelineHarness) {
  const call = harness.twilio.call()
  const peer = await peerOf(harness, "/v2/listen")
  await sent(call, spokenMs(GREETING))
  harness.clock.advance(spokenMs(GREETING) + 100)
  await eventOf(harness, "agent.spoke")
  return { call, caller: fluxListener(peer) }
}
