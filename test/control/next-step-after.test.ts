/** What a call does next after each reason of a session's end, as data. */

import { expect, test } from "bun:test"
import type { Agent } from "../../src/assets/agent.ts"
import type { Call } from "../../src/call/call.ts"
import type { CallEvent } from "../../src/call/events.ts"
import { LiveCalls } from "../../src/call/live-calls.ts"
import type { SessionEnd } from "../../src/call/session-end.ts"
import { readConfig } from "../../src/config/config.ts"
import type { ControlContext } from "../../src/control/context.ts"
import { memoryHangUpCauses } from "../../src/control/hang-up-causes.ts"
import { memoryPlacements } from "../../src/control/placements.ts"
import { nextStepAfter } from "../../src/control/session-ended.ts"
import { KeyedQueue } from "../../src/lib/keyed-queue.ts"
import { openStore } from "../../src/store/open-store.ts"
import { TestClock } from "../lib/test-clock.ts"
import { notedLog, SampleAssets } from "../relay/fixture.ts"
import { sampleCall } from "../store/fixture.ts"

type Given = {
  call?: Partial<Call>
  agent?: Partial<Agent>
  env?: Record<string, string>
  resumes?: number
  transfers?: number
}

async function harness({ call = {}, agent = {}, env = {}, resumes = 0, transfers = 0 }: Given) {
  const clock = new TestClock()
  const store = await openStore({ url: ":memory:", sweep: clock.sweep })
  const events: CallEvent[] = []
  const { id } = await store.calls.create(sampleCall({ engine: "realtime", status: "in-progress", ...call }))
  for (let count = 0; count < resumes; count++) await store.calls.resume(id, 10)
  const at = store.steadyNow()
  for (let count = 0; count < transfers; count++)
    await store.calls.countTransfer({ userId: null, at }, { since: at, limits: [] })
  const liveCalls = new LiveCalls()
  const context: ControlContext = {
    config: readConfig({ DATABASE_URL: ":memory:", MODEL_PROVIDER: "demo", ...env }),
    store,
    recorder: { turn() {}, event: ({ event }) => void events.push(event), flush() {} },
    prices: {},
    assets: new SampleAssets({
      greeting: "Welcome.",
      transfer: { timeoutSeconds: 20, onFailure: "agent" },
      ...agent,
    }),
    liveCalls,
    slots: liveCalls,
    twilio: undefined,
    customerApi: undefined,
    callerQueue: new KeyedQueue({ most: 8, what: "reports about one caller" }),
    ownNumbers: async () => [],
    publicUrl: () => "https://parley.test",
    draining: () => false,
    moving: new Set(),
    callQueue: new KeyedQueue({ most: 8, what: "requests about one call" }),
    menus: { begin: async () => undefined, transferFailed: async () => undefined },
    placements: memoryPlacements(),
    hangUpCauses: memoryHangUpCauses(),
    sweep: clock.sweep,
    log: notedLog(),
  }
  const known = async () => {
    const found = await store.calls.byId(id)
    if (!found) throw new Error("the call is gone")
    return found
  }
  return {
    after: async (end: SessionEnd) => nextStepAfter(context, await known(), end),
    known,
    events,
    async [Symbol.asyncDispose]() {
      await store.close()
      clock[Symbol.dispose]()
    },
  }
}

const HANG_UP = { kind: "hang-up" }
const GOODBYE = { kind: "say", text: "Goodbye.", then: HANG_UP }
const NOT_ANSWERED = { kind: "say", text: "There is no answer.", then: HANG_UP }
const dial = (to: string) => ({ kind: "say", then: { kind: "transfer", target: { kind: "number", to } } })
const ended = (endedBy: string, endReason: string) => ({ status: "completed", endedBy, endReason })
const open = { status: "in-progress", endedBy: null }
const person = { transfer: { to: "+15550100088", timeoutSeconds: 20, onFailure: "agent" as const } }
const toPerson = { target: { kind: "number" as const, to: "+15550100088" } }
const openAi = { model: { provider: "openai" as const } }
const openAiKey = { OPENAI_API_KEY: "sk-test" }
const failed: SessionEnd = { reason: "model-failed", detail: "closed" }
const refused: SessionEnd = { reason: "model-refused", detail: "401" }

test.each<[string, SessionEnd, Given, step: object, call: object]>([
  [
    "the agent ended it: hang up",
    { reason: "agent-ended", detail: "Ending the call" },
    {},
    HANG_UP,
    ended("agent", "Ending the call"),
  ],
  ["silence: hang up", { reason: "silence", detail: "silent" }, {}, HANG_UP, ended("silence", "silent")],
  ["the time limit: hang up", { reason: "time-limit", detail: "long" }, {}, HANG_UP, ended("limit", "long")],
  ["the API: hang up", { reason: "api", detail: "asked" }, {}, HANG_UP, ended("api", "asked")],
  [
    "a transfer: the agent's target is dialled",
    { reason: "transfer", summary: "A bill." },
    { agent: person },
    dial("+15550100088"),
    { ...open, transfer: { state: "started", summary: "A bill.", ...toPerson } },
  ],
  [
    "a transfer to a target of its own",
    { reason: "transfer", summary: "", to: "+15550100077" },
    { agent: person },
    dial("+15550100077"),
    open,
  ],
  [
    "a transfer without a target: the conversation continues",
    { reason: "transfer", summary: "" },
    {},
    { kind: "connect-stream" },
    { ...open, transfer: { state: "failed", summary: "", reason: "no target is configured" } },
  ],
  [
    "a transfer without a target, where the agent says goodbye then",
    { reason: "transfer", summary: "" },
    { agent: { transfer: { timeoutSeconds: 20, onFailure: "goodbye" } } },
    NOT_ANSWERED,
    ended("agent", "nobody answered the transfer"),
  ],
  [
    "a failed model: the relay continues",
    failed,
    {},
    { kind: "connect-relay", greeting: "Welcome." },
    { ...open, engine: "relay" },
  ],
  ["a refused key of another model", refused, {}, { kind: "connect-relay" }, { ...open, engine: "relay" }],
  [
    "a refused key that the text model shares: a person",
    refused,
    { agent: { ...openAi, ...person }, env: openAiKey },
    dial("+15550100088"),
    { ...open, transfer: { state: "started", summary: "The assistant had a technical problem." } },
  ],
  [
    "a refused key that the text model shares, and no target of a transfer",
    refused,
    { agent: openAi, env: openAiKey },
    GOODBYE,
    ended("system", "no model could be reached"),
  ],
  [
    "a refused key that the text model shares, and a person who may not be dialled now: no second attempt",
    refused,
    {
      agent: { ...openAi, ...person },
      env: { ...openAiKey, SERVER_CALL_STARTS_PER_MINUTE: "1" },
      transfers: 1,
    },
    GOODBYE,
    { ...ended("system", "no model could be reached"), transfer: { state: "failed" } },
  ],
  [
    "a failed model whose key works: the relay continues",
    failed,
    { agent: openAi, env: openAiKey },
    { kind: "connect-relay" },
    open,
  ],
  [
    "a lost stream: another stream",
    { reason: "lost", detail: "gone" },
    {},
    { kind: "connect-stream" },
    { ...open, resumes: 1 },
  ],
  [
    "a lost relay socket: another relay session",
    { reason: "lost", detail: "gone" },
    { call: { engine: "relay" }, resumes: 2 },
    { kind: "connect-relay" },
    { ...open, resumes: 3 },
  ],
  [
    "the fourth loss: a goodbye",
    { reason: "lost", detail: "gone" },
    { resumes: 3 },
    GOODBYE,
    ended("system", "the connection was lost 4 times: gone"),
  ],
])("after %s", async (_, end, given, step, call) => {
  await using h = await harness(given)
  expect(await h.after(end)).toMatchObject(step)
  expect(await h.known()).toMatchObject(call)
})

test("the end of a call is one event, whatever follows", async () => {
  await using h = await harness({})
  await h.after({ reason: "silence", detail: "silent" })
  await h.after({ reason: "api", detail: "asked" })
  expect(h.events).toEqual([
    { type: "call.ended", by: "silence", reason: "silent" },
    { type: "call.status-changed", status: "completed", previous: "in-progress" },
  ])
})
