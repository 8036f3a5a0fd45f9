/** Why a session opens, and with which versions of its texts. */

import { expect, test } from "bun:test"
import type { TransferState } from "../../src/call/transfer-state.ts"
import { sessionStartOf } from "../../src/control/session-start.ts"
import type { ControlContext } from "../../src/control/context.ts"
import { recordAssetVersions } from "../../src/control/record-asset-versions.ts"
import { openStore } from "../../src/store/open-store.ts"
import { TestClock } from "../lib/test-clock.ts"
import { sampleAgent } from "../relay/fixture.ts"
import { sampleCall, sampleTurn } from "../store/fixture.ts"

const failed: TransferState = { state: "failed", summary: "Wants a person.", reason: "busy" }
const started: TransferState = {
  state: "started",
  target: { kind: "number", to: "+15550100001" },
  summary: "Wants a person.",
}

test.each<[string, { spoken: boolean; states: (TransferState | "session")[] }, string]>([
  ["no session before", { spoken: false, states: [] }, "new"],
  ["a socket that failed before a word was said", { spoken: false, states: ["session"] }, "new"],
  ["the conversation was cut off", { spoken: true, states: ["session"] }, "resumed"],
  ["the transfer continues", { spoken: true, states: ["session", started] }, "resumed"],
  [
    "the transfer was not answered",
    { spoken: true, states: ["session", started, failed] },
    "transfer-failed",
  ],
  ["cut off after that", { spoken: true, states: ["session", failed, "session"] }, "resumed"],
])("%s", async (_, { spoken, states }, expected) => {
  await using store = await openStore({ url: ":memory:" })
  const { id } = await store.calls.create(sampleCall())
  const turns = spoken ? [sampleTurn(id)] : []
  await store.writer.write({ turns, events: [] }, 0)
  for (const state of states) {
    if (state === "session") await store.calls.openSession(id, "VX1")
    else await store.calls.setTransfer(id, state)
  }
  expect(await sessionStartOf(store, id)).toMatchObject({ kind: expected, ...(spoken ? { turns } : {}) })
})

test("the texts of a session can be read later by their versions", async () => {
  await using store = await openStore({ url: ":memory:" })
  using clock = new TestClock()
  const { id } = await store.calls.create(sampleCall())
  const context = { store, sweep: clock.sweep } as unknown as ControlContext
  for (let session = 0; session < 2; session++) await recordAssetVersions(context, id, sampleAgent())
  expect(await store.calls.byId(id)).toMatchObject({
    contextKey: "default",
    contextVersion: "c1",
    manifestKey: "default",
    manifestVersion: "m1",
  })
})
