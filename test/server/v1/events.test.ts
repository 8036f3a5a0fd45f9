import { expect, test } from "bun:test"
import { AppUnderTest } from "../app-under-test.ts"

/** The blocks of a stream of events, one after the other. */
async function* blocksOf(answer: Response): AsyncGenerator<string> {
  if (!answer.body) throw new Error(`no stream: ${answer.status}`)
  let text = ""
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield text.slice(0, end)
      text = text.slice(end + 2)
    }
  }
}

async function open(app: AppUnderTest, query = "", headers: Record<string, string> = {}) {
  const leaving = new AbortController()
  const answer = await app.api(`/v1/events${query}`, { headers, signal: leaving.signal })
  const blocks = blocksOf(answer)
  return { answer, leave: () => leaving.abort(), next: async () => (await blocks.next()).value ?? "the end" }
}

test("events of all calls come as they happen, with ids after which a stream resumes", async () => {
  await using app = await AppUnderTest.start()
  const stream = await open(app)
  expect(stream.answer.headers.get("content-type")).toBe("text/event-stream")
  expect(await stream.next()).toContain(": connected")
  const { callSid } = await app.incoming()
  app.clock.advance(50)
  const [idLine = "", eventLine, dataLine = ""] = (await stream.next()).split("\n")
  expect(eventLine).toBe("event: call.created")
  expect(JSON.parse(dataLine.slice(6))).toMatchObject({ type: "call.created", callSid })
  const other = await app.incoming()
  const again = await open(app, "", { "Last-Event-ID": idLine.slice(4) })
  await again.next()
  expect(await again.next()).toContain("event: call.status-changed")
  expect(await again.next()).toContain(other.callSid)
  const one = await open(app, `?callSid=${other.callSid}&after=0`)
  await one.next()
  expect(await one.next()).toContain(other.callSid)
})

test("silence is broken by a ping, and the stream ends when the server stops", async () => {
  await using app = await AppUnderTest.start()
  const stream = await open(app)
  await stream.next()
  app.clock.advance(15_000)
  expect(await stream.next()).toBe(": ping")
  const drained = app.app.drain()
  expect(await stream.next()).toBe("the end")
  expect((await app.api("/v1/events")).status).toBe(503)
  app.clock.advance(60_000)
  await drained
})

test("a bound key sees only the events of its user, and uses its slots", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: "key-of-alice-000:alice", OBSERVERS_PER_USER: "1" })
  const headers = { Authorization: "Bearer key-of-alice-000" }
  const { callSid } = await app.incoming()
  const stream = await open(app, "?after=0", headers)
  await stream.next()
  app.clock.advance(15_000)
  expect(await stream.next()).toBe(": ping")
  expect((await app.api(`/v1/events?callSid=${callSid}`, { headers })).status).toBe(404)
  const refused = await app.api("/v1/events", { headers })
  expect({ status: refused.status, retryAfter: refused.headers.get("retry-after") }).toEqual({
    status: 429,
    retryAfter: "10",
  })
})

test.each([
  ["?after=x", 400],
  ["?callSid=none", 400],
  [`?callSid=CA${"f".repeat(32)}`, 404],
])("%s is refused with %d", async (query, status) => {
  await using app = await AppUnderTest.start()
  expect((await app.api(`/v1/events${query}`)).status).toBe(status)
})
