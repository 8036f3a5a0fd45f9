/** Whole calls with a transcriber, a text model and a synthesizer. */

import { expect, test } from "bun:test"
import { says } from "../fakes/openai-script.ts"
import { greeted, GREETING, pipelineHarness, spokenMs } from "./pipeline-harness.ts"
import { eventOf, frame, sent, transcriptOf } from "./realtime-harness.ts"
import { linesOf, received } from "./relay-harness.ts"

test("greeting, an answer, a tool, the goodbye: one socket, and the transcript of what was heard", async () => {
  await using harness = await pipelineHarness()
  const { clock, openai } = harness
  const { call, caller } = await greeted(harness)

  openai.enqueue(says("We open at nine."))
  caller.start("when do")
  caller.end("When do you open?")
  const first = await openai.nextRequest()
  await sent(call, spokenMs("We open at nine."))
  expect(linesOf(first.body)).toEqual([`assistant: ${GREETING}`, "user: When do you open?"])
  clock.advance(spokenMs("We open at nine.") + 100)
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({ text: "We open at nine." })

  openai.enqueue({
    steps: [
      { say: ["Good", "bye."] },
      { call: "end-call", arguments: { conversationSummary: "Asked for hours." } },
    ],
  })
  caller.start("thank")
  caller.end("Thank you, bye")
  await sent(call, spokenMs("Goodbye."))
  await clock.pass(20_000)
  const summary = await call.ended
  expect(summary).toMatchObject({ status: "completed", problems: [] })
  expect(await transcriptOf(harness, call)).toEqual([
    `agent: ${GREETING}`,
    "caller: When do you open?",
    "agent: We open at nine.",
    "caller: Thank you, bye",
    "agent: Goodbye.",
  ])
})

test("an interruption clears the stream and cuts transcript and history at what was heard", async () => {
  await using harness = await pipelineHarness()
  const { app, clock, openai } = harness
  const { call, caller } = await greeted(harness)
  const story = "Once upon a time there was a king. He had three sons. They lived in a castle."
  openai.enqueue(says(story))
  caller.end("Tell me a story.")
  await openai.nextRequest()
  await sent(call, spokenMs(story))
  clock.advance(spokenMs("Once upon a time there was a king. "))
  await received(app, call)
  clock.advance(spokenMs("He had thr"))

  caller.start()
  caller.update("ok")
  caller.update("stop it please")
  await frame(call, "clear")
  expect((await eventOf(harness, "agent.spoke")).event).toMatchObject({
    text: "Once upon a time there was a king. He had",
    interrupted: true,
  })
  openai.enqueue(says("Fine."))
  caller.end("Stop it, please.")
  const next = await openai.nextRequest()
  expect(linesOf(next.body)).toEqual([
    `assistant: ${GREETING}`,
    "user: Tell me a story.",
    "assistant: Once upon a time there was a king. He had",
    "user: Stop it, please.",
  ])
  call.hangup()
  await call.ended
})
