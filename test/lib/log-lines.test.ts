import type { LogLevel, LogRecord } from "@logtape/logtape"
import { describe, expect, test } from "bun:test"
import { lineFormatter } from "../../src/lib/log-lines.ts"

type Given = { level?: LogLevel; message?: string; properties?: Record<string, unknown> }

function record({ level = "info", message = "call ended", properties = {} }: Given): LogRecord {
  const timestamp = Date.parse("2026-11-27T12:00:00.000Z")
  return {
    category: ["parley", "relay"],
    level,
    message: [message],
    rawMessage: message,
    timestamp,
    properties,
  }
}

const json = lineFormatter({ format: "json" })
const text = lineFormatter({ format: "text", coloured: false })
const coloured = lineFormatter({ format: "text", coloured: true })

describe("a line of JSON", () => {
  const head = { time: "2026-11-27T12:00:00.000Z", level: "info", component: "relay", message: "call ended" }
  test.each<{ because: string; given: Given; line: object }>([
    { because: "has time, level, component and message", given: {}, line: head },
    {
      because: "has the fields beside them",
      given: { properties: { callSid: "CA1", tookMs: 5 } },
      line: { ...head, callSid: "CA1", tookMs: 5 },
    },
    {
      because: "keeps a field with a reserved name under another one",
      given: { properties: { message: "hidden", level: 3 } },
      line: { ...head, message_: "hidden", level_: 3 },
    },
    { because: "knows four levels: trace", given: { level: "trace" }, line: { ...head, level: "debug" } },
    { because: "knows four levels: warning", given: { level: "warning" }, line: { ...head, level: "warn" } },
    { because: "knows four levels: fatal", given: { level: "fatal" }, line: { ...head, level: "error" } },
    {
      because: "keeps every character of a value",
      given: { properties: { text: "a\nb\u2028c\u202ed" } },
      line: { ...head, text: "a\nb\u2028c\u202ed" },
    },
  ])("$because", ({ given, line }) => {
    const written = json(record(given))
    expect(JSON.parse(written)).toEqual(line)
    expect(written).toMatch(/^[^\n\u2028\u202e]+\n$/)
  })
})

describe("a line of text", () => {
  test.each<{ because: string; given: Given; line: string }>([
    { because: "begins with time, level and component", given: {}, line: "info  [relay] call ended" },
    { because: "aligns the levels", given: { level: "error" }, line: "error [relay] call ended" },
    {
      because: "has simple values without quotes",
      given: { properties: { callSid: "CA1", address: "wss://a.example.com:1/x" } },
      line: "info  [relay] call ended callSid=CA1 address=wss://a.example.com:1/x",
    },
    {
      because: "has other values as JSON",
      given: { properties: { text: "two words", list: [1], none: undefined } },
      line: 'info  [relay] call ended text="two words" list=[1] none=-',
    },
    {
      because: "stays one line, whatever message and fields contain",
      given: { message: "a\nb", properties: { "k\n": "\u202e" } },
      line: 'info  [relay] a\\u000ab k\\u000a="\\u202e"',
    },
  ])("$because", ({ given, line }) => {
    expect(text(record(given))).toBe(`2026-11-27T12:00:00.000Z ${line}\n`)
  })

  test("has colours for a terminal only", () => {
    const ESCAPE = "\u001b"
    const lines = [text(record({ level: "error" })), coloured(record({ level: "error" }))]
    expect(lines.map((line) => line.includes(ESCAPE))).toEqual([false, true])
  })
})
