/** Why a session opens, and with which versions of its texts. */

import { expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { sessionStartOf } from "../../src/control/session-start.ts"
import type { ControlContext } from "../../src/control/context.ts"
import { recordAssetVersions } from "../../src/control/record-asset-versions.ts"
import { openStore } from "../../src/store/store.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleAgent } from "../relay/samples.ts"
import { sampleCall, sampleTurn } from "../store/samples.ts"

const opened: CallEvent = { type: "session.opened", engine: "relay", sessionId: "VX1", resume: 0 }
const failed: CallEvent = { type: "transfer.failed", reason: "busy" }

test.each<[string, CallEvent[], boolean, string]>([
  ["nobody was here before", [], false, "new"],
  ["a socket that failed before a word was said", [opened], false, "new"],
  ["the conversation was cut off", [opened], true, "resumed"],
  ["nobody took the call", [opened, failed], true, "transfer-failed"],
  ["cut off after that", [opened, failed, opened], true, "resumed"],
])("%s", (_, events, spoken, expected) => {
  using store = openStore({ url: ":memory:" })
  const { id, sid } = store.calls.create(sampleCall())
  const turns = spoken ? [sampleTurn(id)] : []
  const rows = events.map((event) => ({ callId: id, callSid: sid, at: 1, event }))
  store.writer.write({ turns, events: rows }, 0)
  expect(sessionStartOf(store, id)).toMatchObject({ kind: expected, ...(spoken ? { turns } : {}) })
})

test("the texts of a session can be read later by their versions", () => {
  using store = openStore({ url: ":memory:" })
  using clock = new TestClock()
  const { id } = store.calls.create(sampleCall())
  const context = { store, sweep: clock.sweep } as unknown as ControlContext
  for (let session = 0; session < 2; session++) recordAssetVersions(context, id, sampleAgent())
  expect(store.calls.byId(id)).toMatchObject({
    contextKey: "default",
    contextVersion: "c1",
    manifestKey: "default",
    manifestVersion: "m1",
  })
})
