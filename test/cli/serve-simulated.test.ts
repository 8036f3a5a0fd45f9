/** The server with a simulated account: numbers, outgoing and incoming calls without Twilio. */

import { expect, test } from "bun:test"
import { z } from "zod"
import type { RecordedEvent } from "../../src/call/events.ts"
import { startSimulated } from "../../src/cli/serve-simulated.ts"
import { readConfig } from "../../src/config/config.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"

const Call = z.looseObject({ callSid: z.string() })

async function simulated() {
  const events = new AwaitableLog<RecordedEvent>("the events of the calls")
  const env = { PORT: "0", DATABASE_URL: ":memory:", ASSETS_DIR: "/nonexistent", COMPAT: "off" }
  const onEvent = (event: RecordedEvent) => events.push(event)
  const server = await startSimulated(readConfig(env), { speed: 8, onEvent })
  const json = { "Content-Type": "application/json" }
  return {
    ...server,
    post: (url: string, body: object) =>
      fetch(url, { method: "POST", headers: json, body: JSON.stringify(body) }),
    /** What was said in the call, once it is over. */
    async transcript(callSid: string) {
      await events.next(
        (recorded) => recorded.callSid === callSid && recorded.event.type === "session.closed",
      )
      const response = await fetch(`${server.url}/v1/calls/${callSid}/transcript?format=text`)
      return response.text()
    },
  }
}

test("numbers are those of the simulated account", async () => {
  await using it = await simulated()
  const response = await fetch(`${it.url}/v1/numbers`)
  expect(await response.json()).toMatchObject({
    numbers: [{ phoneNumber: "+15550100002", agent: "default", pointsHere: false }],
  })
})

test("an incoming call whose body is not JSON is refused", async () => {
  await using it = await simulated()
  const refused = await fetch(`${it.callersUrl}/calls`, { method: "POST", body: '{"from": ' })
  expect(refused.status).toBe(400)
  expect(await refused.text()).toContain("the body must be JSON")
})

test("an outgoing call is answered by a simulated person", async () => {
  await using it = await simulated()
  const placed = await it.post(`${it.url}/v1/calls`, { to: "+12025550143" })
  expect(placed.status).toBe(201)
  const { callSid } = Call.parse(await placed.json())
  expect(await it.transcript(callSid)).toMatch(/Caller: What are your opening hours\?\s+Agent: We are open/)
}, 20_000)

test("a company answers with a phone menu, a queue, then a person", async () => {
  await using it = await simulated()
  const placed = await it.post(`${it.url}/v1/calls`, {
    to: "+12025550199",
    firstMessage: "",
    parameters: { npi: "1234567890" },
    ivrMenu: [
      { intent: "department", triggers: ["dental provider"], response: "dental provider" },
      { intent: "npi", triggers: ["NPI number"], response: "{npi}#" },
      { intent: "person", triggers: ["representative"], response: "0" },
    ],
  })
  expect(placed.status).toBe(201)
  const { callSid } = Call.parse(await placed.json())
  expect(await it.transcript(callSid)).toMatch(
    /^Caller: Hello, this is Maria, how can I help you\?\s+Agent: .*\s+Caller: What are your opening hours\?\s+Agent: We are open/,
  )
  const menu = await fetch(`${it.url}/v1/calls/${callSid}/transcript?part=ivr&format=text`)
  const lines = (await menu.text()).split("\n\n")
  expect(lines.filter((line) => line.startsWith("Agent"))).toEqual([
    "Agent: dental provider",
    "Agent: 1234567890#",
    "Agent: 0",
  ])
}, 20_000)

test("an incoming call says the given lines", async () => {
  await using it = await simulated()
  const started = await it.post(`${it.callersUrl}/calls`, { say: ["Tell me a joke"] })
  expect(started.status).toBe(201)
  const { callSid } = Call.parse(await started.json())
  expect(await it.transcript(callSid)).toContain("Caller: Tell me a joke")
}, 20_000)

test("an incoming call of another form is refused", async () => {
  await using it = await simulated()
  expect((await it.post(`${it.callersUrl}/calls`, { words: 1 })).status).toBe(400)
  expect((await it.post(`${it.callersUrl}/other`, {})).status).toBe(404)
})
