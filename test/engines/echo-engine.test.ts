/** Calls with an engine that the program does not know: all that is not the engine's own comes from the call core. */

import { expect, test } from "bun:test"
import { join } from "node:path"
import type { RecordedEvent } from "../../src/call/events.ts"
import { sound } from "../../src/audio/sounds.ts"
import { SimulatedTwilio } from "../../src/sim/simulated-twilio.ts"
import { eventOf, sent, transcriptOf } from "../flows/media-line.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL } from "../server/wire.ts"
import { withEcho } from "./echo-engine.ts"

async function echoLine() {
  const clock = new TestClock()
  const env = { ASSETS_DIR: join(import.meta.dir, "echo-assets"), TRANSFER_TO: "+15550100009" }
  const app = await AppUnderTest.start(env, clock.sweep, { createEngines: withEcho })
  const twilio = new SimulatedTwilio({
    accountSid: ACCOUNT_SID,
    authToken: AUTH_TOKEN,
    publicUrl: PUBLIC_URL,
    connectTo: app.url,
    sweep: clock.sweep,
  })
  const line = { clock, app, twilio }
  return {
    ...line,
    /** A call whose greeting was heard. */
    async greeted(options: Parameters<typeof twilio.call>[0] = {}) {
      const call = twilio.call(options)
      await sent(call, 400)
      clock.advance(500)
      expect((await eventOf(line, "agent.spoke")).event).toMatchObject({ text: "Welcome." })
      return call
    },
    /** Says back `text`, up to its last mark. */
    async heard(text: string) {
      clock.advance(text.length * 50 + 100)
      expect((await eventOf(line, "agent.spoke")).event).toMatchObject({ text, interrupted: false })
    },
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await app[Symbol.asyncDispose]()
      clock[Symbol.dispose]()
    },
  }
}

test("digits and audio are said back and stand in the transcript; 0 ends the call after the goodbye", async () => {
  await using line = await echoLine()
  const { app } = line
  const call = await line.greeted()
  call.press("42#")
  await sent(call, 150)
  await line.heard("42#")

  const { audio } = sound("one-moment")
  await Promise.all([call.stream?.say(audio), line.clock.pass(4_000)])
  const { event } = await eventOf(line, "caller.spoke")
  const said = event.type === "caller.spoke" ? event.text : ""
  expect(said).toMatch(/^\d+ ms of sound$/)
  await sent(call, Number.parseInt(said))
  await line.clock.pass(4_000)
  expect((await eventOf(line, "agent.spoke")).event).toMatchObject({ text: said })

  call.press("0#")
  await sent(call, 400)
  await line.clock.pass(600)
  const summary = await call.ended
  expect(summary).toMatchObject({
    status: "completed",
    problems: [],
    verbs: ["Connect", "Redirect", "Hangup"],
  })
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ engine: "pipeline", endedBy: "agent" })
  expect(await transcriptOf(line, call)).toEqual([
    "agent: Welcome.",
    "caller: 42#",
    "agent: 42#",
    `caller: ${said}`,
    `agent: ${said}`,
    "caller: 0#",
    "agent: Goodbye.",
  ])
})

test("a silent caller is reminded, and the call ends", async () => {
  await using line = await echoLine()
  const call = await line.greeted()
  await line.clock.pass(5_000)
  await sent(call, 600)
  await line.heard("Still there?")
  await line.clock.pass(5_000)
  await call.ended
  expect(await line.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ endedBy: "silence" })
})

test("a program says lines, changes the context and mutes the agent while the call runs", async () => {
  await using line = await echoLine()
  const { app } = line
  const call = await line.greeted()
  const path = `/v1/calls/${call.callSid}`
  await app.post(`${path}/say`, { text: "Your taxi is here." })
  await sent(call, 900)
  await line.heard("Your taxi is here.")

  const change = (body: object) =>
    app.json(`${path}/agent`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    })
  expect(await change({ contextKey: "salesContext" })).toMatchObject({ contextKey: "salesContext" })
  await sent(call, 1_000)
  await line.heard("Now I use salesContext.")

  expect(await change({ listenMode: true })).toMatchObject({ listenMode: true })
  call.press("7#")
  await eventOf(line, "digits.received")
  await line.clock.pass(20_000)
  expect(await transcriptOf(line, call)).toEqual([
    "agent: Welcome.",
    "agent: Your taxi is here.",
    "agent: Now I use salesContext.",
    "caller: 7#",
  ])
  call.hangup()
  await call.ended
})

test("a transfer dials after the last words, and the agent is back when nobody answers", async () => {
  await using line = await echoLine()
  const { app } = line
  const call = await line.greeted({ dialStatus: "no-answer" })
  await app.post(`/v1/calls/${call.callSid}/transfer`, { summary: "Wants a person.", say: "One second." })
  await sent(call, 550)
  await line.clock.pass(700)
  await eventOf(line, "transfer.started")
  await eventOf(line, "session.opened")
  await sent(call, 1_000)
  expect(call.verbs.all.map(({ name }) => name)).toEqual(["Connect", "Redirect", "Dial", "Connect"])
  await line.clock.pass(5_000)
  const isBack = ({ event }: RecordedEvent) =>
    event.type === "agent.spoke" && event.text.includes("nobody could take your call")
  await app.events.next(isBack)
  call.hangup()
  await call.ended
})
