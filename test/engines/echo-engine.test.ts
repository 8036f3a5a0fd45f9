/** Calls with an engine that the program does not know: all that is not the engine's own comes from the call core. */

import { expect, test } from "bun:test"
import { join } from "node:path"
import type { RecordedEvent } from "../../src/call/events.ts"
import { storedPrompt } from "../../src/audio/prompts.ts"
import { callHarness } from "../call-harness.ts"
import { eventOf, sent, transcriptOf } from "../flows/realtime-harness.ts"
import { withEcho } from "./echo-engine.ts"

async function echoHarness() {
  const harness = await callHarness({
    services: {},
    env: { ASSETS_DIR: join(import.meta.dir, "echo-assets"), TRANSFER_TO: "+15550100009" },
    createEngines: withEcho,
  })
  const { clock, twilio } = harness
  return {
    ...harness,
    /** A call whose greeting was heard. */
    async greeted(options: Parameters<typeof twilio.call>[0] = {}) {
      const call = twilio.call(options)
      await sent(call, 400)
      clock.advance(500)
      expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: "Welcome." })
      return call
    },
    /** Says back `text`, up to its last mark. */
    async heard(text: string) {
      clock.advance(text.length * 50 + 100)
      expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text, interrupted: false })
    },
  }
}

test("digits and audio are said back and stand in the transcript; 0 ends the call after the goodbye", async () => {
  await using harness = await echoHarness()
  const { app } = harness
  const call = await harness.greeted()
  call.press("42#")
  await sent(call, 150)
  await harness.heard("42#")

  const { audio } = storedPrompt("one-moment")
  await Promise.all([call.stream?.say(audio), harness.clock.pass(4_000)])
  const { event } = await eventOf(harness, "caller.spoke")
  const said = event.type === "caller.spoke" ? event.text : ""
  expect(said).toMatch(/^\d+ ms of audio$/)
  await sent(call, Number.parseInt(said))
  await harness.clock.pass(4_000)
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: said })

  call.press("0#")
  await sent(call, 400)
  await harness.clock.pass(600)
  const summary = await call.ended
  expect(summary).toMatchObject({
    status: "completed",
    problems: [],
    verbs: ["Connect", "Redirect", "Hangup"],
  })
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ engine: "pipeline", endedBy: "agent" })
  expect(await transcriptOf(harness, call)).toEqual([
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
  await using harness = await echoHarness()
  const call = await harness.greeted()
  await harness.clock.pass(5_000)
  await sent(call, 600)
  await harness.heard("Still there?")
  await harness.clock.pass(5_000)
  await call.ended
  expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ endedBy: "silence" })
})

test("a program says lines, changes the context and mutes the agent while the call runs", async () => {
  await using harness = await echoHarness()
  const { app } = harness
  const call = await harness.greeted()
  const path = `/v1/calls/${call.callSid}`
  await app.post(`${path}/say`, { text: "Your taxi is here." })
  await sent(call, 900)
  await harness.heard("Your taxi is here.")

  const change = (body: object) =>
    app.json(`${path}/agent`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    })
  expect(await change({ contextKey: "salesContext" })).toMatchObject({ contextKey: "salesContext" })
  await sent(call, 1_000)
  await harness.heard("Now I use salesContext.")

  expect(await change({ listenMode: true })).toMatchObject({ listenMode: true })
  call.press("7#")
  await eventOf(harness, "digits.received")
  await harness.clock.pass(20_000)
  expect(await transcriptOf(harness, call)).toEqual([
    "agent: Welcome.",
    "agent: Your taxi is here.",
    "agent: Now I use salesContext.",
    "caller: 7#",
  ])
  call.hangup()
  await call.ended
})

test("a transfer dials after the last words, and the agent is back without an answer", async () => {
  await using harness = await echoHarness()
  const { app } = harness
  const call = await harness.greeted({ dialStatus: "no-answer" })
  await app.post(`/v1/calls/${call.callSid}/transfer`, { summary: "Wants a person.", say: "One second." })
  await sent(call, 550)
  await harness.clock.pass(700)
  await eventOf(harness, "transfer.started")
  await eventOf(harness, "session.opened")
  await sent(call, 1_000)
  expect(call.verbs.all.map(({ name }) => name)).toEqual(["Connect", "Redirect", "Dial", "Connect"])
  await harness.clock.pass(5_000)
  const isBack = ({ event }: RecordedEvent) =>
    event.type === "agent.spoke" && event.text.includes("nobody could take your call")
  await app.events.next(isBack)
  call.hangup()
  await call.ended
})
