/** What every `ChatModel` promises, whatever is behind it. */

import { describe, expect, test } from "bun:test"
import { ChatModelError, type ChatModel, type ChatRequest } from "../../src/llm/chat-model.ts"
import type { Gate } from "../fakes/gate.ts"
import { collect, spoken } from "../llm/fixture.ts"

/** One model with an end that does what the test wants. A method arranges an answer and gives the request for it. */
export type Subject = AsyncDisposable & {
  model: ChatModel
  /** Three words at least. */
  words(): ChatRequest
  /** A call of `send-dtmf` with 123. */
  tool(): ChatRequest
  /** Words after a history with notes, a tool call with its result, and opaque items of another back end. */
  history(): ChatRequest
  /** A conversation whose model is asked not to use its tools although the caller wants one. */
  noTools(): ChatRequest
  wire?: {
    /** Two words, then the connection breaks. */
    broken(): ChatRequest
    refused(): ChatRequest
    /** How the last connection ended. */
    closed(): Promise<"finished" | "aborted">
    requests(): number
  }
}

/** `gate`, if given, is passed by each word of an answer. `withoutWire` says why there is no connection to test. */
export function chatModelContract(
  name: string,
  open: (gate?: Gate) => Subject,
  newGate: () => Gate,
  withoutWire?: string,
) {
  const wired = test.skipIf(withoutWire !== undefined)
  const why = withoutWire === undefined ? "" : ` (skipped: ${withoutWire})`
  const never = new AbortController().signal

  describe(`chat model: ${name}`, () => {
    test("it has a name", async () => {
      await using subject = open()
      expect(subject.model.name).toMatch(/^[a-z-]+(:\S+)?$/)
    })

    test("an answer comes in pieces and ends once", async () => {
      await using subject = open()
      const parts = await collect(subject.model.reply(subject.words(), never))
      const texts = parts.filter(({ type }) => type === "text")
      expect(texts.length).toBeGreaterThan(2)
      expect(parts.slice(texts.length)).toEqual([expect.objectContaining({ type: "end", reason: "stop" })])
      expect(spoken(parts)).toMatch(/^\S.*\S$/s)
    })

    test("words are passed on as they come", async () => {
      const gate = newGate()
      await using subject = open(gate)
      const parts = subject.model.reply(subject.words(), never)[Symbol.asyncIterator]()
      gate.open()
      expect(await parts.next()).toMatchObject({ done: false, value: { type: "text" } })
      gate.openForever()
      await collect({ [Symbol.asyncIterator]: () => parts })
    })

    test("a tool call comes whole, with an id, and is the reason of the end", async () => {
      await using subject = open()
      const parts = await collect(subject.model.reply(subject.tool(), never))
      const [call, end] = parts.slice(-2)
      expect(call).toEqual({
        type: "tool-call",
        callId: expect.stringMatching(/^.+$/),
        name: "send-dtmf",
        arguments: JSON.stringify({ dtmfDigit: "123" }),
      })
      expect(end).toMatchObject({ type: "end", reason: "tool-calls" })
    })

    test("a history of all kinds of items is understood", async () => {
      await using subject = open()
      const parts = await collect(subject.model.reply(subject.history(), never))
      expect(spoken(parts)).not.toBe("")
      expect(parts.at(-1)).toMatchObject({ type: "end", reason: "stop" })
    })

    test("asked not to use tools it answers in words", async () => {
      await using subject = open()
      const parts = await collect(subject.model.reply(subject.noTools(), never))
      expect(parts.map(({ type }) => type)).not.toContain("tool-call")
      expect(spoken(parts)).not.toBe("")
    })

    test("answers at the same time do not mix", async () => {
      await using subject = open()
      const [one, two] = [subject.words(), subject.words()]
      const alone = await collect(subject.model.reply(subject.words(), never))
      const both = await Promise.all([
        collect(subject.model.reply(one, never)),
        collect(subject.model.reply(two, never)),
      ])
      expect(both.map(spoken)).toEqual([spoken(alone), spoken(alone)])
    })

    test("with an aborted signal nothing is said or asked", async () => {
      await using subject = open()
      expect(await collect(subject.model.reply(subject.words(), AbortSignal.abort()))).toEqual([])
      expect(subject.wire?.requests() ?? 0).toBe(0)
    })

    test("an abort in the middle ends the answer without an error", async () => {
      const gate = newGate()
      await using subject = open(gate)
      const controller = new AbortController()
      const parts = subject.model.reply(subject.words(), controller.signal)[Symbol.asyncIterator]()
      gate.open()
      await parts.next()
      const next = parts.next()
      await gate.reached()
      controller.abort()
      expect(await next).toEqual({ done: true, value: undefined })
    })

    test("the same model answers again after an abort", async () => {
      const gate = newGate()
      await using subject = open(gate)
      const controller = new AbortController()
      const first = collect(subject.model.reply(subject.words(), controller.signal))
      await gate.reached()
      controller.abort()
      await first
      gate.openForever()
      const parts = await collect(subject.model.reply(subject.words(), never))
      expect(parts.at(-1)).toMatchObject({ type: "end", reason: "stop" })
    })

    wired(`an abort closes the connection at once${why}`, async () => {
      const gate = newGate()
      await using subject = open(gate)
      const controller = new AbortController()
      const parts = collect(subject.model.reply(subject.words(), controller.signal))
      await gate.reached()
      controller.abort()
      expect(await subject.wire?.closed()).toBe("aborted")
      expect(spoken(await parts)).toBe("")
    })

    wired(`who stops listening closes the connection${why}`, async () => {
      const gate = newGate()
      await using subject = open(gate)
      gate.open()
      for await (const part of subject.model.reply(subject.words(), never)) {
        expect(part.type).toBe("text")
        break
      }
      expect(await subject.wire?.closed()).toBe("aborted")
    })

    wired(`a connection that breaks is an error that may be tried again${why}`, async () => {
      await using subject = open()
      const error = await failureOf(subject.model, subject.wire?.broken())
      expect(error).toMatchObject({ name: "ChatModelError", retryable: true })
    })

    wired(`a refused request is an error with its status${why}`, async () => {
      await using subject = open()
      const error = await failureOf(subject.model, subject.wire?.refused())
      expect(error).toMatchObject({ name: "ChatModelError", retryable: false, status: 401 })
    })
  })
}

async function failureOf(model: ChatModel, request: ChatRequest | undefined): Promise<unknown> {
  if (!request) throw new Error("no wire")
  try {
    await collect(model.reply(request, new AbortController().signal))
  } catch (error) {
    expect(error).toBeInstanceOf(ChatModelError)
    return error
  }
  throw new Error("did not fail")
}
