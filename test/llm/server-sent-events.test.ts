import { expect, test } from "bun:test"
import { readEventData } from "../../src/llm/server-sent-events.ts"
import { rejection } from "./fixture.ts"

async function* bytes(...pieces: string[]) {
  for (const piece of pieces) yield new TextEncoder().encode(piece)
}

async function dataOf(...pieces: string[]): Promise<string[]> {
  return Array.fromAsync(readEventData(bytes(...pieces)))
}

test.each([
  ["events", ["data: a\n\ndata: b\n\n"], ["a", "b"]],
  ["no blank after the colon", ["data:a\n\n"], ["a"]],
  ["line ends of Windows", ["data: a\r\n\r\ndata: b\r\n\r\n"], ["a", "b"]],
  ["lines of one event are joined", ["data: a\ndata: b\n\n"], ["a\nb"]],
  ["comments and other fields are ignored", [": ping\n\nevent: x\nid: 1\ndata: a\n\n"], ["a"]],
  ["pieces may be cut anywhere", ["da", "ta: a", "\n", "\ndata: ", "b\n\n"], ["a", "b"]],
  ["an event without its blank line is dropped", ["data: a\n\ndata: b\n"], ["a"]],
  ["an empty event", ["data:\n\n"], [""]],
])("%s", async (_, pieces, expected) => expect(await dataOf(...pieces)).toEqual(expected))

test("a character may be cut too", async () => {
  const encoded = new TextEncoder().encode("data: é\n\n")
  const cut = (async function* () {
    yield encoded.slice(0, 7)
    yield encoded.slice(7)
  })()
  expect(await Array.fromAsync(readEventData(cut))).toEqual(["é"])
})

test("an event beyond 8 Mi characters is refused", async () => {
  const piece = "x".repeat(1024 * 1024)
  const failure = await rejection(dataOf("data: ", ...Array.from({ length: 9 }, () => piece)))
  expect(failure).toMatchObject({ message: expect.stringContaining("too large"), retryable: true })
})
