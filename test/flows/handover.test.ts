import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { SimulatedTwilio } from "../../src/sim/simulated-twilio.ts"
import type { Sweep } from "../../src/lib/sweep.ts"
import { Child } from "../cli/child.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AUTH_TOKEN, PUBLIC_URL } from "../server/client.ts"
import { answered, connected } from "./relay-harness.ts"

const CALLS = 4

const cwd = mkdtempSync(join(tmpdir(), "parley-handover-"))
afterAll(() => rmSync(cwd, { recursive: true }))

const settings = (name: string, port = "0") => ({
  PORT: port,
  PUBLIC_URL,
  TWILIO_AUTH_TOKEN: AUTH_TOKEN,
  MODEL_PROVIDER: "demo",
  DRAIN_TIMEOUT_MS: "0",
  LOCAL_API: "open",
  DATABASE_URL: `file:${join(cwd, `${name}.db`)}`,
})

/** A server with its supervisor, and a Twilio that calls it. */
async function fixture(name: string, sweep?: Sweep) {
  const child = new Child([], { cwd, env: settings(name) })
  const url = await child.listening()
  const twilio = new SimulatedTwilio({
    publicUrl: PUBLIC_URL,
    connectTo: url,
    authToken: AUTH_TOKEN,
    charactersPerSecond: Number.POSITIVE_INFINITY,
    ...(sweep ? { sweep } : {}),
  })
  return {
    child,
    twilio,
    url,
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await child[Symbol.asyncDispose]()
    },
  }
}

const callIn = (twilio: SimulatedTwilio) =>
  twilio.call({ statusCallback: { url: `${PUBLIC_URL}/twilio/status` } })

async function talk(call: SimulatedCall): Promise<void> {
  call.say("What are your opening hours?")
  await answered(call)
}

/** Calls in the middle of their conversation. */
async function conversations(twilio: SimulatedTwilio): Promise<SimulatedCall[]> {
  const calls = Array.from({ length: CALLS }, () => callIn(twilio))
  await Promise.all(calls.map(connected))
  await Promise.all(calls.map(talk))
  return calls
}

/** Each call has a new session in which the agent answers, and a new caller has one too. Then all hang up. */
async function continues(
  url: string,
  twilio: SimulatedTwilio,
  calls: readonly SimulatedCall[],
): Promise<void> {
  const newcomer = callIn(twilio)
  await Promise.all([...calls, newcomer].map(connected))
  await Promise.all([...calls, newcomer].map(talk))
  for (const call of [...calls, newcomer]) call.hangup()
  const summaries = await Promise.all([...calls, newcomer].map(({ ended }) => ended))
  // Each lost socket is one; nothing else went wrong.
  const problems = new Set(summaries.flatMap((summary) => summary.problems))
  expect([...problems]).toEqual(["64105: Websocket ended"])
  const records = await Promise.all(
    // A connection that the supervisor has passed on does not count as one of this machine.
    calls.map(async ({ callSid }) =>
      (await fetch(`${url}/v1/calls/${callSid}`, { keepalive: false })).json(),
    ),
  )
  expect(records).toMatchObject(calls.map(() => ({ status: "completed", resumes: 1 })))
}

test("kill -9 of the worker loses no call", async () => {
  await using it = await fixture("crash")
  const calls = await conversations(it.twilio)
  process.kill(it.child.worker, "SIGKILL")
  await continues(it.url, it.twilio, calls)
}, 30_000)

test("SIGHUP moves the calls to the successor and loses none", async () => {
  await using it = await fixture("reload")
  const calls = await conversations(it.twilio)
  it.child.kill("SIGHUP")
  await continues(it.url, it.twilio, calls)
}, 30_000)

test("a server that is stopped and started again loses no call", async () => {
  using clock = new TestClock()
  await using it = await fixture("restart", clock.sweep)
  const calls = await conversations(it.twilio)
  it.child.kill("SIGTERM")
  // The process answers to the last call what Twilio asks when the sockets are closed: wait, then ask again.
  await Promise.all(calls.map((call) => call.verbs.next(({ name }) => name === "Pause")))
  expect(await it.child.exited).toBe(0)
  await using next = new Child([], { cwd, env: settings("restart", new URL(it.url).port) })
  await next.listening()
  clock.advance(2_000)
  await continues(it.url, it.twilio, calls)
}, 30_000)
