import { describe, expect, test } from "bun:test"
import type { AudioDelta } from "../../src/realtime/protocol/delta-fast-path.ts"
import { ResponseAudio } from "../../src/realtime/response-audio.ts"

type Cut = { itemId: string; epoch: number; heardMs: number; sentMs: number; whole: boolean }

function setUp({ muted = false, cuts = [] as Cut[] } = {}) {
  const spoken: string[] = []
  const sent: Record<string, unknown>[] = []
  const voice = {
    muted,
    speak: ({ itemId }: { itemId: string }) => void spoken.push(itemId),
    cut: () => cuts,
  }
  const connection = {
    epoch: 2,
    mutedIds: new Set<string>(),
    send: (text: string) => void sent.push(JSON.parse(text)),
    items: { textOf: () => "" },
  }
  return { audio: new ResponseAudio(voice), voice, connection, spoken, sent }
}

const delta = (itemId: string, responseId = "resp_1"): AudioDelta => ({
  type: "audio",
  responseId,
  itemId,
  contentIndex: 0,
  payload: "//8=",
})
const truncate = (itemId: string, ms: number) => ({
  type: "conversation.item.truncate",
  item_id: itemId,
  content_index: 0,
  audio_end_ms: ms,
})

describe("a piece of audio", () => {
  test("is played", () => {
    const { audio, connection, spoken, sent } = setUp()
    expect(audio.play(delta("item_1"), connection)).toBe(true)
    expect({ spoken, sent }).toEqual({ spoken: ["item_1"], sent: [] })
  })

  test.each([
    ["of a muted agent", { muted: true }, []],
    ["of an interrupted response", {}, ["resp_1"]],
  ])("%s is not played, and its item is truncated once", (_, options, mutedIds) => {
    const { audio, connection, spoken, sent } = setUp(options)
    for (const id of mutedIds) connection.mutedIds.add(id)
    const played = ["item_1", "item_1", "item_2"].map((itemId) => audio.play(delta(itemId), connection))
    expect({ played, spoken }).toEqual({ played: [false, false, false], spoken: [] })
    expect(sent).toEqual([truncate("item_1", 0), truncate("item_2", 0)])
  })
})

describe("a cut", () => {
  const heard = { itemId: "item_1", epoch: 2, heardMs: 300.7, sentMs: 900, whole: false }

  test.each<[string, Cut[], Record<string, unknown>[]]>([
    ["truncates an item to what was heard", [heard], [truncate("item_1", 300)]],
    ["leaves an item that was heard whole", [{ ...heard, whole: true }], []],
    ["leaves an item of an earlier connection", [{ ...heard, epoch: 1 }], []],
    ["of nothing sends nothing", [], []],
  ])("%s", (_, cuts, expected) => {
    const { audio, connection, sent } = setUp({ cuts })
    audio.cut(connection, "resp_1")
    expect(sent).toEqual(expected)
    expect(audio.play(delta("item_3"), connection)).toBe(false)
  })

  test("without a connection stops the audio and sends nothing", () => {
    const { audio, sent } = setUp({ cuts: [heard] })
    audio.cut(undefined, undefined)
    expect(sent).toEqual([])
  })

  test("without a response that runs leaves later responses alone", () => {
    const { audio, connection, spoken } = setUp({ cuts: [heard] })
    audio.cut(connection, undefined)
    audio.play(delta("item_2", "resp_2"), connection)
    expect(spoken).toEqual(["item_2"])
  })
})
