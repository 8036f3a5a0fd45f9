/** Failures of models and tools in the log: one line with cause and fix, and nothing of what a provider wrote. */

import { describe, expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { CallSid } from "../../src/call/ids.ts"
import { readConfig } from "../../src/config/config.ts"
import { failureLog } from "../../src/control/failure-log.ts"
import type { Log } from "../../src/lib/log.ts"
import { textsIn } from "../lib/texts-in.ts"

const callSid = CallSid.parse(`CA${"1".repeat(32)}`)

function logged(event: CallEvent, env: Record<string, string> = {}) {
  const lines: [string, string, unknown][] = []
  const at = (level: string) => (message: string, fields?: unknown) =>
    void lines.push([level, message, fields])
  const log: Log = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: () => log,
    background: () => {},
  }
  failureLog(readConfig(env), log)({ callSid, event })
  return lines
}

const failed = (facts: Partial<Extract<CallEvent, { type: "model.failed" }>>): CallEvent => ({
  type: "model.failed",
  message: "Incorrect API key provided: sk-secret",
  retried: false,
  model: "openai:gpt-6-luna",
  ...facts,
})

test("a refused key is one warning that names the variable and quotes nothing", () => {
  const event = failed({ status: 401, code: "invalid_api_key", requestId: "req_1" })
  expect(logged(event)).toEqual([
    [
      "warn",
      "model failed",
      {
        callSid,
        cause: "OpenAI refused the key (401)",
        fix: "Check OPENAI_API_KEY.",
        model: "openai:gpt-6-luna",
        code: "invalid_api_key",
        requestId: "req_1",
      },
    ],
  ])
})

test("a failure that is asked again is no warning yet", () => {
  expect(logged(failed({ code: "timeout", retried: true })).map(([level]) => level)).toEqual(["info"])
})

describe("cause and fix of a model's failure", () => {
  test.each([
    [
      "no budget",
      { status: 429, code: "insufficient_quota" },
      "OpenAI has no budget left (insufficient_quota)",
    ],
    ["too many requests", { status: 429 }, "OpenAI limits the rate of requests (429)"],
    [
      "an unknown model",
      { status: 404, code: "model_not_found" },
      "OpenAI does not know the model or the address (404)",
    ],
    ["a wrong request", { status: 400, code: "bad" }, "OpenAI refused the request (400, bad)"],
    ["an error of the server", { status: 503 }, "OpenAI has an error (503)"],
    ["a timeout", { code: "timeout" }, "OpenAI did not respond in time"],
    ["no such host", { code: "ENOTFOUND" }, "the host of OpenAI cannot be resolved (ENOTFOUND)"],
    [
      "no listener",
      { code: "ECONNREFUSED" },
      "nothing accepts connections at the address of OpenAI (ECONNREFUSED)",
    ],
    [
      "a certificate",
      { code: "CERT_HAS_EXPIRED" },
      "the certificate of OpenAI is not valid (CERT_HAS_EXPIRED)",
    ],
    ["nothing known", {}, "OpenAI sent no complete response"],
  ] as const)("%s", (_, facts, cause) => expect(logged(failed(facts))[0]?.[2]).toMatchObject({ cause }))

  test.each([
    [
      "of a compatible server",
      failed({ status: 401, model: "openai-compatible:x" }),
      {},
      "Check OPENAI_BASE_URL.",
    ],
    ["of Flowise", failed({ status: 401, model: "flowise:f" }), {}, "Check FLOWISE_API_KEY."],
    [
      "of the speech model at Azure",
      { type: "model.failed", message: "", retried: false, status: 401 },
      {
        AI_PROVIDER: "azure",
        AZURE_OPENAI_API_KEY: "k",
        AZURE_OPENAI_ENDPOINT: "https://a.example",
        AZURE_OPENAI_DEPLOYMENT_NAME: "d",
      },
      "Check AZURE_OPENAI_API_KEY.",
    ],
  ] as const)("the settings %s are named", (_, event, env, fix) =>
    expect(logged(event, env)[0]?.[2]).toMatchObject({ fix }),
  )
})

test.each([
  ["SERVICE_REFUSED", 401, "the service of crm refused the request (401)"],
  ["SERVICE_FAILED", undefined, "the service of crm cannot be reached or is too slow"],
  ["TIMED_OUT", undefined, "crm took too long"],
  ["NOT_CONFIGURED", undefined, "crm lacks a setting"],
] as const)("a tool that fails with %s %s is a warning without its answer", (code, status, cause) => {
  const event = { type: "tool.finished", toolCallId: "t", name: "crm", ok: false, tookMs: 1 } as const
  const [line] = logged({ ...event, message: "Anna's secret", code, ...(status && { status }) })
  expect(line?.slice(0, 2)).toEqual(["warn", "tool failed"])
  expect(line?.[2]).toMatchObject({ tool: "crm", cause, code })
  expect(textsIn(line)).not.toContainEqual(expect.stringContaining("Anna"))
})

test("a tool that succeeds is not logged", () => {
  expect(logged({ type: "tool.finished", toolCallId: "t", name: "crm", ok: true, tookMs: 1 })).toEqual([])
})
