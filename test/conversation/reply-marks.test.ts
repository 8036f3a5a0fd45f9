import { describe, expect, test } from "bun:test"
import type { ChatItem } from "../../src/llm/chat-model.ts"
import { ReplyMarks, type ReplyMark } from "../../src/conversation/reply-marks.ts"

const at = (offset: number, toolsBefore: number) => ({ replyId: "reply_1", offset, toolsBefore })
const opaque = (item: string): ChatItem => ({ type: "opaque", backEnd: "b", item })

function marked(): ReplyMarks {
  const marks = new ReplyMarks()
  marks.phase(at(0, 0), "commentary")
  marks.opaque(at(0, 0), opaque("first"))
  marks.opaque(at(12, 1), opaque("second"))
  return marks
}

const commentary = { phase: "commentary", offset: 0, toolsBefore: 0 }
const first = { item: opaque("first"), offset: 0, toolsBefore: 0 }
const second = { item: opaque("second"), offset: 12, toolsBefore: 1 }

test("marks stay in their order, at their places", () => {
  expect(marked().of("reply_1")).toEqual([commentary, first, second])
})

test("another reply has none", () => {
  expect(marked().of("reply_2")).toEqual([])
})

test.each<{ because: string; phases: (string | undefined)[]; added: ReplyMark[] }>([
  { because: "the same part is named once", phases: ["commentary"], added: [] },
  {
    because: "another part is named",
    phases: ["answer"],
    added: [{ phase: "answer", offset: 20, toolsBefore: 1 }],
  },
  {
    because: "a part without a name ends the one before",
    phases: [undefined],
    added: [{ phase: undefined, offset: 20, toolsBefore: 1 }],
  },
])("$because", ({ phases, added }) => {
  const marks = marked()
  for (const phase of phases) marks.phase(at(20, 1), phase)
  expect(marks.of("reply_1").slice(3)).toEqual(added)
})

describe("a retreat removes", () => {
  test.each([
    { because: "the opaque items of the place", place: at(12, 1), kept: [commentary, first] },
    { because: "nothing where words came since", place: at(13, 1), kept: [commentary, first, second] },
    { because: "nothing where a tool was called since", place: at(12, 2), kept: [commentary, first, second] },
  ])("$because", ({ place, kept }) => {
    const marks = marked()
    marks.retract(place)
    expect(marks.of("reply_1")).toEqual(kept)
  })
})

test("a complete reply keeps the names of its parts only", () => {
  const marks = marked()
  marks.completed("reply_1")
  expect(marks.of("reply_1")).toEqual([commentary])
})

test("a deleted reply has no marks", () => {
  const marks = marked()
  marks.delete("reply_1")
  expect(marks.of("reply_1")).toEqual([])
})
