/** Frames to Twilio, and when the end of the session goes out. */

import { describe, expect, test } from "bun:test"
import { RelayOutput } from "../../src/relay/relay-output.ts"
import { TestClock } from "../lib/test-clock.ts"
import { NotedSocket, notedLog } from "./samples.ts"

const HANDOFF = { reasonCode: "end-call", reason: "Ending the call", conversationSummary: "s" }
const END = `end ${JSON.stringify(HANDOFF)}`
/** As estimated: 500 ms until sound, 66 ms for each of 10 characters. */
const FAREWELL = "Good night"
const FAREWELL_MS = 1160

function stand({ listenMode = false } = {}) {
  const clock = new TestClock()
  const socket = new NotedSocket()
  const log = notedLog()
  const voice = new RelayOutput({ socket, sweep: clock.sweep, log, listenMode })
  return { clock, socket, log, voice, [Symbol.dispose]: () => clock[Symbol.dispose]() }
}

describe("words", () => {
  test("are passed on as they are and closed with an empty token", () => {
    using s = stand()
    s.voice.token("Good ")
    s.voice.token(" day\n")
    s.voice.finish()
    expect(s.socket.frames).toEqual([
      { type: "text", token: "Good ", last: false },
      { type: "text", token: " day\n", last: false },
      { type: "text", token: "", last: true },
    ])
  })

  test("a line within an answer first closes what was said so far", () => {
    using s = stand()
    s.voice.token("Good day, how")
    s.voice.line("One moment.", { preemptible: true })
    s.voice.token(" can I help?")
    s.voice.finish()
    s.voice.line("And more.")
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
    using s = stand()
    s.voice.token("Good day, how")
    s.voice.interrupted()
    s.voice.line("Time is up.")
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
    using s = stand()
    for (const act of ACTS) s.voice.act(act)
    expect(s.socket.frames).toEqual([
      { type: "sendDigits", digits: "ww12#" },
      { type: "play", source: "https://example.com/a.mp3", loop: 2, interruptible: false },
      { type: "language", ttsLanguage: "es-ES" },
    ])
  })

  test("in listen mode only digits, the closing frame and the end go out", () => {
    using s = stand({ listenMode: true })
    expect(s.voice.muted).toBe(true)
    for (const act of ACTS) s.voice.act(act)
    s.voice.finish()
    s.voice.end(HANDOFF)
    expect(s.socket.take()).toEqual(['{"type":"sendDigits","digits":"ww12#"}', 'text "" last', END])
    s.voice.muted = false
  })

  test("that Twilio would refuse are logged and not sent", () => {
    using s = stand()
    s.voice.act({ type: "send-digits", digits: "abc" })
    s.voice.act({ type: "switch-language" })
    s.voice.act({ type: "play-media", source: "file:///etc/passwd" })
    expect(s.socket.frames).toEqual([])
    expect(s.log.lines).toEqual(Array<string>(3).fill("error invalid frame not sent"))
  })
})

describe("the end", () => {
  test("goes out at once in silence", () => {
    using s = stand()
    s.voice.end(HANDOFF)
    expect(s.socket.take()).toEqual([END])
  })

  test("waits for the estimated end of the farewell where nothing is reported", () => {
    using s = stand()
    s.voice.line(FAREWELL)
    s.socket.take()
    s.voice.end(HANDOFF)
    s.clock.advance(FAREWELL_MS)
    expect(s.socket.take()).toEqual([])
    s.clock.advance(300)
    expect(s.socket.take()).toEqual([END])
  })

  test("waits for the reported end of the farewell, however long it takes to say", () => {
    using s = stand()
    s.voice.line(FAREWELL)
    s.socket.take()
    s.voice.end(HANDOFF)
    s.clock.advance(400)
    s.voice.agentSpeaking(true)
    s.clock.advance(5000)
    expect(s.socket.take()).toEqual([])
    s.voice.agentSpeaking(false)
    expect(s.socket.take()).toEqual([END])
  })

  test("goes out when the farewell ends earlier than estimated", () => {
    using s = stand()
    s.voice.line(FAREWELL.repeat(20))
    s.voice.agentSpeaking(true)
    s.voice.end(HANDOFF)
    s.clock.advance(1000)
    s.socket.take()
    s.voice.agentSpeaking(false)
    expect(s.socket.take()).toEqual([END])
  })

  test("is not deceived by the silence before the farewell", () => {
    using s = stand()
    s.voice.agentSpeaking(true)
    s.voice.line(FAREWELL)
    s.voice.end(HANDOFF)
    s.socket.take()
    s.clock.advance(100)
    s.voice.agentSpeaking(false)
    expect(s.socket.take()).toEqual([])
    s.clock.advance(FAREWELL_MS + 200)
    expect(s.socket.take()).toEqual([END])
  })

  test("goes out at once when the caller interrupts", () => {
    using s = stand()
    s.voice.line(FAREWELL)
    s.voice.agentSpeaking(true)
    s.voice.end(HANDOFF)
    s.socket.take()
    s.voice.interrupted()
    expect(s.socket.take()).toEqual([END])
  })

  test("goes out 10 s after the estimate in any case, whatever is reported", () => {
    using s = stand()
    s.voice.line(FAREWELL)
    s.voice.end(HANDOFF)
    s.socket.take()
    for (let passed = 0; passed < FAREWELL_MS + 9900; passed += 100) {
      s.voice.agentSpeaking(true)
      s.clock.advance(100)
    }
    expect(s.socket.take()).toEqual([])
    s.clock.advance(200)
    expect(s.socket.take()).toEqual([END])
  })

  test("comes once, nothing follows it, and a socket that Twilio leaves open is closed after 5 s", () => {
    using s = stand()
    s.voice.end(HANDOFF)
    s.voice.end(HANDOFF)
    s.voice.token("more")
    s.voice.finish()
    s.voice.agentSpeaking(false)
    s.voice.interrupted()
    expect(s.socket.take()).toEqual([END])
    s.clock.advance(5000)
    expect(s.socket.closes).toEqual([{ code: 1000, reason: "session ended" }])
    expect(s.clock.sweep.size).toBe(0)
  })

  test("does not come to a socket that is gone", () => {
    using s = stand()
    s.voice.line(FAREWELL)
    s.socket.take()
    s.voice.end(HANDOFF)
    s.voice.close()
    s.clock.advance(60_000)
    expect({ sent: s.socket.take(), closes: s.socket.closes, deadlines: s.clock.sweep.size }).toEqual({
      sent: [],
      closes: [],
      deadlines: 0,
    })
  })
})

test("a socket that drops a frame is closed once and sent no more", () => {
  using s = stand()
  s.socket.sendReturns = -1
  s.voice.token("queued ")
  s.socket.sendReturns = 0
  s.voice.token("dropped ")
  s.voice.token("never sent ")
  s.voice.end(HANDOFF)
  expect(s.socket.take()).toEqual(['text "queued "', 'text "dropped "'])
  expect(s.socket.closes).toEqual([{ code: 1011, reason: "cannot keep up" }])
})

test("a greeting that Twilio speaks counts as speech", () => {
  using s = stand()
  s.voice.spokenByTwilio(FAREWELL)
  expect(s.voice.quietAt()).toBe(s.clock.now() + FAREWELL_MS)
  expect(s.socket.frames).toEqual([])
})
