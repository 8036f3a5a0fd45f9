import { describe, expect, test } from "bun:test"
import { ResponseQueue } from "../../../src/realtime/connection/response-queue.ts"
import type { RealtimeResponse } from "../../../src/realtime/protocol/objects.ts"

const BUSY = "conversation_already_has_active_response"

function setUp() {
  const sent: Record<string, unknown>[] = []
  const queue = new ResponseQueue((text) => sent.push(JSON.parse(text)))
  const types = () => sent.map((event) => String(event["type"]))
  const lastId = () => String(sent.at(-1)?.["event_id"])
  return { queue, sent, types, lastId }
}

function response(id: string, createId?: string, inConversation = true): RealtimeResponse {
  const metadata = createId === undefined ? {} : { parley_create: createId }
  return { id, status: "in_progress", reason: null, error: null, inConversation, metadata, usage: null }
}

const refusal = (eventId: string | null, code: string | null = BUSY) => ({
  kind: "invalid_request_error",
  code,
  message: "no",
  param: null,
  eventId,
})

test("an answer is asked for at once when nothing runs, marked so that it can be told apart", () => {
  const { queue, sent } = setUp()
  queue.want()
  expect(sent).toEqual([
    {
      type: "response.create",
      event_id: "create_1",
      response: { metadata: { parley_create: "create_1" } },
    },
  ])
  expect(queue.created(response("resp_1", "create_1"))).toBe("ours")
  expect(queue.activeId).toBe("resp_1")
})

test("a second answer waits until the first is done, whatever became of that", () => {
  const { queue, sent } = setUp()
  queue.want({ overrides: { instructions: "one" } })
  queue.want({ overrides: { instructions: "two" } })
  expect(sent).toHaveLength(1)
  queue.created(response("resp_1", "create_1"))
  expect(sent).toHaveLength(1)
  expect(queue.done({ ...response("resp_1"), status: "failed" })).toBe(true)
  expect(sent.at(-1)).toMatchObject({ event_id: "create_2", response: { instructions: "two" } })
})

test("several wishes for a plain answer become one", () => {
  const { queue, types } = setUp()
  queue.created(response("resp_1"))
  queue.want({ about: ["out_1"] })
  queue.want({ about: ["out_2"] })
  queue.done(response("resp_1"))
  queue.created(response("resp_2", "create_1"))
  queue.done(response("resp_2"))
  expect(types()).toEqual(["response.create"])
  expect(queue.isIdle).toBe(true)
})

test("too many wishes are refused", () => {
  const { queue } = setUp()
  queue.created(response("resp_1"))
  const taken = Array.from({ length: 20 }, (_, n) => queue.want({ overrides: { instructions: `${n}` } }))
  expect(taken.filter(Boolean)).toHaveLength(16)
})

describe("the caller's next turn", () => {
  test("that leads to no response loses no wish", () => {
    const { queue, types } = setUp()
    queue.created(response("resp_1"))
    queue.itemSent("out_1")
    queue.want({ about: ["out_1"] })
    queue.itemAdded("out_1")
    queue.callerStarted({ serverCancels: true })
    queue.done(response("resp_1"))
    queue.callerStopped()
    expect(types()).toEqual(["response.create"])
  })

  test("drops what waits when its response begins before the create could go out", () => {
    const { queue, types } = setUp()
    queue.created(response("resp_1"))
    queue.itemSent("out_1")
    queue.itemSent("out_2")
    queue.itemAdded("out_1")
    queue.want({ about: ["out_1", "out_2"] })
    queue.itemAdded("out_2")
    queue.callerStarted({ serverCancels: true })
    queue.done(response("resp_1"))
    expect(queue.created(response("resp_2"))).toBe("turn")
    queue.done(response("resp_2"))
    expect(types()).toEqual([])
    expect(queue.isIdle).toBe(true)
  })

  test("does not answer a wish whose items came after it had begun", () => {
    const { queue, types } = setUp()
    queue.created(response("resp_1"))
    queue.done(response("resp_1"))
    queue.callerStarted({ serverCancels: true })
    queue.itemSent("out_1")
    queue.want({ about: ["out_1"] })
    queue.created(response("resp_2"))
    queue.itemAdded("out_1")
    expect(types()).toEqual([])
    queue.done(response("resp_2"))
    expect(types()).toEqual(["response.create"])
  })

  test("leaves a sentence that must be said", () => {
    const { queue, sent } = setUp()
    queue.created(response("resp_1"))
    queue.want({ overrides: { instructions: "Goodbye" }, keep: true })
    queue.created(response("resp_2"))
    queue.done(response("resp_2"))
    expect(sent).toMatchObject([{ response: { instructions: "Goodbye" } }])
  })

  test("holds everything back while the caller speaks", () => {
    const { queue, types } = setUp()
    queue.callerStarted({ serverCancels: true })
    queue.want()
    expect(types()).toEqual([])
    queue.callerStopped()
    expect(types()).toEqual(["response.create"])
  })
})

describe("a create that crossed another response on the wire", () => {
  test("is dropped when that response saw its items", () => {
    const { queue, lastId, types } = setUp()
    queue.itemSent("out_1")
    queue.want({ about: ["out_1"] })
    queue.itemAdded("out_1")
    expect(queue.created(response("resp_turn"))).toBe("turn")
    expect(queue.refused(refusal(lastId()))).toBe("dropped")
    queue.done(response("resp_turn"))
    expect(types()).toEqual(["response.create"])
  })

  test("is sent again when that response did not see its items", () => {
    const { queue, lastId, types } = setUp()
    queue.itemSent("out_1")
    queue.want({ about: ["out_1"] })
    queue.created(response("resp_turn"))
    queue.itemAdded("out_1")
    expect(queue.refused(refusal(lastId()))).toBe("waits")
    queue.done(response("resp_turn"))
    expect(types()).toEqual(["response.create", "response.create"])
    expect(lastId()).toBe("create_2")
  })

  test("is forgotten at the end of a response that did not give its mark back", () => {
    const { queue, types } = setUp()
    queue.want()
    queue.created(response("resp_1"))
    queue.done(response("resp_1"))
    expect(types()).toEqual(["response.create"])
    expect(queue.isIdle).toBe(true)
  })

  test("waits for the end of a response that nobody told of", () => {
    const { queue, lastId, types } = setUp()
    queue.want()
    expect(queue.refused(refusal(lastId()))).toBe("waits")
    queue.want()
    expect(types()).toEqual(["response.create"])
    queue.done(response("resp_x"))
    expect(types()).toEqual(["response.create", "response.create"])
  })
})

describe("an error", () => {
  test("of another kind fails the create and lets the next one go", () => {
    const { queue, sent, lastId } = setUp()
    queue.want({ overrides: { instructions: "one" } })
    queue.want({ overrides: { instructions: "two" } })
    expect(queue.refused(refusal(lastId(), "invalid_value"))).toBe("failed")
    expect(sent).toHaveLength(2)
  })

  test.each([
    ["no id", null],
    ["the id of something else", "session_1"],
    ["the id of an older create", "create_99"],
  ])("with %s is not about this queue", (_, eventId) => {
    const { queue } = setUp()
    queue.want()
    expect(queue.refused(refusal(eventId))).toBe("foreign")
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
    queue.want()
    queue.callerStarted({ serverCancels: true })
    expect(queue.created(response("resp_1", lastId()))).toBe("discard")
    expect(sent.at(-1)).toMatchObject({ type: "response.cancel", response_id: "resp_1" })
    queue.callerStopped()
    queue.done({ ...response("resp_1"), status: "cancelled" })
    expect(sent).toHaveLength(2)
  })

  test("between create and response asks again for what must be said", () => {
    const { queue, sent, lastId } = setUp()
    queue.want({ overrides: { instructions: "Goodbye" }, keep: true })
    queue.callerStarted({ serverCancels: true })
    queue.created(response("resp_1", lastId()))
    queue.done({ ...response("resp_1"), status: "cancelled" })
    expect(sent).toHaveLength(2)
    queue.callerStopped()
    expect(sent.at(-1)).toMatchObject({ response: { instructions: "Goodbye" } })
  })

  test("of our own drops what waits, except what must be said", () => {
    const { queue, sent } = setUp()
    queue.created(response("resp_1"))
    queue.want()
    queue.want({ overrides: { instructions: "Goodbye" }, keep: true })
    queue.interrupt()
    queue.done({ ...response("resp_1"), status: "cancelled" })
    expect(sent.map((event) => event["type"])).toEqual(["response.cancel", "response.create"])
    expect(sent.at(-1)).toMatchObject({ response: { instructions: "Goodbye" } })
  })
})

test("responses beside the modelConnection are asked for at once and change nothing", () => {
  const { queue, types } = setUp()
  queue.created(response("resp_1"))
  queue.want({ overrides: { outOfBand: true } })
  expect(types()).toEqual(["response.create"])
  expect(queue.created(response("resp_2", undefined, false))).toBe("aside")
  expect(queue.done(response("resp_2", undefined, false))).toBe(false)
  expect(queue.activeId).toBe("resp_1")
})

test("the end of an unknown response ends nothing", () => {
  const { queue } = setUp()
  queue.created(response("resp_1"))
  expect(queue.done(response("resp_0"))).toBe(false)
  expect(queue.activeId).toBe("resp_1")
})
