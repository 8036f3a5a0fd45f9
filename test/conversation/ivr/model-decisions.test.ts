/** What text models decide in phone menus: the questions, and which answers count. */

import { expect, test } from "bun:test"
import { detectHumanByModel, detectHumanByWords } from "../../../src/conversation/ivr/human-detection.ts"
import { chooseByModel, choiceOf } from "../../../src/conversation/ivr/menu-choice.ts"
import type { TokenUsage } from "../../../src/llm/chat-model.ts"
import { ScriptedModel } from "../../fakes/scripted-model.ts"

function question() {
  const model = new ScriptedModel()
  const usage: TokenUsage[] = []
  return {
    model,
    usage,
    question: {
      model,
      safetyId: "id",
      conversationId: "c1",
      onUsage: (used: TokenUsage) => usage.push(used),
    },
  }
}

test.each([
  ["Yes", true],
  ["yes", true],
  ["Yes.", true],
  ["No", false],
  ["Yes, probably a person", false],
  ["I cannot tell whether this was a person or a recording", false],
  ["", false],
])("the answer %p", async (answer, isHuman) => {
  const s = question()
  const before = [{ speaker: "them" as const, text: "Please hold." }]
  const detected = detectHumanByModel(s.question)(
    { sentence: "Maria speaking", before },
    AbortSignal.timeout(5000),
  )
  const request = await s.model.next()
  expect(request.request.items).toEqual([
    expect.objectContaining({
      role: "user",
      text: expect.stringContaining("Other side: Please hold.\n\nThe last sentence: Maria speaking"),
    }),
  ])
  expect(request.request).toMatchObject({ tools: [], toolChoice: "none", safetyId: "id" })
  // The stream of a longer answer is closed before its end.
  await Promise.race([request.end(answer), detected])
  expect(await detected).toBe(isHuman)
})

test("the task of the call belongs to the question of what to choose", async () => {
  const s = question()
  const choose = chooseByModel({ question: s.question, task: () => "Ask about claims." })
  const chosen = choose({ sentence: "For claims, press 2.", before: [] }, AbortSignal.timeout(5000))
  const request = await s.model.next()
  expect(JSON.stringify(request.request.items)).toContain("Ask about claims.")
  await request.end("Press 2.")
  expect(await chosen).toEqual({ kind: "press", text: "2" })
})

test.each([
  ["press 12", { kind: "press", text: "12" }],
  ['say "claims"', { kind: "say", text: "claims" }],
  ["wait", { kind: "wait" }],
  ["press 12345678", { kind: "wait" }],
  ["press two", { kind: "wait" }],
  [`say ${"a".repeat(200)}`, { kind: "wait" }],
  ["say claims\npress 2", { kind: "wait" }],
  ["I would press 2", { kind: "wait" }],
])("%p as a choice", (answer, choice) => expect(choiceOf(answer)).toEqual(choice as never))

test.each([
  ["Hello, Acme, how can I help you?", true],
  ["This is Maria.", true],
  ["Maria speaking", true],
  ["Please hold for the next agent.", false],
  ["Hello and welcome. Press 1 for claims.", false],
])("without a model: %p", async (sentence, isHuman) => {
  expect(await detectHumanByWords({ sentence, before: [] }, AbortSignal.timeout(5000))).toBe(isHuman)
})
