/** Calls with a media stream, whose model is OpenAI Realtime on the wire. */

import { join } from "node:path"
import type { RecordedEvent } from "../../src/call/events.ts"
import type { StreamFrame } from "../../src/sim/media/media-wire.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { callHarness, realtimeService } from "../call-harness.ts"
import type { FakeRealtimeOptions } from "../fakes/fake-realtime.ts"
import type { FakeConnection } from "../fakes/realtime-connection.ts"

export const GREETING = "Good day, this is Parley."

export type RealtimeHarnessOptions = {
  env?: Record<string, string>
  realtime?: FakeRealtimeOptions
}

export async function realtimeHarness({ env = {}, realtime = {} }: RealtimeHarnessOptions = {}) {
  return callHarness({
    services: { realtime: realtimeService(realtime) },
    env: { ASSETS_DIR: join(import.meta.dir, "realtime-assets"), ...env },
  })
}

export type RealtimeHarness = Awaited<ReturnType<typeof realtimeHarness>>

/** A call whose greeting was heard: what most tests begin with. */
export async function greeted(harness: RealtimeHarness) {
  harness.realtime.enqueue({ parts: [{ say: GREETING, ms: 1_000 }] })
  const call = harness.twilio.call()
  const model = await harness.realtime.nextConnection()
  await model.next("response.create")
  await sent(call, 1_000)
  harness.clock.advance(1_100)
  await eventOf(harness, "agent.spoke")
  return { call, model }
}

/** Resolves when so much of the server's audio has come since the last time. */
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
export function eventOf({ app }: Pick<RealtimeHarness, "app">, type: string): Promise<RecordedEvent> {
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
  { app }: Pick<RealtimeHarness, "app">,
  { callSid }: SimulatedCall,
): Promise<string[]> {
  const { turns } = await app.json(`/v1/calls/${callSid}/transcript`)
  return turns.map(({ speaker, text }: { speaker: string; text: string }) => `${speaker}: ${text}`)
}
