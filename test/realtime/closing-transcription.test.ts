import { describe, expect, test } from "bun:test"
import { ClosingTranscription } from "../../src/realtime/closing-transcription.ts"
import type { RealtimeEvent } from "../../src/realtime/protocol/server-events.ts"
import { TestClock } from "../lib/test-clock.ts"

type Given = { isSpeaking?: boolean; awaitsTranscript?: boolean; isConnected?: boolean }

/** Collaborators that write down what is asked of them. */
function setUp({ isSpeaking = false, awaitsTranscript = true, isConnected = true }: Given = {}) {
  const clock = new TestClock()
  const calls: string[] = []
  const note = (call: string) => () => void calls.push(call)
  const caller = {
    isSpeaking,
    awaitsTranscript,
    apply: ({ type }: RealtimeEvent) => {
      if (type === "caller-transcript") caller.awaitsTranscript = false
    },
    discardSpeech: () => {
      caller.isSpeaking = false
      caller.awaitsTranscript = false
    },
    close: note("no further turns"),
  }
  const connection = {
    current: isConnected
      ? {
          epoch: 1,
          send: (text: string) => void calls.push(String(JSON.parse(text).type)),
          items: undefined as never,
          mutedIds: new Set<string>(),
        }
      : undefined,
    retire: note("retire"),
    close: note("close"),
  }
  const closing = new ClosingTranscription({
    caller,
    usage: { apply: () => {}, flush: note("flush") },
    pending: {
      interrupt: () => {
        calls.push("interrupt")
        return undefined
      },
      cancel: note("cancel response"),
    },
    connection,
    sweep: clock.sweep,
    onSettled: note("settled"),
  })
  closing.start()
  return { clock, calls, closing, apply: (event: RealtimeEvent) => closing.apply(event, { epoch: 1 }) }
}

const SETTLED = ["close", "flush", "settled"]
const transcript: RealtimeEvent = {
  type: "caller-transcript",
  itemId: "item_1",
  text: "Bye.",
  languages: [],
  usage: null,
}
const error = (code: string): RealtimeEvent => ({
  type: "error",
  error: { kind: "invalid_request_error", code, message: "no", eventId: null },
})
const response = { id: "resp_1", status: "in_progress", error: null, metadata: {}, usage: null }

describe("at the end of the call", () => {
  test.each<[string, Given, string[]]>([
    ["nothing to transcribe settles at once", { awaitsTranscript: false }, ["no further turns", ...SETTLED]],
    [
      "no connection settles at once",
      { isConnected: false, isSpeaking: true },
      ["no further turns", ...SETTLED],
    ],
    [
      "a turn that awaits its transcript keeps the connection",
      {},
      ["no further turns", "interrupt", "retire"],
    ],
    [
      "speech in progress is committed first",
      { isSpeaking: true },
      ["no further turns", "input_audio_buffer.commit", "interrupt", "retire"],
    ],
  ])("%s", (_, given, expected) => {
    const { calls } = setUp(given)
    expect(calls).toEqual(expected)
  })
})

describe("while the transcript is awaited", () => {
  test.each<[string, RealtimeEvent[], string[]]>([
    ["the transcript settles", [transcript], SETTLED],
    ["a commit of nothing settles", [error("input_audio_buffer_commit_empty")], SETTLED],
    ["another error does not", [error("response_cancel_not_active")], []],
    ["a response that begins is cancelled", [{ type: "response-created", response }], ["cancel response"]],
  ])("%s", (_, events, expected) => {
    const { calls, apply } = setUp()
    calls.length = 0
    for (const event of events) apply(event)
    expect(calls).toEqual(expected)
  })

  test("a transcript that never comes settles after a second and a half", () => {
    const { clock, calls } = setUp()
    calls.length = 0
    clock.advance(1_499)
    expect(calls).toEqual([])
    clock.advance(1)
    expect(calls).toEqual(SETTLED)
    expect(clock.sweep.size).toBe(0)
  })
})
