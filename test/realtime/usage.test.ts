import { expect, test } from "bun:test"
import type { Usage } from "../../src/call/usage.ts"
import type { TokenCount } from "../../src/realtime/protocol/objects.ts"
import type { RealtimeEvent } from "../../src/realtime/protocol/server-events.ts"
import { RealtimeUsage } from "../../src/realtime/usage.ts"

const TOKENS: TokenCount = {
  inputTokens: 20,
  inputTextTokens: 12,
  inputAudioTokens: 8,
  cachedTokens: 4,
  cachedAudioTokens: 3,
  outputTokens: 10,
  outputTextTokens: 3,
  outputAudioTokens: 7,
}

function responseDone(status: string, usage: TokenCount | null): RealtimeEvent {
  return { type: "response-done", response: { id: "resp_1", status, error: null, metadata: {}, usage } }
}

function transcript(usage: { tokens: number; seconds: number } | null): RealtimeEvent {
  return { type: "caller-transcript", itemId: "item_1", text: "Hi", languages: [], usage }
}

function setUp() {
  const kept: Usage[] = []
  const usage = new RealtimeUsage({
    model: "gpt-realtime-2.1",
    transcriber: "gpt-transcribe",
    keepUsage: (total) => kept.push(total),
  })
  return { usage, kept }
}

test("tokens of every response that reports usage are added up, whatever its status", () => {
  const { usage, kept } = setUp()
  for (const status of ["completed", "cancelled", "failed"]) {
    usage.apply(responseDone(status, status === "failed" ? null : TOKENS))
  }
  expect(kept).toHaveLength(2)
  expect(kept.at(-1)).toEqual({
    kind: "realtime",
    model: "gpt-realtime-2.1",
    amounts: {
      responses: 2,
      inputTokens: 40,
      inputTextTokens: 24,
      inputAudioTokens: 16,
      cachedTokens: 8,
      cachedAudioTokens: 6,
      outputTokens: 20,
      outputTextTokens: 6,
      outputAudioTokens: 14,
    },
    cost: null,
  })
})

test("transcription is passed on with the next response or at the end, and amounts of zero are left out", () => {
  const { usage, kept } = setUp()
  usage.apply(transcript({ tokens: 5, seconds: 0 }))
  usage.apply(transcript(null))
  expect(kept).toEqual([])
  usage.apply(responseDone("completed", TOKENS))
  usage.apply(transcript({ tokens: 0, seconds: 1.5 }))
  usage.flush()
  expect(kept.filter(({ kind }) => kind === "transcription")).toEqual([
    { kind: "transcription", model: "gpt-transcribe", amounts: { tokens: 5 }, cost: null },
    { kind: "transcription", model: "gpt-transcribe", amounts: { tokens: 5, seconds: 1.5 }, cost: null },
  ])
})

test("cached tokens that are all text are reported as such: without a share of audio they would be priced as audio", () => {
  const { usage, kept } = setUp()
  usage.apply(responseDone("completed", { ...TOKENS, cachedAudioTokens: 0 }))
  expect(kept.at(-1)?.amounts).toMatchObject({ cachedTokens: 4, cachedAudioTokens: 0 })
})

test("totals that have not changed are not passed on again", () => {
  const { usage, kept } = setUp()
  usage.flush()
  usage.apply(responseDone("failed", null))
  usage.apply(responseDone("completed", TOKENS))
  usage.flush()
  expect(kept).toHaveLength(1)
})
