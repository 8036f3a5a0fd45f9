/** An app whose calls are realtime ones, a simulated Twilio with media streams, and OpenAI Realtime on the wire, on one clock. */

import { join } from "node:path"
import type { RecordedEvent } from "../../src/call/events.ts"
import type { StreamFrame } from "../../src/sim/media/media-wire.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { SimulatedTwilio } from "../../src/sim/simulated-twilio.ts"
import { FakeRealtime, type FakeRealtimeOptions } from "../fakes/fake-realtime.ts"
import type { FakeConnection } from "../fakes/realtime-connection.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL } from "../server/wire.ts"

export const GREETING = "Good day, this is Parley."

export type MediaLineOptions = {
  env?: Record<string, string>
  realtime?: FakeRealtimeOptions
}

export async function mediaLine({ env = {}, realtime: options = {} }: MediaLineOptions = {}) {
  const clock = new TestClock()
  const realtime = new FakeRealtime(options)
  const app = await AppUnderTest.start(
    {
      OPENAI_API_KEY: "sk-test",
      OPENAI_BASE_URL: realtime.baseUrl,
      ASSETS_DIR: join(import.meta.dir, "realtime-assets"),
      MODEL_PROVIDER: "openai",
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
  })
  return {
    clock,
    realtime,
    app,
    twilio,
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await app[Symbol.asyncDispose]()
      clock[Symbol.dispose]()
      await realtime[Symbol.asyncDispose]()
    },
  }
}

export type MediaLine = Awaited<ReturnType<typeof mediaLine>>

/** A call whose greeting was heard: what most tests begin with. */
export async function greeted(line: MediaLine) {
  line.realtime.enqueue({ parts: [{ say: GREETING, ms: 1_000 }] })
  const call = line.twilio.call()
  const model = await line.realtime.nextConnection()
  await model.next("response.create")
  await sent(call, 1_000)
  line.clock.advance(1_100)
  await eventOf(line, "agent.spoke")
  return { call, model }
}

/** Resolves when so much of the server's sound has come since the last time. */
export async function sent(call: SimulatedCall, ms: number): Promise<void> {
  let come = 0
  while (come < ms) {
    const { ms: piece = 0 } = await call.audio.frames.next(
      ({ from, event }) => from === "server" && event === "media",
    )
    come += piece
  }
  // Each piece has its mark.
  await frame(call, "mark")
}

/** The next frame of the server of this kind. */
export function frame(call: SimulatedCall, event: StreamFrame["event"]): Promise<StreamFrame> {
  return call.audio.frames.next((frame) => frame.from === "server" && frame.event === event)
}

/** The next event of this type. */
export function eventOf({ app }: Pick<MediaLine, "app">, type: string): Promise<RecordedEvent> {
  return app.events.next(({ event }) => event.type === type)
}

/** The caller says something that the model understands. */
export function speaks(model: FakeConnection, text: string): string {
  const itemId = model.speechStarted()
  model.speechStopped(itemId)
  model.transcribe(itemId, text)
  return itemId
}

/** `speaker: text` of each turn. */
export async function transcriptOf(
  { app }: Pick<MediaLine, "app">,
  { callSid }: SimulatedCall,
): Promise<string[]> {
  const { turns } = await app.json(`/v1/calls/${callSid}/transcript`)
  return turns.map(({ speaker, text }: { speaker: string; text: string }) => `${speaker}: ${text}`)
}
