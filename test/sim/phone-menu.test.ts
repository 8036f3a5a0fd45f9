import { expect, test } from "bun:test"
import { DEMO_PHONE_MENU, playPhoneMenu } from "../../src/sim/phone-menu.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { connected, relayHarness, type RelayHarness } from "../flows/relay-harness.ts"

const entries = (npi: string) => [
  { intent: "department", triggers: ["dental provider"], response: "dental provider" },
  { intent: "npi", triggers: ["NPI number"], response: npi },
  { intent: "person", triggers: ["representative"], response: "0" },
]

/** Plays the menu for a call that goes by these entries, until a person is reached or the call is over. */
async function played(it: RelayHarness, npi: string): Promise<SimulatedCall> {
  const { app, rest, clock } = it
  await app.post("/v1/calls", { to: "+15550100003", firstMessage: "", ivrMenu: entries(npi) })
  const call = await rest.calls.next()
  await connected(call)
  const times = { patienceMs: 8000, pauseMs: 3000, queueMs: 10_000 }
  const sleep = (ms: number) => clock.sweep.sleep(ms)
  const menu = playPhoneMenu(call, DEMO_PHONE_MENU, { ...times, sleep })
  const over = Promise.race([menu, call.ended]).then(
    () => true,
    () => true,
  )
  const passing = async () => {
    clock.advance(250)
    // Sockets and servers get their turn.
    await new Promise((resolve) => setImmediate(resolve))
    return false
  }
  while (!(await Promise.race([over, passing()])));
  return call
}

test("the right answers lead through all levels and the queue to a person", async () => {
  await using it = await relayHarness({ env: { MODEL_PROVIDER: "demo" } })
  const call = await played(it, "1234567890#")
  await it.app.events.next(({ event }) => event.type === "ivr.human-reached")
  const { turns } = await it.app.json(`/v1/calls/${call.callSid}/transcript?part=ivr`)
  expect(turns.map(({ text }: { text: string }) => text)).toEqual([
    DEMO_PHONE_MENU.levels[0]?.says,
    "dental provider",
    DEMO_PHONE_MENU.levels[1]?.says,
    "1234567890#",
    DEMO_PHONE_MENU.levels[2]?.says,
    "0",
    DEMO_PHONE_MENU.queue,
    DEMO_PHONE_MENU.person,
  ])
})

test("a wrong answer is asked for again, the menu starts over, and the caller gives up", async () => {
  await using it = await relayHarness({ env: { MODEL_PROVIDER: "demo" } })
  const call = await played(it, "99#")
  await it.app.status(call.callSid, "completed")
  expect(await it.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
    ivrState: "gave-up",
    endReason: "the phone menu started over too often",
  })
  expect(call.spoken.all.filter(({ text }) => text === "99#").length).toBeGreaterThan(5)
})
