import { expect, test } from "bun:test"
import { Webhooks } from "../../src/sim/webhook-sender.ts"
import { TestClock } from "../lib/test-clock.ts"

/** A server that fails as often as `failures` says, and a sender for it. */
function fixture(failures: Response[]) {
  const tokens: (string | null)[] = []
  const server = Bun.serve({
    port: 0,
    fetch(request) {
      tokens.push(request.headers.get("i-twilio-idempotency-token"))
      return failures.shift() ?? new Response("<Response/>")
    },
  })
  const clock = new TestClock()
  const webhooks = new Webhooks({
    authToken: "token",
    publicUrl: "https://parley.test",
    connectTo: server.url.origin,
    sweep: clock.sweep,
  })
  return { webhooks, tokens, [Symbol.asyncDispose]: () => server.stop(true) }
}

test.each([
  ["without overrides a 503 is final", "", 1, 503],
  ["with a policy for 5xx it is tried again", "#rc=1&rp=5xx", 2, 503],
  ["as often as rc says", "#rc=5&rp=all", 3, 200],
])("%s", async (_, overrides, attempts, status) => {
  await using it = fixture([new Response("", { status: 503 }), new Response("", { status: 503 })])
  const answer = await it.webhooks.send({ url: `https://parley.test/twilio/voice${overrides}`, form: {} })
  expect(answer.status).toBe(status)
  expect(it.tokens).toHaveLength(attempts)
  expect(new Set(it.tokens).size).toBe(1)
})
