/** The name that a misspelled one was meant to be. */

import { expect, test } from "bun:test"
import { closest } from "../../src/lib/closest.ts"

const KNOWN = ["agents", "numbers", "OPENAI_API_KEY", "OPENAI_MODEL"]

test.each([
  ["a letter too many", "nummbers", "numbers"],
  ["another case", "Agents", "agents"],
  ["two letters swapped", "nubmers", "numbers"],
  ["a part that is missing", "OPENAI_KEY", "OPENAI_API_KEY"],
  ["nothing alike", "Settings", undefined],
  ["too short to decide", "x", undefined],
] as const)("%s", (_, given, meant) => expect(closest(given, KNOWN)).toBe(meant))
