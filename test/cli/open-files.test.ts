import { expect, test } from "bun:test"
import { withinOpenFiles } from "../../src/cli/open-files.ts"
import { readConfig } from "../../src/config/config.ts"

test.each([
  ["a high limit leaves the setting", 65_536, 2_000],
  ["three files for each call, 128 for the rest", 1_024, 298],
  ["one call at least", 64, 1],
  ["no limit", Number.POSITIVE_INFINITY, 2_000],
])("%s", (_, openFiles, expected) => {
  expect(withinOpenFiles(readConfig({}), openFiles).limits.maxConcurrentCalls).toBe(expected)
})
