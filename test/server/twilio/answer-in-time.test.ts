import { expect, test } from "bun:test"
import { Hono } from "hono"
import { getLog } from "../../../src/lib/log.ts"
import { AppError } from "../../../src/lib/errors.ts"
import type { Env, ServerContext } from "../../../src/server/context.ts"
import { requestPath } from "../../../src/server/twilio/request-path.ts"
import { answerInTime } from "../../../src/server/twilio/answer-in-time.ts"
import { parseTwiml } from "../../../src/sim/twiml-reader.ts"
import { TestClock } from "../../lib/test-clock.ts"
import { PUBLIC_URL } from "../client.ts"

type Route = () => Promise<Response>

const never: Route = () => new Promise<Response>(() => {})
const fails: Route = () => Promise.reject(new AppError("UNAVAILABLE", "The database is locked."))

/** The verbs that Twilio gets in place of the answer of a route. */
async function ask(
  path: string,
  { route = never, form = {} }: { route?: Route; form?: Record<string, string> },
) {
  using clock = new TestClock()
  const context = {
    config: { times: { webhookAnswerMs: 20 } },
    control: { publicUrl: () => PUBLIC_URL, sweep: clock.sweep },
    pathOf: requestPath(PUBLIC_URL),
    log: getLog("server"),
  } as unknown as ServerContext
  const app = new Hono<Env>()
  app.onError((_, c) => c.text("failed", 500))
  app.use(answerInTime(context), async (c, next) => {
    c.set("form", form)
    await next()
  })
  app.post("*", route)
  const answer = await app.request(`${PUBLIC_URL}${path}`, { method: "POST" })
  expect(answer.status).toBe(200)
  return parseTwiml(await answer.text())
}

const names = (verbs: { name: string }[]) => verbs.map(({ name }) => name)

test.each([
  ["does not answer", never],
  ["fails", fails],
])("a call whose route %s is asked for again under another address", async (_, route) => {
  const verbs = await ask("/twilio/voice?call=7", { route })
  expect(names(verbs)).toEqual(["Pause", "Redirect"])
  expect(verbs.at(-1)?.text).toMatch(/\/twilio\/voice\?call=7&retry=1&n=[\w-]{12}#/)
})

test("a caller who was asked to wait three times hears a sentence", async () => {
  expect(names(await ask("/twilio/voice?retry=3", {}))).toEqual(["Say", "Hangup"])
})

test.each([
  ["connect-ended, after a lost socket", { SessionStatus: "failed" }, ["Pause", "Redirect"]],
  [
    "connect-ended, after a goodbye",
    { SessionStatus: "ended", HandoffData: '{"reasonCode":"end-call","reason":"bye"}' },
    ["Hangup"],
  ],
  ["transfer-ended, of a transfer that failed", { DialCallStatus: "busy" }, ["Pause", "Redirect"]],
  ["transfer-ended, of a transfer that is over", { DialCallStatus: "completed" }, ["Hangup"]],
])("%s", async (name, form, expected) => {
  const verbs = await ask(`/twilio/${name.split(",", 1)[0]}`, { route: fails, form })
  expect(names(verbs)).toEqual(expected)
  if (expected.includes("Redirect")) expect(verbs.at(-1)?.text).toContain("/twilio/reconnect?retry=1")
})

test("a called person is connected without a whisper", async () => {
  expect(await ask("/twilio/whisper?call=7", { route: fails })).toEqual([])
})

test("a refusal stays a refusal", async () => {
  const refused = ask("/twilio/voice", { route: () => Promise.reject(new AppError("FORBIDDEN", "over")) })
  expect(await refused.catch(() => "refused")).toBe("refused")
})
