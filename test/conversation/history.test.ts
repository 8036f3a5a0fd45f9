/** What a model reads of a conversation, also of one that was resumed. */

import { describe, expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import type { Turn } from "../../src/call/turn.ts"
import { History } from "../../src/conversation/history.ts"
import { itemLines } from "./conversation-fixture.ts"

function kept() {
  const turns = new Map<string, Turn>()
  const history = new History({
    callId: newCallId(),
    keep: (turn) => turns.set(turn.id, structuredClone(turn)),
  })
  return { history, turns: () => [...turns.values()], lines: () => itemLines(history.items()) }
}

describe("one turn of the agent", () => {
  test("without a word leaves no trace", () => {
    const { history, turns, lines } = kept()
    const turn = history.agent()
    history.phase(turn, "commentary")
    history.opaque(turn, { type: "opaque", backEnd: "b", item: 1 })
    history.settle(turn, { text: "", interrupted: true, at: 5 })
    expect({ turns: turns(), lines: lines(), empty: history.isEmpty }).toEqual({
      turns: [],
      lines: [],
      empty: true,
    })
  })

  test("is cut in the middle of its phases and calls", () => {
    const { history, lines } = kept()
    const turn = history.agent()
    history.phase(turn, "commentary")
    history.say(turn, "Let me look.", 1)
    const tool = history.toolCalled(turn, { callId: "c", name: "find", arguments: "{}" }, 2)
    history.toolFinished(tool, { output: "yes", ok: true, at: 3, tookMs: 1 })
    history.phase(turn, "final_answer")
    history.say(turn, "Let me look. Here it is.", 4)
    history.settle(turn, { text: "Let me", interrupted: true, at: 5 })
    expect(lines()).toEqual(["assistant(commentary): Let me", "call c: find {}", "result c: yes"])
  })

  test("a call stands before the words that came after it, also when those were said long after", () => {
    const { history, lines } = kept()
    history.caller("Find it", { kind: "speech", at: 0 })
    const turn = history.agent()
    const tool = history.toolCalled(turn, { callId: "c", name: "find", arguments: "{}" }, 2)
    history.note("A fact.", { speaker: "system", at: 3 })
    history.toolFinished(tool, { output: "yes", ok: true, at: 3, tookMs: 1 })
    history.say(turn, "Here it is.", 4)
    expect(lines()).toEqual([
      "user: Find it",
      "system: A fact.",
      "call c: find {}",
      "result c: yes",
      "assistant: Here it is.",
    ])
  })

  test("the result of a call is the first one", () => {
    const { history, turns } = kept()
    const tool = history.toolCalled(history.agent(), { callId: "c", name: "find", arguments: "{}" }, 2)
    history.toolFinished(tool, { output: "yes", ok: true, at: 12, tookMs: 10 })
    history.toolFinished(tool, { output: "no", ok: false, at: 30, tookMs: 1 })
    expect(turns()[0]).toMatchObject({ endedAt: 12, tool: { output: "yes", ok: true, tookMs: 10 } })
  })

  test("two calls with the same id keep a result each", () => {
    const { history, lines } = kept()
    for (const at of [1, 2]) {
      const tool = history.toolCalled(history.agent(), { callId: "c", name: "find", arguments: "{}" }, at)
      history.toolFinished(tool, { output: `${at}`, ok: true, at, tookMs: 1 })
    }
    expect(lines()).toEqual(["call c: find {}", "result c: 1", "call c: find {}", "result c: 2"])
  })
})

describe("resumed from its turns", () => {
  function broken() {
    const { history, turns, lines } = kept()
    history.caller("Find it", { kind: "speech", lang: "en-US", at: 0 })
    history.caller("12#", { kind: "keypad", at: 1 })
    const turn = history.agent()
    history.say(turn, "Let me look.", 2)
    const done = history.toolCalled(turn, { callId: "a", name: "find", arguments: "{}" }, 3)
    history.toolFinished(done, { output: "yes", ok: true, at: 4, tookMs: 1 })
    history.toolCalled(turn, { callId: "b", name: "find", arguments: "{}" }, 5)
    return { turns: turns(), lines: lines() }
  }

  test("it reads the same, and a call that was lost has exactly one result, kept too", () => {
    const before = broken()
    const written: Turn[] = []
    const again = new History({
      callId: newCallId(),
      turns: before.turns,
      keep: (turn) => written.push(structuredClone(turn)),
    })
    const lines = itemLines(again.items())
    expect(lines.slice(0, -1)).toEqual(before.lines.slice(0, -1))
    expect(lines.at(-1)).toContain("LOST")
    expect(written).toMatchObject([{ kind: "tool", tool: { callId: "b", ok: false } }])
  })

  test("what is said next comes after it, and the given turns are left alone", () => {
    const before = broken()
    const copy = structuredClone(before.turns)
    const again = new History({ callId: newCallId(), turns: before.turns, keep: () => {} })
    expect(again.isEmpty).toBe(false)
    expect(again.caller("Hello?", { kind: "speech", at: 9 }).seq).toBe(5)
    expect(before.turns).toEqual(copy)
  })
})

test("a request shows the latest 400 turns, and a call whose words were left out keeps its result", () => {
  const { history, lines } = kept()
  const turn = history.agent()
  history.say(turn, "Old words", 0)
  const tool = history.toolCalled(turn, { callId: "c", name: "find", arguments: "{}" }, 1)
  history.toolFinished(tool, { output: "yes", ok: true, at: 2, tookMs: 1 })
  for (let n = 0; n < 399; n++) history.caller(`word ${n}`, { kind: "speech", at: n })
  expect(lines().slice(0, 3)).toEqual(["call c: find {}", "result c: yes", "user: word 0"])
  for (let n = 0; n < 2000; n++) history.caller(`more ${n}`, { kind: "speech", at: n })
  expect(lines()).toHaveLength(400)
  expect(lines().at(-1)).toBe("user: more 1999")
})
