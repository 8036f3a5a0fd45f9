/** What a caller may expect of a call, whatever its engine: one list that every engine has to pass. */

import { describe, expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import type { AppUnderTest } from "../server/app-under-test.ts"
import type { TestClock } from "../lib/test-clock.ts"

/** A call with one engine: the test plays the caller and writes the answers of the model. */
export interface EngineCall extends AsyncDisposable {
  readonly app: AppUnderTest
  readonly clock: TestClock
  readonly call: SimulatedCall
  /** After so long a caller who says nothing is reminded, where the threshold is five seconds: when the agent's end is known. */
  readonly remindedAfterMs: number
  /** The agent has greeted, and the greeting was heard. */
  greeted(): Promise<void>
  /** The caller says `text`; the model answers, and all of the answer has been sent. */
  exchange(text: string, answer: string): Promise<void>
  /** The caller says `text`; the model calls a tool and answers its result with `answer`, which has been sent. */
  tool(
    text: string,
    tool: { name: string; arguments: Record<string, unknown> },
    answer: string,
  ): Promise<void>
  /** The caller says `text`; the model says `farewell` and ends the call. */
  farewell(text: string, farewell: string): Promise<void>
  /** Words that the program makes have been sent. */
  sent(text: string): Promise<void>
  /** What was sent has been heard. */
  heard(text: string): Promise<void>
  /** After `part` of `answer` was heard the caller says `text`, which the model answers with `next`. */
  interrupt(parts: { answer: string; part: string; text: string; next: string }): Promise<void>
  /** The model answers the digits that come next. */
  answersDigits(digits: string, answer: string): Promise<void>
  /** What the model was shown last, as `role: words`. */
  shown(): Promise<string[]>
  /** The next session of the call is open. */
  reopened(): Promise<void>
}

export type OpenEngineCall = (options?: {
  agent?: Record<string, unknown>
  env?: Record<string, string>
  dialStatus?: "no-answer"
}) => Promise<EngineCall>

export const GREETING = "Good day, this is Parley."
const RESUMED = "Sorry, we were cut off. Please go on."

async function transcriptOf({ app, call }: EngineCall): Promise<string[]> {
  const { turns } = await app.json(`/v1/calls/${call.callSid}/transcript`)
  return turns.map(({ speaker, text }: { speaker: string; text: string }) => `${speaker}: ${text}`)
}

async function eventOf<T extends CallEvent["type"]>({ app }: EngineCall, type: T) {
  const { event } = await app.events.next(({ event }) => event.type === type)
  return event as Extract<CallEvent, { type: T }>
}

export function describeEngine(engine: string, open: OpenEngineCall): void {
  describe(`the engine ${engine}`, () => {
    test("greets, answers, runs a tool, says goodbye and hangs up after it was heard", async () => {
      await using it = await open()
      await it.greeted()
      await it.exchange("When do you open?", "We open at nine.")
      await it.heard("We open at nine.")
      await it.tool("Press one two", { name: "send-dtmf", arguments: { dtmfDigit: "12" } }, "Done.")
      await it.heard("Done.")
      await it.farewell("Thank you, bye", "Goodbye.")
      expect(it.call.status).toBe("in-progress")
      await it.heard("Goodbye.")
      await it.clock.pass(20_000)
      expect(await it.call.ended).toMatchObject({ status: "completed", problems: [] })
      expect(await transcriptOf(it)).toEqual([
        `agent: ${GREETING}`,
        "caller: When do you open?",
        "agent: We open at nine.",
        "caller: Press one two",
        "agent: Done.",
        "caller: Thank you, bye",
        "agent: Goodbye.",
      ])
      expect(await it.app.json(`/v1/calls/${it.call.callSid}`)).toMatchObject({ endedBy: "agent", engine })
    })

    test("an interruption cuts the transcript to whole words that were heard, and the model is shown no more", async () => {
      await using it = await open()
      await it.greeted()
      const answer = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
      await it.interrupt({
        answer,
        part: "One two three four five six ",
        text: "Stop it please",
        next: "Fine.",
      })
      await it.heard("Fine.")
      const lines = await transcriptOf(it)
      const cut = lines[2]?.replace("agent: ", "") ?? ""
      expect(answer.split(" ").slice(0, cut.split(" ").length).join(" ")).toBe(cut)
      expect(Math.abs(cut.split(" ").length - 6)).toBeLessThanOrEqual(1)
      expect(lines.slice(3)).toEqual(["caller: Stop it please", "agent: Fine."])
      it.call.hangup()
      await it.call.ended
    })

    test("digits are one turn and are answered", async () => {
      await using it = await open()
      await it.greeted()
      it.call.press("42#")
      await it.answersDigits("42#", "Thank you.")
      await it.heard("Thank you.")
      expect((await transcriptOf(it)).slice(1)).toEqual(["caller: 42#", "agent: Thank you."])
      it.call.hangup()
      await it.call.ended
    })

    test("a silent caller is reminded, and the call ends", async () => {
      await using it = await open({
        agent: {
          silenceDetection: { enabled: true, secondsThreshold: 5, messages: ["Still there?"] },
        },
      })
      await it.greeted()
      await it.clock.pass(it.remindedAfterMs)
      await it.sent("Still there?")
      await it.heard("Still there?")
      await it.clock.pass(30_000)
      await it.call.ended
      expect(await it.app.json(`/v1/calls/${it.call.callSid}`)).toMatchObject({ endedBy: "silence" })
    })

    test("a program mutes the agent in mid-call, and says a line when it may speak again", async () => {
      await using it = await open()
      await it.greeted()
      const path = `/v1/calls/${it.call.callSid}`
      const change = (body: object) =>
        it.app.json(`${path}/agent`, {
          method: "PATCH",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
        })
      expect(await change({ listenMode: true })).toMatchObject({ listenMode: true })
      await it.app.post(`${path}/say`, { text: "Nobody hears this." })
      expect(await change({ listenMode: false })).toMatchObject({ listenMode: false })
      await it.app.post(`${path}/say`, { text: "Your taxi is here." })
      await it.sent("Your taxi is here.")
      await it.heard("Your taxi is here.")
      expect((await transcriptOf(it)).slice(1)).toEqual(["agent: Your taxi is here."])
      it.call.hangup()
      await it.call.ended
    })

    test("a transfer dials after the last words, and the agent is back when nobody answers", async () => {
      await using it = await open({ env: { TRANSFER_TO: "+15550100009" }, dialStatus: "no-answer" })
      await it.greeted()
      const path = `/v1/calls/${it.call.callSid}`
      await it.app.post(`${path}/transfer`, {
        summary: "Wants a person.",
        say: "One second.",
      })
      await it.sent("One second.")
      const late = [
        it.app.post(`${path}/say`, { text: "Too late." }),
        it.app.post(`${path}/messages`, { text: "Too late.", respond: true }),
        it.app.post(`${path}/transfer`, { summary: "Another.", to: "+15550100009" }),
      ]
      expect((await Promise.all(late)).map(({ status }) => status)).toEqual([409, 409, 409])
      await it.clock.pass(10_000)
      await eventOf(it, "transfer.started")
      await it.reopened()
      expect(it.call.verbs.all.map(({ name }) => name).filter((name) => name === "Dial")).toEqual(["Dial"])
      it.call.hangup()
      await it.call.ended
    })

    test("a socket that is lost resumes on a new one, and the model knows what was said", async () => {
      await using it = await open()
      await it.greeted()
      await it.exchange("My name is Ada", "Nice to meet you.")
      await it.heard("Nice to meet you.")
      it.call.dropSocket()
      await it.reopened()
      await it.sent(RESUMED)
      await it.heard(RESUMED)
      await it.exchange("What is my name?", "Ada.")
      expect((await it.shown()).slice(0, 3)).toEqual([
        `assistant: ${GREETING}`,
        "user: My name is Ada",
        "assistant: Nice to meet you.",
      ])
      it.call.hangup()
      await it.call.ended
      await it.clock.pass(10_000)
      expect(await it.app.json(`/v1/calls/${it.call.callSid}`)).toMatchObject({
        resumes: 1,
        status: "completed",
      })
    })

    test("a caller who hangs up in the middle of an answer leaves nothing behind", async () => {
      await using it = await open()
      const before = { openSockets: 0, activeSessions: 0 }
      await it.greeted()
      await it.exchange("Tell me a story", "Once upon a time there was a king who had three sons.")
      it.call.hangup()
      await it.call.ended
      await it.clock.pass(10_000)
      expect(await it.app.counts()).toMatchObject(before)
      expect(await it.app.json(`/v1/calls/${it.call.callSid}`)).toMatchObject({
        endedBy: "caller",
        live: false,
      })
    })
  })
}
