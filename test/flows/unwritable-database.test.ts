import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, unlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { says } from "../fakes/openai-script.ts"
import { answered, connected, linesOf, relayHarness, received } from "./relay-harness.ts"

const GREETING = "Hello there! How can I assist you today?"

/** A phone line whose database another program locks at will. */
async function lineWithDatabase() {
  const dir = mkdtempSync(join(tmpdir(), "parley-unwritable-"))
  const path = join(dir, "x.db")
  const line = await relayHarness({ env: { DATABASE_URL: `file:${path}` } })
  const other = new Database(path)
  return {
    ...line,
    path,
    lock: () => other.run("BEGIN IMMEDIATE"),
    unlock() {
      other.run("ROLLBACK")
      // The database is tried every 250 ms, and waiting rows within a second after that.
      line.clock.advance(2000)
    },
    async [Symbol.asyncDispose]() {
      other.close()
      await line[Symbol.asyncDispose]()
      rmSync(dir, { recursive: true })
    },
  }
}

test("a call that comes while the database is locked is answered, resumed and ended, and its record is complete", async () => {
  await using line = await lineWithDatabase()
  const { clock, openai, twilio, app } = line
  line.lock()
  const call = twilio.call()
  await connected(call)
  clock.advance(6000)
  expect(await call.agentTurn()).toBe(GREETING)
  expect(await app.json("/health")).toMatchObject({ status: "degraded", state: "DEGRADED" })
  expect(await app.counts()).toMatchObject({ callsInMemory: 1 })

  openai.enqueue(says("We open at nine."))
  call.say("When do you open?")
  await answered(call)
  clock.advance(3000)
  await call.agentTurn()
  call.dropSocket()
  await connected(call)
  await answered(call)
  clock.advance(4000)
  expect(await call.agentTurn()).toBe("Sorry, we were cut off. Please go on.")
  openai.enqueue({
    steps: [
      { say: ["Good", "bye."] },
      { call: "end-call", arguments: { conversationSummary: "Asked for hours." } },
    ],
  })
  call.say("Thank you, bye")
  await openai.nextRequest()
  const request = await openai.nextRequest()
  await answered(call)
  expect(linesOf(request.body)).toEqual([
    `assistant: ${GREETING}`,
    "user: When do you open?",
    "assistant: We open at nine.",
    "assistant: Sorry, we were cut off. Please go on.",
    "user: Thank you, bye",
  ])
  clock.advance(1000)
  await received(app, call)
  clock.advance(10_000)
  expect(await call.ended).toMatchObject({ status: "completed", sockets: 2 })

  line.unlock()
  expect(await app.json("/health")).toMatchObject({ status: "healthy", state: "UP" })
  expect(await app.counts()).toMatchObject({ callsInMemory: 0, waitingRows: 0 })
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
    status: "completed",
    endedBy: "agent",
    resumes: 1,
  })
  const { turns } = await app.json(`/v1/calls/${call.callSid}/transcript`)
  expect(turns.map(({ text }: { text: string }) => text)).toContain("We open at nine.")
  const { events } = await app.json(`/v1/calls/${call.callSid}/events`)
  expect(events.at(0)).toMatchObject({ type: "call.created" })
  expect(events.map(({ type }: { type: string }) => type)).toContain("call.ended")
})

test("while the file of the database is gone, calls continue and health says so", async () => {
  await using line = await lineWithDatabase()
  const { clock, openai, twilio, app, path } = line
  const call = twilio.call()
  await connected(call)
  await received(app, call)
  unlinkSync(path)
  clock.advance(6000)
  expect(await call.agentTurn()).toBe(GREETING)
  expect(await app.json("/health")).toMatchObject({
    status: "degraded",
    checks: { database: "file-deleted" },
  })
  openai.enqueue(says("We open at nine."))
  call.say("When do you open?")
  await answered(call)
  clock.advance(3000)
  expect(await call.agentTurn()).toBe("We open at nine.")
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ status: "in-progress", live: true })
})
