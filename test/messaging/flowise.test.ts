/** Conversations whose answers come from a flow of Flowise. */

import { expect, test } from "bun:test"
import { createFlowiseModel } from "../../src/llm/flowise/flowise.ts"
import { FakeFlowise, FLOW_ID } from "../fakes/fake-flowise.ts"
import { settled } from "../fakes/scripted-model.ts"
import { rejection } from "../llm/fixture.ts"
import { MessengerFixture } from "./messenger-fixture.ts"

test("a flow is asked with the history that was heard and the parameters by name", async () => {
  await using flowise = new FakeFlowise()
  await using fixture = await MessengerFixture.open({
    model: createFlowiseModel({ baseUrl: flowise.baseUrl, flowId: FLOW_ID }),
  })
  flowise.enqueue({ tokens: ["Good", " day."] }, { tokens: ["A table", " for two."] })
  const { conversationId } = await fixture.send("Hello", { parameters: { firstname: "Ann" } })
  expect((await fixture.send("A table", { conversationId })).response).toBe("A table for two.")
  expect(flowise.requests[1]?.body).toMatchObject({
    question: "A table",
    history: [
      { role: "userMessage", content: "Hello" },
      { role: "apiMessage", content: "Good day." },
    ],
    overrideConfig: { vars: { firstname: "Ann", channel: "text messages" } },
  })
})

test("a marker runs its tool once, is not shown, and the flow that has spoken is not asked again", async () => {
  await using flowise = new FakeFlowise()
  await using fixture = await MessengerFixture.open({
    model: createFlowiseModel({ baseUrl: flowise.baseUrl, flowId: FLOW_ID }),
  })
  flowise.enqueue({ tokens: ["Goodbye. [", "[end-call: settled]", "]"] })
  const answer = await fixture.send("Bye")
  expect(answer).toMatchObject({ response: "Goodbye.", endedBy: "agent" })
  expect(flowise.requests.length).toBe(1)
  expect(await fixture.turns(answer.conversationId)).toEqual([
    "caller: Bye",
    "agent: Goodbye.",
    expect.stringMatching(/^tool end-call .*settled/),
  ])
})

test("a flow that never answers is given up in time, twice, and stopped each time", async () => {
  await using flowise = new FakeFlowise()
  await using fixture = await MessengerFixture.open({
    model: createFlowiseModel({ baseUrl: flowise.baseUrl, flowId: "unknown" }),
  })
  const sent = rejection(fixture.send("Hello"))
  for (let attempt = 1; attempt <= 2; attempt++) {
    await flowise.nextRequest()
    fixture.clock.advance(25_000)
    await flowise.stops(attempt)
    await settled()
  }
  expect(await sent).toMatchObject({
    code: "UPSTREAM_FAILED",
    message: "The model did not answer. Send the message again.",
  })
  expect(flowise.stopped).toEqual(flowise.requests.map(({ body }) => body.chatId))
})
