import { describe, expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { getLog } from "../../src/lib/log.ts"
import { ModelFailures } from "../../src/realtime/model-failures.ts"
import type { RealtimeError } from "../../src/realtime/protocol/server-events.ts"
import type { Refused } from "../../src/realtime/response-queue.ts"
import type { ResponseRequest } from "../../src/realtime/response-request.ts"

type Setup = { isSpeaking?: boolean; mayRetry?: boolean; refused?: Refused }

function fixture({ isSpeaking = false, mayRetry = true, refused = "unrelated" }: Setup = {}) {
  const steps: unknown[] = []
  const events: CallEvent[] = []
  const failures = new ModelFailures({
    agentAudio: { isSpeaking, playPrompt: (prompt) => void steps.push({ prompt }) },
    pending: {
      request: (request: ResponseRequest) => void steps.push({ request: request.kind }),
      refused: () => refused,
      retry: () => void steps.push("retry"),
    },
    connection: () => ({
      giveUp: ({ retryable, message }) => void steps.push({ gaveUp: message, retryable }),
      mayRetry: () => mayRetry,
    }),
    publish: (event) => void events.push(event),
    log: getLog("test"),
  })
  return { failures, steps, events }
}

const refusal: RealtimeError = {
  kind: "server_error",
  code: "busy",
  message: "Try again.",
  eventId: null,
}

describe("a lost connection is published", () => {
  const lost = { reason: "closed", status: null, message: "gone", retryable: true } as const
  test.each([
    { because: "by its reason", failure: lost, retried: true, fields: { code: "closed" } },
    {
      because: "by the server's code, where there is one",
      failure: { ...lost, code: "session_expired" },
      retried: true,
      fields: { code: "session_expired" },
    },
    {
      because: "with the status of a refused upgrade",
      failure: { ...lost, reason: "refused" as const, status: 401 },
      retried: false,
      fields: { code: "refused", status: 401 },
    },
  ])("$because", ({ failure, retried, fields }) => {
    const { failures, steps, events } = fixture()
    failures.connectionLost(failure, { retried })
    expect(events).toEqual([{ type: "model.failed", message: "gone", retried, ...fields }])
    expect(steps).toEqual([])
  })

  test("with 500 characters of its message at most", () => {
    const { failures, events } = fixture()
    failures.connectionLost({ ...lost, message: "x".repeat(900) }, { retried: true })
    expect(events).toEqual([expect.objectContaining({ message: "x".repeat(500) })])
  })
})

describe("a failed response", () => {
  const failed = { message: "overloaded", code: "server_error", retryable: true }
  test.each([
    { because: "asks the caller to wait", setup: {}, steps: [{ prompt: "one-moment" }] },
    { because: "leaves an agent who speaks alone", setup: { isSpeaking: true }, steps: [] },
    {
      because: "closes the connection after too many",
      setup: { mayRetry: false },
      steps: [{ gaveUp: "overloaded", retryable: false }],
    },
    {
      because: "closes the connection when no attempt can help",
      retryable: false,
      setup: {},
      steps: [{ gaveUp: "overloaded", retryable: false }],
    },
  ])("$because", ({ setup, steps: expected, retryable = true }) => {
    const { failures, steps, events } = fixture(setup)
    failures.responseFailed({ ...failed, retryable })
    expect(steps).toEqual([...expected])
    const closed = expected.some((step) => "gaveUp" in step)
    expect(events.length).toBe(closed ? 0 : 1)
  })
})

test("a server that does not react gets one more request, on another connection", () => {
  const { failures, steps } = fixture()
  failures.noReaction("no reaction")
  expect(steps).toEqual([
    { request: "answer" },
    { gaveUp: "no reaction", retryable: true },
    { prompt: "one-moment" },
  ])
})

describe("a response without audio", () => {
  test.each([
    { kind: "answer", repeated: true, steps: [] },
    { kind: "answer", repeated: false, steps: [{ prompt: "not-caught" }] },
    { kind: "sentence", repeated: false, steps: [{ prompt: "technical-problem" }] },
  ] as const)("to a request for $kind, repeated: $repeated", ({ kind, repeated, steps: expected }) => {
    const { failures, steps, events } = fixture()
    failures.unspoken(kind === "answer" ? { kind, about: [] } : { kind, text: "Hello." }, { repeated })
    expect({ steps, events }).toEqual({
      steps: [...expected],
      events: [{ type: "model.failed", message: "the response had no audio", retried: repeated }],
    })
  })
})

describe("an error event", () => {
  test.each([
    { refused: "failed", steps: [{ prompt: "one-moment" }, "retry"] },
    { refused: "unrelated", steps: [] },
    { refused: "requeued", steps: [] },
  ] as const)("about a request that is $refused", ({ refused, steps: expected }) => {
    const { failures, steps } = fixture({ refused })
    failures.reported(refusal)
    expect(steps).toEqual([...expected])
  })
})
