import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync, unlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { says } from "../fakes/openai-script.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { prompt, setupFrame } from "../server/client.ts"
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

/** A server with an account on a database that another program locks; it can be stopped and started again. */
async function lockableServer() {
  const dir = mkdtempSync(join(tmpdir(), "parley-locked-"))
  const path = join(dir, "x.db")
  const twilio = new FakeTwilio()
  const start = () =>
    AppUnderTest.start({
      TWILIO_ACCOUNT_SID: twilio.accountSid,
      TWILIO_API_BASE_URL: twilio.baseUrl,
      DATABASE_URL: `file:${path}`,
    })
  await (await start())[Symbol.asyncDispose]()
  const other = new Database(path)
  return {
    twilio,
    start,
    lock: () => other.run("BEGIN IMMEDIATE"),
    unlock: () => other.run("ROLLBACK"),
    files: () => readdirSync(dir),
    async [Symbol.asyncDispose]() {
      other.close()
      await twilio[Symbol.asyncDispose]()
      rmSync(dir, { recursive: true })
    },
  }
}

test("a call is not placed while the database is locked, and its client is told when to try again", async () => {
  await using it = await lockableServer()
  await using app = await it.start()
  const place = () => app.post("/v1/calls", { to: "+15550100003", from: "+15550100002" })
  // What is asked of Twilio once is known from then on.
  expect((await place()).status).toBe(201)
  it.lock()
  const answers: Response[] = []
  const first = place().then((answer) => {
    answers.push(answer)
    return answer
  })
  let waitedMs = 0
  for (; answers.length === 0 && waitedMs < 10_000; waitedMs += 100) {
    app.clock.advance(100)
    await app.api("/health")
  }
  const refusal = await first
  expect([refusal.status, refusal.headers.get("retry-after")]).toEqual([503, "5"])
  expect(waitedMs).toBeLessThan(5_000)
  // A call that comes in shows that the database cannot be written; from then on no request waits.
  await app.incoming()
  expect((await place()).status).toBe(503)
  it.unlock()
  app.clock.advance(1_000)
  expect((await place()).status).toBe(201)
  expect(it.twilio.requests.filter(({ method }) => method === "POST")).toHaveLength(2)
})

test("what is in memory when the process ends is stored by the next one", async () => {
  await using it = await lockableServer()
  let sid: string
  {
    await using app = await it.start()
    it.lock()
    const { callSid, socketUrl } = await app.incoming()
    sid = callSid
    it.twilio.addCall({ sid: callSid, status: "completed" })
    const socket = app.socket(socketUrl)
    await socket.opened
    socket.send(setupFrame(callSid))
    socket.send(prompt("What are your opening hours?"))
    await socket.frames.next(({ last }) => last === true)
  }
  expect(it.files().filter((name) => name.includes(".unsaved-"))).toHaveLength(1)
  it.unlock()
  await using app = await it.start()
  await app.status(sid, "completed")
  const { turns } = await app.json(`/v1/calls/${sid}/transcript`)
  expect(turns.map(({ text }: { text: string }) => text)).toContain("What are your opening hours?")
  const { events } = await app.json(`/v1/calls/${sid}/events`)
  const types = events.map(({ type }: { type: string }) => type)
  expect(types.at(0)).toBe("call.created")
  for (const type of ["session.opened", "caller.spoke", "call.ended"])
    expect(types.filter((other: string) => other === type)).toHaveLength(1)
  expect(it.files().filter((name) => name.includes(".unsaved-"))).toEqual([])
})
