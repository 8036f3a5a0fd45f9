import { expect, test } from "bun:test"
import { readFlowiseEvents } from "../../../src/llm/flowise/flowise-events.ts"
import { rejection } from "../fixture.ts"

async function read(text: string, bytesAtOnce = Number.POSITIVE_INFINITY): Promise<unknown[]> {
  const bytes = new TextEncoder().encode(text)
  async function* body() {
    for (let at = 0; at < bytes.length; at += bytesAtOnce) yield bytes.slice(at, at + bytesAtOnce)
  }
  return Array.fromAsync(readFlowiseEvents(body()))
}

const hello = { event: "token", data: "Grüße 🙂" }
const line = `data:${JSON.stringify(hello)}`

test.each([
  ["as Flowise writes it", `message:\n${line}\n\n`, [hello]],
  ["with a space", `data: ${JSON.stringify(hello)}\n\n`, [hello]],
  ["with CRLF", `message:\r\n${line}\r\n\r\n`, [hello]],
  ["after heartbeats", `:heartbeat\n\n:heartbeat\n\n${line}\n\n`, [hello]],
  ["over two lines", `data:{"event":"token",\ndata:"data":"Grüße 🙂"}\n\n`, [hello]],
  ["two of them", `${line}\n\n${line}\n\n`, [hello, hello]],
  ["without its blank line it has not ended", line, []],
  ["an unknown field", `id: 5\nretry: 1\n${line}\n\n`, [hello]],
  ["without data", `data:{"event":"tts_end"}\n\n`, [{ event: "tts_end", data: undefined }]],
] as const)("an event %s", async (_, text, expected) => {
  expect(await read(text)).toEqual([...expected])
  expect(await read(text, 1)).toEqual([...expected])
})

test.each([
  ["no JSON", "data:oops\n\n"],
  ["no object", "data:7\n\n"],
  ["no name", `data:{"data":"x"}\n\n`],
  ["without end", `data:"${"x".repeat(9 * 1024 * 1024)}`],
])("an event that is %s is an error", async (_, text) => {
  expect(await rejection(read(text, 1 << 20))).toMatchObject({ name: "ChatModelError", retryable: true })
})
