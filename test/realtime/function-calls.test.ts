import { describe, expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import type { Turn } from "../../src/call/turn.ts"
import { History } from "../../src/conversation/history.ts"
import { FunctionCalls } from "../../src/realtime/function-calls.ts"
import type { RealtimeItem } from "../../src/realtime/protocol/objects.ts"
import type { ResponseRequest } from "../../src/realtime/response-request.ts"
import type { CallAction, ToolOutcome } from "../../src/tools/define-tool.ts"
import type { ToolCall } from "../../src/tools/run-tool.ts"
import { settled } from "../fakes/scripted-model.ts"
import { TestClock } from "../lib/test-clock.ts"
import { notedLog } from "../relay/fixture.ts"
import { textsIn } from "../lib/texts-in.ts"

type Connection = { epoch: number; send: (text: string) => void }

const END_CALL: CallAction = { type: "end-call", end: { reason: "agent-ended", detail: "done" } }
const done = (message: string, action?: CallAction): ToolOutcome => ({
  ok: true,
  value: { message },
  ...(action ? { action } : {}),
})

class Fixture {
  readonly clock = new TestClock()
  readonly log = notedLog()
  readonly history = new History({ callId: newCallId(), keep: () => {} })
  readonly first: Connection = this.connection(1)
  current: Connection | undefined = this.first
  /** Items that were sent, with the epoch of their connection. */
  readonly sent: { epoch: number; item: Record<string, unknown> }[] = []
  readonly announced: string[] = []
  readonly requests: ResponseRequest[] = []
  readonly actions: CallAction[] = []
  readonly ran: { call: ToolCall; finish: (outcome: ToolOutcome) => void }[] = []
  running = 0
  spokenTurn: Turn | undefined
  readonly calls = new FunctionCalls({
    history: this.history,
    run: (call) => new Promise((finish) => this.ran.push({ call, finish })),
    act: (action) => void this.actions.push(action),
    connection: () => this.current,
    lastTurnOf: () => this.spokenTurn,
    pending: {
      toolStarted: () => void this.running++,
      toolFinished: () => void this.running--,
      itemSent: (itemId) => void this.announced.push(itemId),
      request: (request) => void this.requests.push(request),
    },
    sweep: this.clock.sweep,
    publish: () => {},
    log: this.log,
  })

  connection(epoch: number): Connection {
    return { epoch, send: (text) => void this.sent.push({ epoch, item: JSON.parse(text).item }) }
  }

  called(callId: string, { name = "look_up", status = "completed", responseId = "resp_1" } = {}): void {
    const item: Extract<RealtimeItem, { type: "function-call" }> = {
      type: "function-call",
      id: `item_${callId}`,
      callId,
      name,
      arguments: "{}",
      status,
    }
    this.calls.called(this.first, responseId, item)
  }

  responseDone(responseId = "resp_1"): void {
    this.calls.done(this.first, responseId)
  }

  async finish(index: number, outcome: ToolOutcome): Promise<void> {
    this.ran[index]?.finish(outcome)
    await settled()
  }
}

describe("which calls run", () => {
  test.each<[string, (fixture: Fixture) => void, number]>([
    ["a complete one", (fixture) => fixture.called("c1"), 1],
    ["none that was cut off", (fixture) => fixture.called("c1", { status: "incomplete" }), 0],
    [
      "none twice",
      (fixture) => {
        fixture.called("c1")
        fixture.called("c1")
      },
      1,
    ],
    [
      "several of one response at once",
      (fixture) => {
        fixture.called("c1")
        fixture.called("c2")
      },
      2,
    ],
  ])("%s", (_, happens, count) => {
    const fixture = new Fixture()
    happens(fixture)
    expect({ ran: fixture.ran.length, running: fixture.running }).toEqual({ ran: count, running: count })
  })
})

describe("outputs", () => {
  test("each call returns its output, and one answer follows when the response and all calls are done", async () => {
    const fixture = new Fixture()
    fixture.called("c1")
    fixture.called("c2")
    await fixture.finish(1, done("two"))
    fixture.responseDone()
    expect(fixture.requests).toEqual([])
    await fixture.finish(0, { ok: false, code: "FAILED", message: "one failed" })
    expect(fixture.sent).toMatchObject([
      { epoch: 1, item: { id: "output_1", type: "function_call_output", call_id: "c2" } },
      { epoch: 1, item: { id: "output_2", type: "function_call_output", call_id: "c1" } },
    ])
    expect(fixture.sent.map(({ item }) => JSON.parse(String(item["output"])).message)).toEqual([
      "two",
      "one failed",
    ])
    expect(fixture.announced).toEqual(["output_1", "output_2"])
    expect(fixture.requests).toEqual([{ kind: "answer", about: ["output_1", "output_2"] }])
    expect(fixture.running).toBe(0)
  })

  test("no answer is requested before the response is done", async () => {
    const fixture = new Fixture()
    fixture.called("c1")
    await fixture.finish(0, done("one"))
    expect(fixture.requests).toEqual([])
    fixture.responseDone()
    expect(fixture.requests).toHaveLength(1)
  })

  test.each([
    ["ends the call: no answer", [END_CALL], 0],
    ["ends the call beside another tool: one answer", [END_CALL, undefined], 1],
    ["changes the call: one answer", [{ type: "send-digits", digits: "1" } as const], 1],
  ])("a tool that %s", async (_, actions: (CallAction | undefined)[], answers) => {
    const fixture = new Fixture()
    for (const index of actions.keys()) fixture.called(`c${index}`)
    fixture.responseDone()
    for (const [index, action] of actions.entries()) await fixture.finish(index, done("done", action))
    expect(fixture.requests).toHaveLength(answers)
    expect(fixture.actions).toEqual(actions.filter((action) => action !== undefined))
  })

  test("responses without calls, and ends of unknown ones, request nothing", () => {
    const fixture = new Fixture()
    fixture.responseDone("resp_9")
    expect(fixture.requests).toEqual([])
  })
})

describe("a tool that finishes", () => {
  test("on another connection is reported as a message, and answered at once", async () => {
    const fixture = new Fixture()
    fixture.called("c1")
    fixture.current = fixture.connection(2)
    await fixture.finish(0, done("found"))
    expect(fixture.sent).toMatchObject([{ epoch: 2, item: { type: "message", role: "system" } }])
    expect(textsIn(fixture.sent)).toContainEqual(expect.stringContaining("The tool look_up has finished"))
    expect(fixture.requests).toEqual([{ kind: "answer", about: ["output_1"] }])
  })

  test("without a connection is in the history of the next one, and answered there", async () => {
    const fixture = new Fixture()
    fixture.called("c1")
    fixture.current = undefined
    await fixture.finish(0, done("found"))
    expect(fixture.sent).toEqual([])
    expect(fixture.requests).toEqual([{ kind: "answer", about: [] }])
    expect(fixture.history.items()).toMatchObject([{ type: "tool-call" }, { type: "tool-result" }])
  })
})

test("calls belong to the turn that their response is being said in, or to one blank turn", async () => {
  const blank = new Fixture()
  blank.called("c1")
  blank.called("c2")
  const spoken = new Fixture()
  spoken.spokenTurn = spoken.history.agent()
  spoken.history.say(spoken.spokenTurn, "Let me look.", 0)
  spoken.called("c1")
  for (const fixture of [blank, spoken])
    for (const index of [0, 1]) await fixture.finish(index, done("found"))
  expect(blank.history.items().map(({ type }) => type)).toEqual([
    "tool-call",
    "tool-call",
    "tool-result",
    "tool-result",
  ])
  expect(spoken.history.items().map(({ type }) => type)).toEqual(["message", "tool-call", "tool-result"])
})
