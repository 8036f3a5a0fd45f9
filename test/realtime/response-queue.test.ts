import { describe, expect, test } from "bun:test"
import type { RealtimeResponse } from "../../src/realtime/protocol/objects.ts"
import { ResponseQueue } from "../../src/realtime/response-queue.ts"
import type { ResponseRequest } from "../../src/realtime/response-request.ts"

const BUSY = "conversation_already_has_active_response"

const answer = (...about: string[]): ResponseRequest => ({ kind: "answer", about })
const sentence = (text: string): ResponseRequest => ({ kind: "sentence", text })

function setUp() {
  const sent: Record<string, unknown>[] = []
  const queue = new ResponseQueue()
  const connect = () => queue.connected((text) => sent.push(JSON.parse(text)))
  connect()
  const types = () => sent.map((event) => String(event["type"]))
  const lastId = () => String(sent.at(-1)?.["event_id"])
  /** What each `response.create` so far asked for: a sentence, or an answer. */
  const requested = () =>
    sent.flatMap((event) => {
      if (event["type"] !== "response.create") return []
      const { instructions } = event["response"] as { instructions?: string }
      return [instructions?.split("\n\n")[1] ?? "answer"]
    })
  return { queue, sent, connect, types, lastId, requested }
}

function response(id: string, createId?: string): RealtimeResponse {
  const metadata = createId === undefined ? {} : { parley_create: createId }
  return { id, status: "completed", error: null, metadata, usage: null }
}

const refusal = (eventId: string | null, code: string | null = BUSY) => ({ code, eventId })

test("an answer is requested at once when nothing runs, with an id that its response repeats", () => {
  const { queue, sent } = setUp()
  queue.request(answer())
  expect(sent).toEqual([
    {
      type: "response.create",
      event_id: "create_1",
      response: { metadata: { parley_create: "create_1" } },
    },
  ])
  expect(queue.created(response("resp_1", "create_1"))).toBe("requested")
  expect(queue.activeId).toBe("resp_1")
})

test("a sentence is requested without context and without tools", () => {
  const { queue, sent } = setUp()
  queue.request(sentence("Good day."))
  expect(sent).toEqual([
    {
      type: "response.create",
      event_id: "create_1",
      response: {
        instructions:
          "Say exactly the following to the caller, word for word, and nothing else:\n\nGood day.",
        input: [],
        tool_choice: "none",
        metadata: { parley_create: "create_1" },
      },
    },
  ])
})

test.each(["completed", "cancelled", "incomplete"])(
  "a second response waits until the first one is done: %s",
  (status) => {
    const { queue, requested } = setUp()
    queue.request(sentence("one"))
    queue.request(sentence("two"))
    expect(requested()).toEqual(["one"])
    queue.created(response("resp_1", "create_1"))
    expect(requested()).toEqual(["one"])
    queue.done({ ...response("resp_1"), status })
    expect(requested()).toEqual(["one", "two"])
  },
)

test("a failed response is requested again, once, after those that wait", () => {
  const { queue, requested, lastId } = setUp()
  queue.request(sentence("one"))
  queue.request(sentence("two"))
  queue.created(response("resp_1", lastId()))
  queue.done({ ...response("resp_1"), status: "failed" })
  queue.created(response("resp_2", lastId()))
  queue.done(response("resp_2"))
  queue.created(response("resp_3", lastId()))
  queue.done(response("resp_3"))
  expect({ requested: requested(), isIdle: queue.isIdle }).toEqual({
    requested: ["one", "two", "one"],
    isIdle: true,
  })
})

test("a failed answer of the server to the caller is requested", () => {
  const { queue, requested } = setUp()
  queue.created(response("resp_1"))
  queue.done({ ...response("resp_1"), status: "failed" })
  expect(requested()).toEqual(["answer"])
})

test("several requests for an answer become one", () => {
  const { queue, types } = setUp()
  queue.created(response("resp_1"))
  queue.request(answer("out_1"))
  queue.request(answer("out_2"))
  queue.done(response("resp_1"))
  queue.created(response("resp_2", "create_1"))
  queue.done(response("resp_2"))
  expect(types()).toEqual(["response.create"])
  expect(queue.isIdle).toBe(true)
})

test("too many requests are refused", () => {
  const { queue } = setUp()
  queue.created(response("resp_1"))
  const accepted = Array.from({ length: 20 }, (_, n) => queue.request(sentence(`${n}`)))
  expect(accepted.filter(Boolean)).toHaveLength(16)
})

describe("the caller's next turn", () => {
  test("that leads to no response loses no request", () => {
    const { queue, types } = setUp()
    queue.created(response("resp_1"))
    queue.itemSent("out_1")
    queue.request(answer("out_1"))
    queue.itemAdded("out_1")
    queue.callerStarted({ serverCancels: true })
    queue.done(response("resp_1"))
    queue.callerDone()
    expect(types()).toEqual(["response.create"])
  })

  test("drops what waits when its response begins before the create could go out", () => {
    const { queue, types } = setUp()
    queue.created(response("resp_1"))
    queue.itemSent("out_1")
    queue.itemSent("out_2")
    queue.itemAdded("out_1")
    queue.request(answer("out_1", "out_2"))
    queue.itemAdded("out_2")
    queue.callerStarted({ serverCancels: true })
    queue.done(response("resp_1"))
    expect(queue.created(response("resp_2"))).toBe("caller-turn")
    queue.done(response("resp_2"))
    expect(types()).toEqual([])
    expect(queue.isIdle).toBe(true)
  })

  test("does not answer a request whose items came after it had begun", () => {
    const { queue, types } = setUp()
    queue.created(response("resp_1"))
    queue.done(response("resp_1"))
    queue.callerStarted({ serverCancels: true })
    queue.itemSent("out_1")
    queue.request(answer("out_1"))
    queue.created(response("resp_2"))
    queue.itemAdded("out_1")
    expect(types()).toEqual([])
    queue.done(response("resp_2"))
    expect(types()).toEqual(["response.create"])
  })

  test("leaves a sentence that must be said", () => {
    const { queue, requested } = setUp()
    queue.created(response("resp_1"))
    queue.request(sentence("Goodbye"))
    queue.created(response("resp_2"))
    queue.done(response("resp_2"))
    expect(requested()).toEqual(["Goodbye"])
  })

  test("holds everything back while the caller speaks", () => {
    const { queue, types } = setUp()
    queue.callerStarted({ serverCancels: true })
    queue.request(answer())
    expect(types()).toEqual([])
    queue.callerDone()
    expect(types()).toEqual(["response.create"])
  })

  test("is pending from its commit to the end of the server's answer", () => {
    const { queue } = setUp()
    queue.expectServerAnswer()
    const idle = [queue.isIdle]
    queue.created(response("resp_1"))
    idle.push(queue.isIdle)
    queue.done(response("resp_1"))
    expect([...idle, queue.isIdle]).toEqual([false, false, true])
  })

  test("stays pending when a cancelled response of before ends late", () => {
    const { queue, lastId } = setUp()
    queue.request(answer())
    queue.callerStarted({ serverCancels: true })
    queue.created(response("resp_1", lastId()))
    queue.expectServerAnswer()
    queue.done({ ...response("resp_1"), status: "cancelled" })
    expect(queue.isIdle).toBe(false)
  })
})

describe("a create that crossed another response on the wire", () => {
  test("is dropped when that response saw its items", () => {
    const { queue, lastId, types } = setUp()
    queue.itemSent("out_1")
    queue.request(answer("out_1"))
    queue.itemAdded("out_1")
    expect(queue.created(response("resp_turn"))).toBe("caller-turn")
    expect(queue.refused(refusal(lastId()))).toBe("answered")
    queue.done(response("resp_turn"))
    expect(types()).toEqual(["response.create"])
  })

  test("is sent again when that response did not see its items", () => {
    const { queue, lastId, types } = setUp()
    queue.itemSent("out_1")
    queue.request(answer("out_1"))
    queue.created(response("resp_turn"))
    queue.itemAdded("out_1")
    expect(queue.refused(refusal(lastId()))).toBe("requeued")
    queue.done(response("resp_turn"))
    expect(types()).toEqual(["response.create", "response.create"])
    expect(lastId()).toBe("create_2")
  })

  test("is forgotten at the end of a response that did not repeat its id", () => {
    const { queue, types } = setUp()
    queue.request(answer())
    queue.created(response("resp_1"))
    queue.done(response("resp_1"))
    expect(types()).toEqual(["response.create"])
    expect(queue.isIdle).toBe(true)
  })

  test("waits for the end of a response that is not known", () => {
    const { queue, lastId, types } = setUp()
    queue.request(answer())
    expect(queue.refused(refusal(lastId()))).toBe("requeued")
    queue.request(answer())
    expect(types()).toEqual(["response.create"])
    queue.done(response("resp_x"))
    expect(types()).toEqual(["response.create", "response.create"])
  })

  test("is sent again after a rejection for another reason", () => {
    const { queue, lastId, types } = setUp()
    queue.request(answer())
    queue.created(response("resp_turn"))
    expect(queue.refused(refusal(lastId(), "invalid_value"))).toBe("failed")
    queue.sendNext()
    queue.done(response("resp_turn"))
    expect(types()).toEqual(["response.create", "response.create"])
  })
})

describe("an error", () => {
  test("of another kind fails the create, which waits behind the others until they may go", () => {
    const { queue, requested, lastId } = setUp()
    queue.request(sentence("one"))
    queue.request(sentence("two"))
    expect(queue.refused(refusal(lastId(), "invalid_value"))).toBe("failed")
    expect(requested()).toEqual(["one"])
    queue.sendNext()
    queue.created(response("resp_2", lastId()))
    queue.done(response("resp_2"))
    expect(requested()).toEqual(["one", "two", "one"])
  })

  test.each([
    ["no id", null],
    ["the id of something else", "session_1"],
    ["the id of an older create", "create_99"],
  ])("with %s is not about this queue", (_, eventId) => {
    const { queue } = setUp()
    queue.request(answer())
    expect(queue.refused(refusal(eventId))).toBe("unrelated")
  })

  test("about a cancel that came too late is harmless", () => {
    const { queue, lastId } = setUp()
    queue.created(response("resp_1"))
    queue.interrupt()
    expect(queue.refused(refusal(lastId(), "response_cancel_not_active"))).toBe("harmless")
  })
})

describe("an interruption", () => {
  test("by the caller sends no cancel when the server cancels by itself", () => {
    const { queue, types } = setUp()
    queue.created(response("resp_1"))
    queue.callerStarted({ serverCancels: true })
    expect(types()).toEqual([])
  })

  test("by the caller cancels by name when the server does not", () => {
    const { queue, sent } = setUp()
    queue.created(response("resp_1"))
    queue.callerStarted({ serverCancels: false })
    expect(sent).toMatchObject([{ type: "response.cancel", response_id: "resp_1" }])
  })

  test("with nothing running sends nothing", () => {
    const { queue, types } = setUp()
    queue.interrupt()
    queue.callerStarted({ serverCancels: false })
    expect(types()).toEqual([])
  })

  test("between create and response cancels that response as soon as it has a name", () => {
    const { queue, sent, lastId } = setUp()
    queue.request(answer())
    queue.callerStarted({ serverCancels: true })
    expect(queue.created(response("resp_1", lastId()))).toBe("stale")
    expect(sent.at(-1)).toMatchObject({ type: "response.cancel", response_id: "resp_1" })
    queue.callerDone()
    queue.done({ ...response("resp_1"), status: "cancelled" })
    expect(sent).toHaveLength(2)
  })

  test("between create and response requests again what must be said", () => {
    const { queue, sent, lastId, requested } = setUp()
    queue.request(sentence("Goodbye"))
    queue.callerStarted({ serverCancels: true })
    queue.created(response("resp_1", lastId()))
    queue.done({ ...response("resp_1"), status: "cancelled" })
    expect(sent).toHaveLength(2)
    queue.callerDone()
    expect(requested()).toEqual(["Goodbye", "Goodbye"])
  })

  test("of our own drops what waits, except what must be said", () => {
    const { queue, types, requested } = setUp()
    queue.created(response("resp_1"))
    queue.request(answer())
    queue.request(sentence("Goodbye"))
    queue.interrupt()
    queue.done({ ...response("resp_1"), status: "cancelled" })
    expect(types()).toEqual(["response.cancel", "response.create"])
    expect(requested()).toEqual(["Goodbye"])
  })
})

test("the end of an unknown response ends nothing", () => {
  const { queue } = setUp()
  queue.created(response("resp_1"))
  queue.done(response("resp_0"))
  expect(queue.activeId).toBe("resp_1")
})

describe("after a lost connection, the next one is asked for", () => {
  type Fixture = ReturnType<typeof setUp>

  test.each<[string, (fixture: Fixture) => void, string[]]>([
    ["nothing when nothing was pending", () => {}, []],
    ["a sentence that waits", ({ queue }) => queue.request(sentence("one")), ["one"]],
    [
      "what was requested and not begun",
      ({ queue, connect }) => {
        connect()
        queue.request(answer("out_1"))
      },
      ["answer"],
    ],
    [
      "a sentence that was being said",
      ({ queue, connect, lastId }) => {
        connect()
        queue.request(sentence("one"))
        queue.created(response("resp_1", lastId()))
      },
      ["one"],
    ],
    [
      "a sentence that the caller was interrupting",
      ({ queue, connect, lastId }) => {
        connect()
        queue.request(sentence("one"))
        queue.created(response("resp_1", lastId()))
        queue.callerStarted({ serverCancels: true })
      },
      ["one"],
    ],
    [
      "no answer that the caller was interrupting",
      ({ queue, connect }) => {
        connect()
        queue.created(response("resp_1"))
        queue.callerStarted({ serverCancels: true })
      },
      [],
    ],
    [
      "no answer that was requested before the caller spoke",
      ({ queue, connect }) => {
        connect()
        queue.request(answer())
        queue.callerStarted({ serverCancels: true })
      },
      [],
    ],
    [
      "the server's answer to the caller, begun or not",
      ({ queue, connect }) => {
        connect()
        queue.expectServerAnswer()
        queue.disconnected()
        connect()
        queue.created(response("resp_1"))
      },
      ["answer"],
    ],
    [
      "sentences before the one answer",
      ({ queue, connect, lastId }) => {
        connect()
        queue.request(answer("out_1"))
        queue.created(response("resp_1", lastId()))
        queue.request(sentence("one"))
        queue.request(answer("out_2"))
        queue.request(sentence("two"))
      },
      ["one", "two", "answer"],
    ],
    [
      "a request that crossed a response, and that response",
      ({ queue, connect }) => {
        connect()
        queue.request(sentence("one"))
        queue.created(response("resp_turn"))
      },
      ["one", "answer"],
    ],
    [
      "nothing that was said to its end",
      ({ queue, connect, lastId }) => {
        connect()
        queue.request(sentence("one"))
        queue.created(response("resp_1", lastId()))
        queue.done(response("resp_1"))
      },
      [],
    ],
    [
      "nothing that was cleared",
      ({ queue, connect }) => {
        connect()
        queue.request(sentence("one"))
        queue.expectServerAnswer()
        queue.clear()
      },
      [],
    ],
  ])("%s", (_, happens, expected) => {
    const fixture = setUp()
    const { queue, sent, connect, lastId, requested } = fixture
    queue.disconnected()
    happens(fixture)
    queue.disconnected()
    expect(queue.isIdle).toBe(expected.length === 0)
    sent.length = 0
    connect()
    for (let count = 0; count < expected.length; count++) {
      queue.created(response(`again_${count}`, lastId()))
      queue.done(response(`again_${count}`))
    }
    expect({ requested: requested(), isIdle: queue.isIdle }).toEqual({ requested: expected, isIdle: true })
  })
})

test("while a change of the session is not confirmed, nothing is requested", () => {
  const { queue, requested } = setUp()
  queue.sessionUpdateSent()
  queue.sessionUpdateSent()
  queue.request(sentence("Hello."))
  expect(requested()).toEqual([])
  queue.sessionUpdatesSettled(1)
  expect({ requested: requested(), awaits: queue.awaitsSession }).toEqual({ requested: [], awaits: true })
  queue.sessionUpdatesSettled(1)
  expect({ requested: requested(), awaits: queue.awaitsSession }).toEqual({
    requested: ["Hello."],
    awaits: false,
  })
})

test("a confirmation that nobody waits for changes nothing, and another connection waits for none", () => {
  const { queue, connect, requested } = setUp()
  queue.sessionUpdatesSettled(1)
  queue.sessionUpdateSent()
  queue.request(sentence("Hello."))
  connect()
  expect(requested()).toEqual(["Hello."])
})
