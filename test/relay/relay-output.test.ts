/** Frames to Twilio, and when the end of the session goes out. */

import { describe, expect, test } from "bun:test"
import type { SessionEnd } from "../../src/call/session-end.ts"
import { EndAfterPlayback } from "../../src/conversation/end-after-playback.ts"
import { RelayOutput } from "../../src/relay/relay-output.ts"
import { TestClock } from "../lib/test-clock.ts"
import { NotedSocket, notedLog } from "./fixture.ts"

const SESSION_END: SessionEnd = { reason: "agent-ended", detail: "Ending the call", summary: "s" }
const END = 'end {"reasonCode":"end-call","reason":"Ending the call","conversationSummary":"s"}'
/** As estimated: 500 ms until audio, 66 ms for each of 10 characters. */
const FAREWELL = "Good night"
const FAREWELL_MS = 1160

/** An output and the end of its session, wired as a call does it. */
function fixture() {
  const clock = new TestClock()
  const { sweep } = clock
  const socket = new NotedSocket()
  const log = notedLog()
  const output = new RelayOutput({ socket, sweep, log })
  const ending = new EndAfterPlayback({
    output,
    limitMs: 10_000,
    end: (end) => output.end(end),
    sweep,
  })
  const speaking = (on: boolean) => {
    output.agentSpeaking(on)
    ending.recheck()
  }
  const interrupt = () => {
    output.interrupt()
    ending.now()
  }
  const close = () => {
    output.close()
    ending.close()
  }
  return {
    clock,
    socket,
    log,
    output,
    ending,
    speaking,
    interrupt,
    close,
    [Symbol.dispose]: () => clock[Symbol.dispose](),
  }
}

describe("words", () => {
  test("are passed on as they are and closed with an empty token", () => {
    using s = fixture()
    s.output.text("Good ")
    s.output.text(" day\n")
    s.output.finish()
    expect(s.socket.frames).toEqual([
      { type: "text", token: "Good ", last: false },
      { type: "text", token: " day\n", last: false },
      { type: "text", token: "", last: true },
    ])
  })

  test("a line within an answer first closes what was said so far", () => {
    using s = fixture()
    s.output.text("Good day, how")
    s.output.sentence("One moment.", { preemptible: true })
    s.output.text(" can I help?")
    s.output.finish()
    s.output.sentence("And more.")
    expect(s.socket.take()).toEqual([
      'text "Good day, how"',
      'text "" last',
      'text "One moment." last preemptible',
      'text " can I help?"',
      'text "" last',
      'text "And more." last',
    ])
  })

  test("after an interruption nothing is open", () => {
    using s = fixture()
    s.output.text("Good day, how")
    s.interrupt()
    s.output.sentence("Time is up.")
    expect(s.socket.take()).toEqual(['text "Good day, how"', 'text "Time is up." last'])
  })
})

describe("acts", () => {
  const ACTS = [
    { type: "send-digits", digits: "ww12#" },
    { type: "play-media", source: "https://example.com/a.mp3", loop: 2, interruptible: false },
    { type: "switch-language", ttsLanguage: "es-ES" },
  ] as const

  test("become frames without fields that were not given", () => {
    using s = fixture()
    for (const act of ACTS) s.output.act(act)
    expect(s.socket.frames).toEqual([
      { type: "sendDigits", digits: "ww12#" },
      { type: "play", source: "https://example.com/a.mp3", loop: 2, interruptible: false },
      { type: "language", ttsLanguage: "es-ES" },
    ])
  })

  test("in listen mode only digits, the closing frame and the end go out", () => {
    using s = fixture()
    s.output.muted = true
    for (const act of ACTS) s.output.act(act)
    s.output.finish()
    s.ending.request(SESSION_END)
    expect(s.socket.take()).toEqual(['{"type":"sendDigits","digits":"ww12#"}', 'text "" last', END])
    s.output.muted = false
  })

  test("that Twilio would refuse are logged and not sent", () => {
    using s = fixture()
    s.output.act({ type: "send-digits", digits: "abc" })
    s.output.act({ type: "switch-language" })
    s.output.act({ type: "play-media", source: "file:///etc/passwd" })
    expect(s.socket.frames).toEqual([])
    expect(s.log.lines).toEqual(Array<string>(3).fill("error invalid frame not sent"))
  })
})

describe("the end", () => {
  test("goes out at once in silence", () => {
    using s = fixture()
    s.ending.request(SESSION_END)
    expect(s.socket.take()).toEqual([END])
  })

  test("waits for the estimated end of the farewell where nothing is reported", () => {
    using s = fixture()
    s.output.sentence(FAREWELL)
    s.socket.take()
    s.ending.request(SESSION_END)
    s.clock.advance(FAREWELL_MS)
    expect(s.socket.take()).toEqual([])
    s.clock.advance(300)
    expect(s.socket.take()).toEqual([END])
  })

  test("waits for the reported end of the farewell, however long it takes to say", () => {
    using s = fixture()
    s.output.sentence(FAREWELL)
    s.socket.take()
    s.ending.request(SESSION_END)
    s.clock.advance(400)
    s.speaking(true)
    s.clock.advance(5000)
    expect(s.socket.take()).toEqual([])
    s.speaking(false)
    expect(s.socket.take()).toEqual([END])
  })

  test("goes out when the farewell ends earlier than estimated", () => {
    using s = fixture()
    s.output.sentence(FAREWELL.repeat(20))
    s.speaking(true)
    s.ending.request(SESSION_END)
    s.clock.advance(1000)
    s.socket.take()
    s.speaking(false)
    expect(s.socket.take()).toEqual([END])
  })

  test("is not deceived by the silence before the farewell", () => {
    using s = fixture()
    s.speaking(true)
    s.output.sentence(FAREWELL)
    s.ending.request(SESSION_END)
    s.socket.take()
    s.clock.advance(100)
    s.speaking(false)
    expect(s.socket.take()).toEqual([])
    s.clock.advance(FAREWELL_MS + 200)
    expect(s.socket.take()).toEqual([END])
  })

  test("goes out at once when the caller interrupts", () => {
    using s = fixture()
    s.output.sentence(FAREWELL)
    s.speaking(true)
    s.ending.request(SESSION_END)
    s.socket.take()
    s.interrupt()
    expect(s.socket.take()).toEqual([END])
  })

  test("goes out 10 s after the estimate in any case, whatever is reported", () => {
    using s = fixture()
    s.output.sentence(FAREWELL)
    s.ending.request(SESSION_END)
    s.socket.take()
    for (let passed = 0; passed < FAREWELL_MS + 9900; passed += 100) {
      s.speaking(true)
      s.clock.advance(100)
    }
    expect(s.socket.take()).toEqual([])
    s.clock.advance(200)
    expect(s.socket.take()).toEqual([END])
  })

  test("comes once, nothing follows it, and a socket that Twilio leaves open is closed after 5 s", () => {
    using s = fixture()
    s.ending.request(SESSION_END)
    s.ending.request(SESSION_END)
    s.output.text("more")
    s.output.finish()
    s.speaking(false)
    s.interrupt()
    expect(s.socket.take()).toEqual([END])
    s.clock.advance(5000)
    expect(s.socket.closes).toEqual([{ code: 1000, reason: "session ended" }])
    expect(s.clock.sweep.size).toBe(0)
  })

  test("does not come to a socket that is gone", () => {
    using s = fixture()
    s.output.sentence(FAREWELL)
    s.socket.take()
    s.ending.request(SESSION_END)
    s.close()
    s.clock.advance(60_000)
    expect({ sent: s.socket.take(), closes: s.socket.closes, deadlines: s.clock.sweep.size }).toEqual({
      sent: [],
      closes: [],
      deadlines: 0,
    })
  })
})

test("a socket that drops a frame is closed once and sent no more", () => {
  using s = fixture()
  s.socket.sendReturns = -1
  s.output.text("queued ")
  s.socket.sendReturns = 0
  s.output.text("dropped ")
  s.output.text("never sent ")
  s.ending.request(SESSION_END)
  expect(s.socket.take()).toEqual(['text "queued "', 'text "dropped "'])
  expect(s.socket.closes).toEqual([{ code: 1011, reason: "cannot keep up" }])
})

test("a greeting that Twilio speaks counts as speech", () => {
  using s = fixture()
  s.output.spokenByTwilio(FAREWELL)
  expect(s.output.quietAt()).toBe(s.clock.monotonic() + FAREWELL_MS)
  expect(s.socket.frames).toEqual([])
})
