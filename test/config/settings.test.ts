import { expect, test } from "bun:test"
import { settingsFrom, type Settings } from "../../src/config/settings.ts"
import { Environment } from "../../src/config/variables.ts"

function settings(env: Record<string, string>): Settings {
  return settingsFrom(Environment.parse(env))
}

test.each([
  { because: "no address stays none", env: {}, publicUrl: undefined, pathPrefix: "" },
  {
    because: "a prefix alone is the path of requests",
    env: { PATH_PREFIX: "/agent" },
    publicUrl: undefined,
    pathPrefix: "/agent",
  },
  {
    because: "the prefix is added to an address without a path",
    env: { PUBLIC_URL: "https://example.com", PATH_PREFIX: "/agent" },
    publicUrl: "https://example.com/agent",
    pathPrefix: "/agent",
  },
  {
    because: "an address with a path has its prefix already",
    env: { PUBLIC_URL: "https://example.com/agent", PATH_PREFIX: "/agent" },
    publicUrl: "https://example.com/agent",
    pathPrefix: "/agent",
  },
])("$because", ({ env, publicUrl, pathPrefix }) => {
  const made = settings(env)
  expect({ publicUrl: made.publicUrl, pathPrefix: made.pathPrefix }).toEqual({ publicUrl, pathPrefix })
})

test.each<{ because: string; env: Record<string, string>; apiKeys: Settings["apiKeys"] }>([
  { because: "there are none by default", env: {}, apiKeys: [] },
  {
    because: "a key may act for one user",
    env: { API_KEYS: "first-key,second-key:anna" },
    apiKeys: [
      { key: "first-key", userId: null },
      { key: "second-key", userId: "anna" },
    ],
  },
  {
    because: "the key of an earlier system acts for every user",
    env: { API_KEYS: "first-key:anna", OUTBOUND_API_KEY: "old-key" },
    apiKeys: [
      { key: "first-key", userId: "anna" },
      { key: "old-key", userId: null },
    ],
  },
])("API keys: $because", ({ env, apiKeys }) => expect(settings(env).apiKeys).toEqual(apiKeys))

test.each([
  { because: "as the earlier system did, by default", env: {}, dir: "./logs" },
  { because: "to the named folder", env: { TRANSCRIPT_LOG_DIR: "/var/calls" }, dir: "/var/calls" },
  { because: "as the earlier system did, where it is replaced", env: { COMPAT: "s4" }, dir: "./logs" },
  { because: "not where another system is replaced", env: { COMPAT: "s1" }, dir: undefined },
  {
    because: "unless they are switched off",
    env: { COMPAT: "s4", TRANSCRIPT_LOG_DIR: "off" },
    dir: undefined,
  },
])("transcript files: $because", ({ env, dir }) => expect(settings(env).transcriptLogDir).toBe(dir))
