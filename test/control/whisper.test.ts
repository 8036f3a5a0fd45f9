/** A called person who must press a key before the caller is connected. */

import { expect, test } from "bun:test"
import { AppUnderTest } from "../server/app-under-test.ts"
import { assetsWith } from "../server/assets-with.ts"
import { endedForm } from "../server/client.ts"
import { textsIn } from "../lib/texts-in.ts"

async function rung(transfer: Record<string, unknown> = { acceptKey: "1" }) {
  const stack = new AsyncDisposableStack()
  const assets = stack.use(
    assetsWith({ agents: { default: { transfer: { to: "+15550100088", ...transfer } } } }),
  )
  const app = stack.use(await AppUnderTest.start({ ASSETS_DIR: assets.dir }))
  const { callSid, actionPath } = await app.incoming()
  const HandoffData = JSON.stringify({ reasonCode: "live-agent-handoff", reason: "Asks about a bill." })
  const [dial] = await app.twiml(actionPath, endedForm(callSid, { HandoffData }))
  const whisperPath = app.pathOf(dial?.children[0]?.attributes["url"] ?? "")
  const action = app.pathOf(dial?.attributes["action"] ?? "")
  const whispered = await app.twiml(whisperPath, {})
  return { app, callSid, action, whispered, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const names = (verbs: { name: string }[]) => verbs.map(({ name }) => name)
const answerPath = ({ app }: { app: AppUnderTest }, verbs: { attributes: Record<string, string> }[]) =>
  app.pathOf(verbs[0]?.attributes["action"] ?? "")

test("the summary and the question are heard, and the key connects the two", async () => {
  await using t = await rung()
  expect(names(t.whispered)).toEqual(["Gather"])
  expect(textsIn(t.whispered)).toEqual(
    expect.arrayContaining([
      "A caller is transferred to you. Asks about a bill.",
      "Press 1 to take the call.",
    ]),
  )
  expect(await t.app.twiml(answerPath(t, t.whispered), { Digits: "1" })).toEqual([])
  const { events } = await t.app.json(`/v1/calls/${t.callSid}/events`)
  expect(events.map(({ type }: { type: string }) => type)).toContain("transfer.accepted")
})

test.each([
  ["no key", ""],
  ["another key", "2"],
])("with %s the person is asked once more, then hung up on, and the caller returns", async (_, Digits) => {
  await using t = await rung()
  const second = await t.app.twiml(answerPath(t, t.whispered), { Digits })
  expect(names(second)).toEqual(["Gather"])
  expect(names(await t.app.twiml(answerPath(t, second), { Digits }))).toEqual(["Hangup"])
  const ended = { ...endedForm(t.callSid), DialCallStatus: "completed", DialBridged: "false" }
  const [connect] = await t.app.twiml(t.action, ended)
  expect(connect?.children[0]?.name).toBe("ConversationRelay")
})

test("a key that comes when the caller is back with the agent connects nobody", async () => {
  await using t = await rung()
  await t.app.twiml(t.action, { ...endedForm(t.callSid), DialCallStatus: "no-answer" })
  expect(names(await t.app.twiml(answerPath(t, t.whispered), { Digits: "1" }))).toEqual(["Hangup"])
})

test("the answer is signed, and one for an unknown call is hung up on", async () => {
  await using t = await rung()
  const path = answerPath(t, t.whispered)
  expect((await t.app.webhook(path, { Digits: "1" }, { signature: null })).status).toBe(403)
  const stranger = `/twilio/whisper-answered?call=${crypto.randomUUID()}`
  expect(names(await t.app.twiml(stranger, { Digits: "1" }))).toEqual(["Hangup"])
})

test("without a key to press the person is connected after the summary", async () => {
  await using t = await rung({})
  expect(names(t.whispered)).toEqual(["Say"])
})

test("a key that is none is refused", async () => {
  const refused = rung({ acceptKey: "12" })
  expect(refused).rejects.toThrow("must be one key")
})
