import { describe, expect, test } from "bun:test"
import { adviceFor, networkCodeOf, type FailureFacts } from "../../src/lib/failure-advice.ts"

const SERVICE = { name: "OpenAI", key: "OPENAI_API_KEY", address: "OPENAI_BASE_URL", model: "OPENAI_MODEL" }

describe("the advice for", () => {
  test.each<{ because: string; facts: FailureFacts; cause: string; fix: string }>([
    {
      because: "a spent budget, whatever the status",
      facts: { status: 429, code: "insufficient_quota" },
      cause: "OpenAI has no budget left (insufficient_quota)",
      fix: "Add credit",
    },
    {
      because: "a refused key",
      facts: { status: 401 },
      cause: "OpenAI refused the key (401)",
      fix: "Check OPENAI_API_KEY.",
    },
    {
      because: "a refused key without a status",
      facts: { code: "invalid_api_key" },
      cause: "OpenAI refused the key (invalid_api_key)",
      fix: "Check OPENAI_API_KEY.",
    },
    {
      because: "an unknown address",
      facts: { status: 404 },
      cause: "OpenAI does not know the model or the address (404)",
      fix: "Check OPENAI_MODEL and OPENAI_BASE_URL.",
    },
    {
      because: "an unknown model",
      facts: { status: 400, code: "model_not_found" },
      cause: "OpenAI does not know the model or the address (400)",
      fix: "Check OPENAI_MODEL and OPENAI_BASE_URL.",
    },
    {
      because: "a missing permission",
      facts: { status: 403 },
      cause: "OpenAI does not allow this (403)",
      fix: "Check OPENAI_API_KEY. It may lack a permission.",
    },
    {
      because: "too many requests",
      facts: { status: 429, code: "rate_limit_exceeded" },
      cause: "OpenAI limits the rate of requests (429)",
      fix: "Wait, or raise the limit",
    },
    {
      because: "an error of the service",
      facts: { status: 503 },
      cause: "OpenAI has an error (503)",
      fix: "Wait, and look at the status page",
    },
    {
      because: "another refusal, with its code",
      facts: { status: 400, code: "invalid_schema" },
      cause: "OpenAI refused the request (400, invalid_schema)",
      fix: "Check the model settings",
    },
    {
      because: "a timeout",
      facts: { code: "timeout" },
      cause: "OpenAI did not respond in time",
      fix: "Check OPENAI_BASE_URL and the network",
    },
    {
      because: "an unknown host",
      facts: { code: "ENOTFOUND" },
      cause: "the host of OpenAI cannot be resolved (ENOTFOUND)",
      fix: "the DNS of this machine",
    },
    {
      because: "a closed port",
      facts: { code: "ConnectionRefused" },
      cause: "nothing accepts connections at the address of OpenAI (ConnectionRefused)",
      fix: "Check OPENAI_BASE_URL, and that the service runs.",
    },
    {
      because: "a port without TLS",
      facts: { code: "EPROTO" },
      cause: "OpenAI does not speak TLS at this port",
      fix: "http or https",
    },
    {
      because: "a certificate",
      facts: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      cause: "the certificate of OpenAI is not valid (DEPTH_ZERO_SELF_SIGNED_CERT)",
      fix: "Check OPENAI_BASE_URL.",
    },
    {
      because: "an unknown code",
      facts: { code: "EPIPE" },
      cause: "the request to OpenAI failed (EPIPE)",
      fix: "Check OPENAI_BASE_URL.",
    },
    {
      because: "a response that broke off",
      facts: {},
      cause: "OpenAI sent no complete response",
      fix: "See the event model.failed",
    },
  ])("$because", ({ facts, cause, fix }) => {
    expect(adviceFor(SERVICE, facts)).toEqual({ cause, fix: expect.stringContaining(fix) })
  })

  test.each([
    { because: "a refused key names the address", facts: { status: 401 }, fix: "Check FLOW_URL." },
    { because: "an unknown model too", facts: { status: 404 }, fix: "Check FLOW_URL." },
  ])("a service without a key: $because", ({ facts, fix }) => {
    expect(adviceFor({ name: "the flow", address: "FLOW_URL" }, facts).fix).toBe(fix)
  })

  test("a service without settings is general", () => {
    expect(adviceFor({ name: "the flow" }, { status: 401 }).fix).toBe("Check the settings of the service.")
  })
})

describe("the network code of an error", () => {
  const coded = (code: string, cause?: unknown) => Object.assign(new Error("failed", { cause }), { code })
  const nested = (depth: number): Error =>
    depth === 0 ? coded("ECONNREFUSED") : new Error("failed", { cause: nested(depth - 1) })
  test.each([
    { because: "is its own", error: coded("ENOTFOUND"), code: "ENOTFOUND" },
    { because: "or that of a cause", error: nested(4), code: "ECONNREFUSED" },
    { because: "but not of the sixth", error: nested(5), code: undefined },
    { because: "is a timeout by name", error: new DOMException("late", "TimeoutError"), code: "timeout" },
    { because: "is that of a certificate", error: coded("CERT_HAS_EXPIRED"), code: "CERT_HAS_EXPIRED" },
    { because: "is no code of a service", error: coded("rate_limit_exceeded"), code: undefined },
    { because: "is none for an error without a code", error: new Error("failed"), code: undefined },
    { because: "is none for a text", error: "ENOTFOUND", code: undefined },
  ])("$because", ({ error, code }) => expect(networkCodeOf(error)).toBe(code))
})
