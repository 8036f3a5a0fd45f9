import { expect, test } from "bun:test"
import type { ChatItem } from "../../../src/llm/chat-model.ts"
import { questionOf } from "../../../src/llm/flowise/flowise-question.ts"
import { agent, chatRequest, note, user } from "../fixture.ts"

const asked = (...items: ChatItem[]) => questionOf(chatRequest({ items }))
const call = (callId: string, name = "send-dtmf"): ChatItem => ({
  type: "tool-call",
  callId,
  name,
  arguments: "{}",
})
const result = (callId: string, output: string): ChatItem => ({ type: "tool-result", callId, output })
const done = '{"success":true}'
const failed = '{"success":false,"message":"no"}'
const said = (content: string) => ({ role: "apiMessage", content })
const heard = (content: string) => ({ role: "userMessage", content })

test.each([
  ["one sentence", [user("Hello")], { question: "Hello", history: [] }],
  [
    "what was said before is history",
    [agent("Good morning."), user("Hello"), agent("How can I help?"), user("A table")],
    { question: "A table", history: [said("Good morning."), heard("Hello"), said("How can I help?")] },
  ],
  [
    "everything since the flow's last words is asked",
    [agent("Yes?"), note("The caller has paid."), user("One"), user("Two")],
    { question: "System: The caller has paid.\nOne\nTwo", history: [said("Yes?")] },
  ],
  [
    "a note alone",
    [agent("Yes?"), note("Say goodbye.")],
    { question: "System: Say goodbye.", history: [said("Yes?")] },
  ],
  [
    "tools of earlier answers are left out",
    [user("Press 1"), call("a"), result("a", done), agent("Done."), user("Thanks")],
    { question: "Thanks", history: [heard("Press 1"), said("Done.")] },
  ],
  [
    "an answer that was carried out and spoken",
    [user("Bye"), agent("Bye."), call("a"), result("a", done)],
    undefined,
  ],
  ["words after the marker", [user("Bye"), call("a"), result("a", done), agent("Bye.")], undefined],
  [
    "a marker without words",
    [user("Press 1"), call("a"), result("a", done)],
    { question: `Press 1\nSystem: send-dtmf returned ${done}`, history: [] },
  ],
  [
    "a marker that failed",
    [
      user("A person"),
      agent("One moment."),
      call("a"),
      result("a", done),
      call("b", "live-agent-handoff"),
      result("b", failed),
    ],
    {
      question: `System: live-agent-handoff returned ${failed}`,
      history: [heard("A person"), said("One moment.")],
    },
  ],
  [
    "opaque and empty items are nothing",
    [{ type: "opaque", backEnd: "openai", item: {} } as const, agent(" "), user("Hello")],
    { question: "Hello", history: [] },
  ],
  ["nothing at all", [], { question: "Please go on.", history: [] }],
  ["a flow that spoke last", [agent("Hello.")], { question: "Please go on.", history: [said("Hello.")] }],
] as const)("%s", (_, items, expected) => {
  expect(asked(...items)).toEqual(expected as ReturnType<typeof questionOf>)
})
