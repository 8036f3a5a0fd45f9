import { describe, expect, test } from "bun:test"
import { requiredTogether, warningsFor, type Values } from "../../src/config/checks.ts"
import { settingsFrom } from "../../src/config/settings.ts"
import { Environment } from "../../src/config/variables.ts"

const SID = `AC${"0".repeat(32)}`

describe("variables that are required together", () => {
  const cases: { values: Values; missing: string[] }[] = [
    { values: {}, missing: [] },
    { values: { TWILIO_API_KEY: "SK1" }, missing: ["TWILIO_API_SECRET", "TWILIO_ACCOUNT_SID"] },
    { values: { TWILIO_API_SECRET: "s" }, missing: ["TWILIO_API_KEY"] },
    { values: { TWILIO_API_KEY: "SK1", TWILIO_API_SECRET: "s", TWILIO_ACCOUNT_SID: SID }, missing: [] },
    { values: { TWILIO_EDGE: "dublin" }, missing: ["TWILIO_REGION"] },
    { values: { TWILIO_REGION: "ie1" }, missing: ["TWILIO_EDGE"] },
    { values: { MODEL_PROVIDER: "openai" }, missing: ["OPENAI_API_KEY"] },
    { values: { MODEL_PROVIDER: "openai", OPENAI_API_KEY: "k" }, missing: [] },
    { values: { MODEL_PROVIDER: "auto" }, missing: [] },
    { values: { MODEL_PROVIDER: "flowise" }, missing: ["FLOWISE_BASE_URL"] },
    { values: { MODEL_PROVIDER: "openai-compatible" }, missing: ["OPENAI_BASE_URL"] },
    {
      values: { AI_PROVIDER: "azure" },
      missing: ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_DEPLOYMENT_NAME"],
    },
    { values: { AI_PROVIDER: "openai" }, missing: [] },
  ]
  const titled = cases.map((entry) => ({ ...entry, given: Object.keys(entry.values).join(" and ") }))
  test.each(titled)("$given lacks $missing", ({ values, missing }) => {
    expect(requiredTogether(values).map(({ name }) => name)).toEqual(missing)
  })

  test("a fault names the variable that was set under another name", () => {
    expect(requiredTogether({ TWILIO_API_SECRET: "s" }, { TWILIO_API_SECRET: "API_SECRET" })).toEqual([
      {
        name: "TWILIO_API_KEY",
        message: "must be set too: TWILIO_API_SECRET needs it (API_SECRET is read as TWILIO_API_SECRET)",
      },
    ])
  })

  test("a fault says what needs the variable", () => {
    expect(requiredTogether({ TWILIO_EDGE: "dublin" })).toEqual([
      { name: "TWILIO_REGION", message: "must be set too: Twilio accepts edge and region only together" },
    ])
  })
})

describe("a warning", () => {
  test.each([
    { because: "is not due for an empty environment", env: {}, warnings: [] },
    {
      because: "is due for an address without encryption",
      env: { PUBLIC_URL: "http://agent.example.com" },
      warnings: ["PUBLIC_URL begins with http"],
    },
    { because: "is not due on this machine", env: { PUBLIC_URL: "http://localhost:3000" }, warnings: [] },
    {
      because: "is due for a host that only begins like this machine",
      env: { PUBLIC_URL: "http://localhost.example.com" },
      warnings: ["PUBLIC_URL begins with http"],
    },
    {
      because: "names the path of a webhook",
      env: { PUBLIC_URL: "https://agent.example.com/twilio/voice" },
      warnings: ["PUBLIC_URL ends with the path of a webhook, /twilio/voice"],
    },
    {
      because: "names the path of a webhook of an earlier system",
      env: { PUBLIC_URL: "https://agent.example.com/incoming-call" },
      warnings: ["PUBLIC_URL ends with the path of a webhook, /incoming-call"],
    },
    {
      because: "is not due for another path",
      env: { PUBLIC_URL: "https://example.com/agent" },
      warnings: [],
    },
    {
      because: "is due where signatures cannot be checked",
      env: { TWILIO_ACCOUNT_SID: SID },
      warnings: ["TWILIO_AUTH_TOKEN is not set"],
    },
    {
      because: "is due where signatures are not checked",
      env: { TWILIO_VALIDATE_WEBHOOKS: "false" },
      warnings: ["TWILIO_VALIDATE_WEBHOOKS=false"],
    },
    {
      because: "is due for a key of 15 characters",
      env: { API_KEYS: "123456789012345" },
      warnings: ["API_KEYS holds a key of fewer than 16 characters"],
    },
    { because: "is not due for a key of 16", env: { API_KEYS: "1234567890123456" }, warnings: [] },
  ])("$because", ({ env, warnings }) => {
    const found = warningsFor(settingsFrom(Environment.parse(env)))
    expect(found).toEqual(warnings.map((text) => expect.stringContaining(text)))
  })
})
