/** The status machine: what a report changes and what it does not. */

import { expect, test } from "bun:test"
import { advance, CallStatus, isTerminal } from "../../src/call/status.ts"

test.each([
  ["a call rings after it was queued", "queued", "ringing", "ringing"],
  ["initiated exists only in callbacks", "queued", "initiated", "initiated"],
  ["steps may be left out", "queued", "in-progress", "in-progress"],
  ["a call that rings is answered", "ringing", "in-progress", "in-progress"],
  ["a repeat changes nothing", "ringing", "ringing", "ringing"],
  ["a late callback is ignored", "in-progress", "ringing", "in-progress"],
  ["a callback from before the answer is ignored", "ringing", "initiated", "ringing"],
  ["no answer", "ringing", "no-answer", "no-answer"],
  ["a call may fail at once", "queued", "failed", "failed"],
  ["the end is final", "completed", "in-progress", "completed"],
  ["the first end is the end", "canceled", "completed", "canceled"],
  ["a repeated end changes nothing", "completed", "completed", "completed"],
] as const)("%s", (_, current, incoming, expected) => expect(advance(current, incoming)).toBe(expected))

test("reports in any order end in the same status", () => {
  const reports = ["initiated", "ringing", "in-progress", "completed"] as const
  for (const first of reports) {
    for (const last of reports) {
      const seen = [first, ...reports.filter((report) => report !== first && report !== last), last]
      expect(seen.reduce<CallStatus>(advance, "queued")).toBe("completed")
    }
  }
})

test("five statuses are the end of a call", () => {
  expect(CallStatus.options.filter(isTerminal)).toEqual([
    "completed",
    "busy",
    "no-answer",
    "failed",
    "canceled",
  ])
})
