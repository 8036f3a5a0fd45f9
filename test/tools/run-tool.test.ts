/** A tool call has exactly one outcome, whatever the tool does. */

import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { newCallId } from "../../src/call/ids.ts"
import { defineTool, type AnyTool, type ToolContext, type ToolOutcome } from "../../src/tools/define-tool.ts"
import { outcomeText, runTool } from "../../src/tools/run-tool.ts"
import { notedLog } from "../relay/fixture.ts"
import { TestClock } from "../lib/test-clock.ts"

const CONTEXT: Omit<ToolContext, "signal"> = {
  callId: newCallId(),
  callSid: null,
  peer: "+15550100001",
  changeRefusal: () => undefined,
  sms: undefined,
}

function fixture(tool: Partial<AnyTool> & { name: string }) {
  const clock = new TestClock()
  const log = notedLog()
  const tools = new Map([[tool.name, { call: () => new Promise<never>(() => {}), ...tool }]])
  const run = (name: string, args = "{}") =>
    runTool({ name, arguments: args }, { tools, context: CONTEXT, timeoutMs: 1000, sweep: clock.sweep, log })
  return { clock, log, run, [Symbol.dispose]: () => clock[Symbol.dispose]() }
}

const add = defineTool({
  name: "add",
  parameters: z.object({ a: z.number(), b: z.object({ c: z.number() }).optional() }),
  run: ({ a }) => ({ ok: true, value: { message: "added", sum: a + 1 } }),
})

describe("arguments", () => {
  test.each<[string, string, ToolOutcome]>([
    ["are checked and given as what they are", '{"a":1}', { ok: true, value: { message: "added", sum: 2 } }],
    ["that are no JSON", "{a:1", invalid("The arguments are not valid JSON.")],
    ["that are missing", "", invalid("a: Invalid input: expected number, received undefined")],
    ["of a wrong type", '{"a":"1"}', invalid("a: Invalid input: expected number, received string")],
    [
      "that are wrong deep inside",
      '{"a":1,"b":{"c":"x"}}',
      invalid("b.c: Invalid input: expected number, received string"),
    ],
    ["that are no object", "[1]", invalid("Invalid input: expected object, received array")],
    ["that are null", "null", invalid("Invalid input: expected object, received null")],
  ])("%s", async (_, args, expected) => {
    using s = fixture(add)
    expect(await s.run("add", args)).toEqual(expected)
    expect(s.clock.sweep.size).toBe(0)
  })
})

test("an unknown name is reported with the names that are known", async () => {
  using s = fixture(add)
  expect(await s.run("subtract")).toEqual({
    ok: false,
    code: "UNKNOWN_TOOL",
    message: "There is no tool named subtract. Known tools: add.",
  })
})

test.each([
  ["rejects", () => Promise.reject(new Error("secret detail"))],
  [
    "throws at once",
    () => {
      throw new Error("secret detail")
    },
  ],
])("a tool that %s has failed, and its words stay in the log", async (_, call) => {
  using s = fixture({ name: "bad", call })
  const outcome = await s.run("bad")
  expect(outcome).toMatchObject({ ok: false, code: "TOOL_FAILED" })
  expect(outcomeText(outcome)).not.toContain("secret")
  expect(s.log.lines).toEqual(["error tool failed"])
  expect(s.clock.sweep.size).toBe(0)
})

test("a tool that overruns its time is asked to stop, and what it does later changes nothing", async () => {
  const late = Promise.withResolvers<never>()
  let signal: AbortSignal | undefined
  using s = fixture({
    name: "slow",
    call: (_, context) => {
      signal = context.signal
      return late.promise
    },
  })
  const running = s.run("slow")
  s.clock.advance(999)
  expect(signal?.aborted).toBe(false)
  s.clock.advance(1)
  expect(signal?.aborted).toBe(true)
  expect(await running).toMatchObject({ ok: false, code: "TIMED_OUT" })
  late.reject(new Error("too late"))
  expect(s.clock.sweep.size).toBe(0)
})

test("the model reads an outcome as JSON", () => {
  expect(outcomeText({ ok: true, value: { message: "done", n: 1 } })).toBe(
    '{"success":true,"message":"done","n":1}',
  )
  expect(outcomeText({ ok: false, code: "NO", message: "No." })).toBe(
    '{"success":false,"code":"NO","message":"No."}',
  )
})

function invalid(message: string): ToolOutcome {
  return { ok: false, code: "INVALID_ARGUMENTS", message }
}
