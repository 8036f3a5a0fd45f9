import { describe, expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { PendingResponses } from "../../src/realtime/pending-responses.ts"
import type { RealtimeResponse } from "../../src/realtime/protocol/objects.ts"
import { TestClock } from "../lib/test-clock.ts"

const SENTENCE = { kind: "sentence", text: "Good day." } as const
const ANSWER = { kind: "answer", about: [] } as const

class HoldPromptsProbe {
  state: "stopped" | "waiting" | "answered" = "stopped"

  get unanswered(): boolean {
    return this.state === "waiting"
  }

  start(): void {
    this.state = "waiting"
  }

  answered(): void {
    if (this.state === "waiting") this.state = "answered"
  }

  stop(): void {
    this.state = "stopped"
  }
}

class Fixture implements Disposable {
  readonly clock = new TestClock()
  readonly holdPrompts = new HoldPromptsProbe()
  readonly sent: { type: string; event_id: string }[] = []
  readonly events: CallEvent[] = []
  readonly stalls: string[] = []
  readonly unspoken: string[] = []
  readonly pending: PendingResponses
  isCallerSpeaking = false

  constructor({ serverAnswers = true, serverInterrupts = true } = {}) {
    this.pending = new PendingResponses({
      holdPrompts: this.holdPrompts,
      times: { firstTokenMs: 6_000, tokenGapMs: 8_000 },
      serverAnswers,
      serverInterrupts,
      isCallerSpeaking: () => this.isCallerSpeaking,
      onStalled: (message) => this.stalls.push(message),
      onUnspoken: ({ kind }, { repeated }) =>
        this.unspoken.push(`${kind} ${repeated ? "repeated" : "given up"}`),
      publish: (event) => this.events.push(event),
      sweep: this.clock.sweep,
    })
  }

  /** On a connection, with nothing pending. */
  static connected(options = {}): Fixture {
    const fixture = new Fixture(options)
    fixture.connect()
    return fixture
  }

  connect(): void {
    this.pending.connected((text) => this.sent.push(JSON.parse(text)))
  }

  /** The response to the latest `response.create`. */
  response(id: string, status = "completed"): RealtimeResponse {
    const metadata = { parley_create: String(this.sent.at(-1)?.event_id) }
    return { id, status, error: null, metadata, usage: null }
  }

  /** A response of the server's own. */
  turn(id: string, status = "completed"): RealtimeResponse {
    return { id, status, error: null, metadata: {}, usage: null }
  }

  speechStarts(): void {
    this.isCallerSpeaking = true
    this.pending.callerStarted()
  }

  speechStops(): void {
    this.isCallerSpeaking = false
    this.pending.callerStopped()
  }

  get types(): string[] {
    return this.sent.map(({ type }) => type)
  }

  [Symbol.dispose](): void {
    this.pending.close()
    expect({ deadlines: this.clock.sweep.size, errors: this.clock.errors }).toEqual({
      deadlines: 0,
      errors: [],
    })
    this.clock[Symbol.dispose]()
  }
}

test("the caller waits for the first connection, but the model is given time only on one", () => {
  using fixture = new Fixture()
  fixture.pending.request(SENTENCE)
  fixture.clock.advance(60_000)
  expect({ state: fixture.holdPrompts.state, stalls: fixture.stalls }).toEqual({
    state: "waiting",
    stalls: [],
  })
  fixture.connect()
  expect(fixture.types).toEqual(["response.create"])
  fixture.clock.advance(6_000)
  expect(fixture.stalls).toEqual(["no data from the model for 6000 ms"])
})

test("a connection with nothing pending ends the wait", () => {
  using fixture = Fixture.connected()
  expect({ state: fixture.holdPrompts.state, busy: fixture.pending.busy }).toEqual({
    state: "stopped",
    busy: false,
  })
})

describe("busy", () => {
  test.each<[string, (fixture: Fixture) => void, boolean]>([
    ["with nothing pending", () => {}, false],
    ["with a request", ({ pending }) => pending.request(ANSWER), true],
    ["with a turn that the server is going to answer", ({ pending }) => pending.turnCommitted(), true],
    ["with a tool that runs", ({ pending }) => pending.toolStarted(), true],
    [
      "with a tool that has finished",
      ({ pending }) => {
        pending.toolStarted()
        pending.toolFinished()
      },
      false,
    ],
    ["with a response that runs", (fixture) => void fixture.pending.created(fixture.turn("resp_1")), true],
    [
      "with a response that is done",
      (fixture) => {
        fixture.pending.created(fixture.turn("resp_1"))
        fixture.pending.done(fixture.turn("resp_1"))
      },
      false,
    ],
    [
      "without a connection that could be made",
      ({ pending }) => {
        pending.request(SENTENCE)
        pending.failed()
      },
      false,
    ],
  ])("%s", (_, happens, busy) => {
    using fixture = Fixture.connected()
    happens(fixture)
    expect(fixture.pending.busy).toBe(busy)
  })

  test("a server that does not answer by itself has no pending response after a turn", () => {
    using fixture = Fixture.connected({ serverAnswers: false })
    fixture.pending.turnCommitted()
    expect(fixture.pending.busy).toBe(false)
  })
})

describe("progress", () => {
  test("an answer that breaks off in the middle is a stall; one that continues is none", () => {
    using fixture = Fixture.connected()
    const { pending, clock, stalls } = fixture
    pending.request(ANSWER)
    pending.created(fixture.response("resp_1"))
    for (let part = 0; part < 10; part++) {
      clock.advance(5_000)
      pending.progress()
    }
    expect(stalls).toEqual([])
    clock.advance(8_000)
    expect(stalls).toEqual(["no data from the model for 8000 ms in the middle of an answer"])
  })

  test("while a tool runs the caller waits, and the model is given no limit", () => {
    using fixture = Fixture.connected()
    const { pending, clock, stalls, holdPrompts } = fixture
    pending.request(ANSWER)
    pending.created(fixture.response("resp_1"))
    pending.toolStarted()
    pending.done(fixture.response("resp_1"))
    expect(pending.settle()).toBe(false)
    clock.advance(60_000)
    expect({ stalls, state: holdPrompts.state }).toEqual({ stalls: [], state: "waiting" })
    pending.toolFinished()
    expect(pending.settle()).toBe(true)
    expect(holdPrompts.state).toBe("stopped")
  })

  test("audio that is played counts as an answer", () => {
    using fixture = Fixture.connected()
    fixture.pending.request(ANSWER)
    fixture.pending.heard()
    expect(fixture.holdPrompts.state).toBe("answered")
  })
})

describe("the caller's turn", () => {
  test("ends the wait: while the caller speaks, no limit runs and no prompt is played", () => {
    using fixture = Fixture.connected()
    const { pending, clock, stalls, holdPrompts } = fixture
    pending.request(ANSWER)
    fixture.speechStarts()
    pending.request(SENTENCE)
    clock.advance(60_000)
    expect({ stalls, state: holdPrompts.state }).toEqual({ stalls: [], state: "stopped" })
  })

  test("of a server that answers by itself: other requests wait for that answer, at most a second", () => {
    using fixture = Fixture.connected()
    fixture.speechStarts()
    fixture.pending.request(SENTENCE)
    fixture.speechStops()
    fixture.clock.advance(999)
    expect(fixture.types).toEqual([])
    fixture.clock.advance(1)
    expect(fixture.types).toEqual(["response.create"])
  })

  test("that the server answers: other requests follow that answer", () => {
    using fixture = Fixture.connected()
    fixture.speechStarts()
    fixture.pending.request(SENTENCE)
    fixture.speechStops()
    fixture.pending.turnCommitted()
    fixture.pending.created(fixture.turn("resp_1"))
    fixture.clock.advance(1_000)
    expect(fixture.types).toEqual([])
    fixture.pending.done(fixture.turn("resp_1"))
    expect(fixture.types).toEqual(["response.create"])
  })

  test("of a server that does not answer by itself: requests follow at once", () => {
    using fixture = Fixture.connected({ serverAnswers: false })
    fixture.speechStarts()
    fixture.pending.request(ANSWER)
    fixture.speechStops()
    expect(fixture.types).toEqual(["response.create"])
  })

  test("a response that the caller made stale does not end the wait for the server's own answer", () => {
    using fixture = Fixture.connected()
    const { pending } = fixture
    pending.request(SENTENCE)
    fixture.speechStarts()
    fixture.speechStops()
    expect(pending.created(fixture.response("resp_1"))).toBe("stale")
    pending.done(fixture.turn("resp_1", "cancelled"))
    expect(fixture.types).toEqual(["response.create", "response.cancel"])
    fixture.clock.advance(1_000)
    expect(fixture.types).toEqual(["response.create", "response.cancel", "response.create"])
  })

  test.each([
    [true, []],
    [false, ["response.cancel"]],
  ])(
    "interrupts the response; where the server does so by itself (%p), it gets no request",
    (serverInterrupts, types) => {
      using fixture = Fixture.connected({ serverInterrupts })
      fixture.pending.created(fixture.turn("resp_1"))
      fixture.speechStarts()
      expect(fixture.types).toEqual(types)
    },
  )
})

describe("a lost connection", () => {
  test.each<[string, (fixture: Fixture) => void, boolean]>([
    ["in silence breaks nothing off", () => {}, false],
    [
      "while the caller waits for the first audio breaks nothing off",
      ({ pending }) => pending.request(ANSWER),
      false,
    ],
    [
      "while an answer is heard breaks it off",
      ({ pending }) => {
        pending.request(ANSWER)
        pending.heard()
      },
      true,
    ],
    [
      "after the caller has interrupted breaks nothing off",
      (fixture) => {
        fixture.pending.request(ANSWER)
        fixture.pending.heard()
        fixture.speechStarts()
      },
      false,
    ],
  ])("%s", (_, happens, breaksOff) => {
    using fixture = Fixture.connected()
    happens(fixture)
    expect(fixture.pending.disconnected()).toBe(breaksOff)
    expect(fixture.holdPrompts.state).toBe("waiting")
  })

  test("ends its replies as failed, and what was pending is requested on the next one", () => {
    using fixture = Fixture.connected()
    const { pending, clock } = fixture
    pending.request(SENTENCE)
    pending.created(fixture.response("resp_1"))
    clock.advance(300)
    pending.disconnected()
    clock.advance(60_000)
    fixture.connect()
    expect(fixture.types).toEqual(["response.create", "response.create"])
    expect(fixture.events).toEqual([
      { type: "reply.started", replyId: "resp_1" },
      { type: "reply.finished", replyId: "resp_1", outcome: "failed", tookMs: 300 },
    ])
    expect(fixture.stalls).toEqual([])
  })
})

test("after the end of the call nothing is requested, and a response that begins is cancelled", () => {
  using fixture = Fixture.connected()
  fixture.pending.close()
  fixture.pending.request(ANSWER)
  fixture.pending.cancel(fixture.turn("resp_1"))
  expect({ types: fixture.types, events: fixture.events, state: fixture.holdPrompts.state }).toEqual({
    types: ["response.cancel"],
    events: [],
    state: "stopped",
  })
})

test("what the server rejects waits until it is retried", () => {
  using fixture = Fixture.connected()
  fixture.pending.request(SENTENCE)
  const eventId = String(fixture.sent.at(-1)?.event_id)
  expect(fixture.pending.refused({ kind: "", code: "invalid_value", message: "no", eventId })).toBe("failed")
  expect(fixture.types).toHaveLength(1)
  fixture.pending.retry()
  expect(fixture.types).toHaveLength(2)
})

describe("a response of which the caller hears nothing", () => {
  const NOTHING = { isPerceptible: false }
  const finish = ({ pending }: Fixture, response: RealtimeResponse, output = NOTHING) => {
    pending.created(response)
    pending.finished(response, output)
    pending.done(response, output)
  }

  test.each(["completed", "incomplete", "cancelled"])(
    "is requested once more (%s), and then given up",
    (status) => {
      using fixture = Fixture.connected()
      fixture.pending.request({ kind: "answer", about: [] })
      finish(fixture, fixture.response("resp_1", status))
      expect([fixture.unspoken, fixture.sent.length]).toEqual([["answer repeated"], 2])
      finish(fixture, fixture.response("resp_2", status))
      expect([fixture.unspoken, fixture.sent.length]).toEqual([["answer repeated", "answer given up"], 2])
      expect(fixture.pending.busy).toBe(false)
    },
  )

  test("is requested once more again after one that was heard", () => {
    using fixture = Fixture.connected()
    for (const [id, isPerceptible] of [
      ["resp_1", false],
      ["resp_2", true],
      ["resp_3", false],
    ] as const) {
      if (id !== "resp_2") fixture.pending.request({ kind: "answer", about: [] })
      finish(fixture, fixture.response(id), { isPerceptible })
    }
    expect([fixture.unspoken, fixture.sent.length]).toEqual([["answer repeated", "answer repeated"], 4])
  })

  test("is an answer to the caller's turn, or a sentence", () => {
    using fixture = Fixture.connected()
    finish(fixture, fixture.turn("resp_1"))
    finish(fixture, fixture.response("resp_2"), { isPerceptible: true })
    fixture.pending.request({ kind: "sentence", text: "Hello" })
    finish(fixture, fixture.response("resp_3"))
    expect([fixture.unspoken, fixture.sent.length]).toEqual([["answer repeated", "sentence repeated"], 3])
  })

  test("has failed, for the record", () => {
    using fixture = Fixture.connected()
    finish(fixture, fixture.turn("resp_1"))
    expect(fixture.events.at(-1)).toMatchObject({ type: "reply.finished", outcome: "failed" })
  })

  test.each<[string, (fixture: Fixture) => void]>([
    ["the caller has interrupted", ({ pending }) => void pending.callerStarted()],
    ["somebody else has interrupted", ({ pending }) => void pending.interrupt()],
  ])("is not requested again when %s", (_, interrupt) => {
    using fixture = Fixture.connected()
    const response = fixture.turn("resp_1", "cancelled")
    fixture.pending.created(response)
    interrupt(fixture)
    fixture.pending.done(response, NOTHING)
    expect(fixture.unspoken).toEqual([])
  })
})
