import { expect, test } from "bun:test"
import type { RealtimeItem } from "../../src/realtime/protocol/objects.ts"
import { ResponseOutput } from "../../src/realtime/response-output.ts"

const message: RealtimeItem = { type: "message", id: "item_1", role: "assistant", text: "Hi" }
const call = (status: string): RealtimeItem => ({
  type: "function-call",
  id: "item_2",
  callId: "call_1",
  name: "find",
  arguments: "{}",
  status,
})

test.each<[string, (output: ResponseOutput) => void, boolean, string[]]>([
  ["nothing", () => {}, false, []],
  ["text only", (output) => output.item("resp_1", message), false, ["item_1"]],
  ["a part of a call", (output) => output.item("resp_1", call("incomplete")), false, []],
  ["a call", (output) => output.item("resp_1", call("completed")), true, []],
  ["audio", (output) => output.audio("resp_1"), true, []],
  [
    "audio and its message",
    (output) => {
      output.audio("resp_1")
      output.item("resp_1", message)
    },
    true,
    [],
  ],
  [
    "audio of the response before",
    (output) => {
      output.audio("resp_0")
      output.item("resp_1", message)
    },
    false,
    ["item_1"],
  ],
])("%s", (_, happens, isPerceptible, unspoken) => {
  const output = new ResponseOutput()
  happens(output)
  expect([output.isPerceptible("resp_1"), output.unspokenMessages("resp_1")]).toEqual([
    isPerceptible,
    unspoken,
  ])
})
