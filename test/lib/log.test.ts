/** Lines of the log: their form, and what never appears in them. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test"
import { configureLog, getLog, type LogSettings } from "../../src/lib/log.ts"
import { maskNumber } from "../../src/lib/redact.ts"

let lines: string[] = []

function capture(settings: Partial<LogSettings> = {}) {
  configureLog({
    level: "debug",
    format: "json",
    write: (line) => void lines.push(line),
    terminal: false,
    ...settings,
  })
}

function last(): Record<string, unknown> {
  return JSON.parse(lines.at(-1) ?? "null")
}

beforeEach(() => {
  lines = []
  capture()
})

afterAll(() => configureLog({ level: "error", format: "json" }))

const CALL_SID = `CA${"0a1b2c3d".repeat(4)}`
const AUTH_TOKEN = "0a1b2c3d".repeat(4)

describe("form", () => {
  test("a JSON line has time, level, component, message and the fields", () => {
    getLog("relay").with({ callSid: CALL_SID }).warn("frame rejected", { reason: "bad json", tookMs: 3 })
    expect(last()).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: "warn",
      component: "relay",
      message: "frame rejected",
      callSid: CALL_SID,
      reason: "bad json",
      tookMs: 3,
    })
  })

  test("a field cannot take the place of time, level, component or message", () => {
    getLog("relay").info("real", { message: "forged", level: "error" })
    expect(last()).toMatchObject({ message: "real", level: "info", message_: "forged", level_: "error" })
  })

  test("text is one line, coloured only on a terminal", () => {
    capture({ format: "pretty" })
    getLog("server").info("listening", { port: 3000, url: "http://127.0.0.1:3000", note: "two words" })
    capture({ format: "auto", terminal: true })
    getLog("server").info("listening", { port: 3000 })
    expect(lines[0]).toMatch(
      /^\S+Z info {2}\[server\] listening port=3000 url=http:\/\/127.0.0.1:3000 note="two words"\n$/,
    )
    expect(lines[1]).toContain("\u001b[32minfo")
  })

  test("records under the level are not written, and a second set-up replaces the first", () => {
    const log = getLog("x")
    capture({ level: "warn" })
    log.info("quiet")
    log.error("loud")
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(["loud"])
  })

  test("braces in a message are no placeholders", () => {
    getLog("x").info("kept {as} {{is}}", { as: 1 })
    expect(last()).toMatchObject({ message: "kept {as} {{is}}" })
  })

  test.each([["json" as const], ["pretty" as const]])(
    "input of several lines cannot forge a line: %s",
    (format) => {
      capture({ format })
      const hostile = 'a\n{"level":"error"}\r\u001b[2Jx\u009b31m\u2028y\u202e'
      getLog("x").info(hostile, { hostile, [hostile]: 1 })
      expect(lines).toHaveLength(1)
      // oxlint-disable-next-line no-control-regex -- finding them is the purpose
      expect(lines[0]?.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
    },
  )

  test("odd values are written, not thrown on", () => {
    const circle: Record<string, unknown> = { n: 1n, when: new Date(0), bad: new Date(Number.NaN) }
    circle["self"] = circle
    getLog("x").info("odd", {
      circle,
      map: new Map([["a", 1]]),
      bytes: new Uint8Array(160),
      f: () => 1,
      none: null,
    })
    expect(last()).toMatchObject({
      circle: { n: "1", when: "1970-01-01T00:00:00.000Z", bad: "invalid date", self: "[circular]" },
      map: { a: 1 },
      bytes: "[160 bytes]",
      f: "[function]",
      none: null,
    })
  })

  test("a huge text and a deep object are cut", () => {
    let deep: Record<string, unknown> = {}
    for (let i = 0; i < 1000; i++) deep = { deep }
    getLog("x").info("huge", {
      text: "a".repeat(1_000_000),
      deep,
      list: Array.from({ length: 5000 }, () => 0),
    })
    expect(lines[0]?.length).toBeLessThan(6_000)
  })

  test("a rejected background promise becomes an error record", async () => {
    const { promise, reject } = Promise.withResolvers<void>()
    getLog("app").background("placing a call", promise)
    reject(new TypeError("no answer from +15550100001"))
    await promise.catch(() => {})
    expect(last()).toMatchObject({
      level: "error",
      message: "background work failed",
      label: "placing a call",
      error: { name: "TypeError", message: "no answer from +1555***0001" },
    })
  })
})

describe("redaction", () => {
  test("everything under pii is masked at any depth", () => {
    getLog("x").info("heard", { pii: { text: "my secret" }, call: { pii: "Anna" }, list: [{ pii: 1 }] })
    expect(last()).toMatchObject({
      pii: "[redacted]",
      call: { pii: "[redacted]" },
      list: [{ pii: "[redacted]" }],
    })
  })

  test.each([
    ["a number", "from +15550100001 to", "from +1555***0001 to"],
    ["a short number", "+493012345", "+493***45"],
    ["a number with separators", "call +1 (555) 010-0001 now", "call +1555***0001 now"],
    ["a number in an address", "/calls?To=%2B15550100001&x=1", "/calls?To=+1555***0001&x=1"],
    ["a number without its plus", "caller 15550100001", "caller 1555***0001"],
    ["a SIP address", "sip:+15550100001@example.com", "sip:[redacted]"],
    ["an OpenAI key", "key sk-proj-abc_DEF-123456 used", "key [redacted] used"],
    ["a bearer header", "Authorization: Bearer abc.def-ghi", "Authorization: [redacted]"],
    ["an auth token", `token ${AUTH_TOKEN}`, "token [redacted]"],
    ["an auth token after a line end", `x\n${AUTH_TOKEN}`, "x\n[redacted]"],
    ["a call SID stays", CALL_SID, CALL_SID],
    ["an account SID stays", `/Accounts/AC${AUTH_TOKEN}/Calls`, `/Accounts/AC${AUTH_TOKEN}/Calls`],
    ["a password in an address", "https://user:pa55word@host/x", "https://[redacted]@host/x"],
    ["a socket token", "wss://h/twilio/relay/AbCdEfGhIjKlMnOpQrStUvWxYz", "wss://h/twilio/relay/[redacted]"],
    ["a time stays", "at 2026-11-20T18:43:00.000Z", "at 2026-11-20T18:43:00.000Z"],
    ["a UUID stays", "0192f3a4-1111-7222-8333-123456789012", "0192f3a4-1111-7222-8333-123456789012"],
  ])("%s", (_, text, expected) => {
    getLog("x").info(text, { text })
    const { message, text: field } = last()
    if (_ !== "a SIP address") expect({ message, field }).toEqual({ message: expected, field: expected })
    else expect(String(field)).not.toContain("5550100001")
  })

  test("numbers in milliseconds and counts stay numbers", () => {
    getLog("x").info("times", { at: 1_795_200_000_000, list: [1_795_200_000_000] })
    expect(last()).toMatchObject({ at: 1_795_200_000_000, list: [1_795_200_000_000] })
  })

  test("a number as a key is masked too", () => {
    getLog("x").info("numbers", { numbers: { "+15550100001": "desk" } })
    expect(last()).toMatchObject({ numbers: { "+1555***0001": "desk" } })
  })

  test("given secrets never appear, whatever their shape", () => {
    capture({ secrets: ["hunter2.$^[long", "short"] })
    getLog("x").info("short words stay", { text: "the key is hunter2.$^[long!" })
    expect(last()).toMatchObject({ message: "short words stay", text: "the key is [redacted]!" })
  })

  test("errors are written as name and message with their causes, redacted", () => {
    const error = new RangeError("no route to +15550100001", { cause: new Error(`token ${AUTH_TOKEN}`) })
    getLog("x").error("failed", { error })
    expect(last()["error"]).toEqual({
      name: "RangeError",
      message: "no route to +1555***0001",
      cause: { name: "Error", message: "token [redacted]" },
    })
  })

  test("fields of the log carried along are redacted", () => {
    getLog("x").with({ from: "+15550100001" }).info("hello")
    expect(last()).toMatchObject({ from: "+1555***0001" })
  })
})

test.each([
  ["+15550100001", "+1555***0001"],
  ["15550100001", "1555***0001"],
  ["+493012345", "+493***45"],
])("a masked number hides at least three digits: %s", (number, masked) =>
  expect(maskNumber(number)).toBe(masked),
)
