import { describe, expect, test } from "bun:test"
import { isExposed, servesLocalWithoutKey } from "../../src/config/exposure.ts"
import { readConfig } from "../../src/config/config.ts"

const SID = `AC${"0".repeat(32)}`
const TOKEN = "0123456789abcdef0123456789abcdef"
const API_KEY = { TWILIO_API_KEY: `SK${"0".repeat(32)}`, TWILIO_API_SECRET: "secret" }

describe("a server is reachable for others", () => {
  test.each([
    { because: "not without a public address and an account", env: {}, exposed: false },
    { because: "with a public address", env: { PUBLIC_URL: "https://agent.example.com" }, exposed: true },
    {
      because: "not at a name of this machine",
      env: { PUBLIC_URL: "http://localhost:3000" },
      exposed: false,
    },
    { because: "not at an address of this machine", env: { PUBLIC_URL: "http://127.1.2.3" }, exposed: false },
    { because: "not at its address of IPv6", env: { PUBLIC_URL: "http://[::1]:3000" }, exposed: false },
    {
      because: "at a name that only begins like one of this machine",
      env: { PUBLIC_URL: "https://localhost.example.com" },
      exposed: true,
    },
    {
      because: "with the token of an account",
      env: { TWILIO_ACCOUNT_SID: SID, TWILIO_AUTH_TOKEN: TOKEN },
      exposed: true,
    },
    { because: "with an API key of an account", env: { TWILIO_ACCOUNT_SID: SID, ...API_KEY }, exposed: true },
    { because: "not with the id of an account alone", env: { TWILIO_ACCOUNT_SID: SID }, exposed: false },
    { because: "not with a token alone", env: { TWILIO_AUTH_TOKEN: TOKEN }, exposed: false },
  ])("$because", ({ env, exposed }) => expect(isExposed(readConfig(env))).toBe(exposed))
})

describe("direct requests from this machine need no key", () => {
  const exposed = { PUBLIC_URL: "https://agent.example.com" }
  const withKey = { API_KEYS: "0123456789abcdef" }
  test.each([
    { because: "on a server for this machine", env: {}, served: true },
    { because: "but not where keys are set", env: withKey, served: false },
    { because: "but not where others reach the server", env: exposed, served: false },
    {
      because: "where that is asked for, whatever else is set",
      env: { ...exposed, ...withKey, LOCAL_API: "open" },
      served: true,
    },
  ])("$because", ({ env, served }) => expect(servesLocalWithoutKey(readConfig(env))).toBe(served))
})
