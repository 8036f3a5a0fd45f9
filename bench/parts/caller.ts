/** One call as a load: the signed webhook, the signed socket, prompts and interruptions, and when each word came back. */

import { z } from "zod"
import { newSid } from "../../src/sim/sids.ts"
import type { Webhooks } from "../../src/sim/webhook-sender.ts"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"
import { promptOf } from "./model-process.ts"
import { sinceStamp, wallMs } from "./wall-clock.ts"

/** Samples of all calls, in milliseconds. */
export type Samples = {
  /** From the writing of a word at the model to its frame at the caller: the first of each answer, and all. */
  firstWord: number[]
  words: number[]
  /** When each interruption was sent, by the tag of its prompt. */
  interruptedAt: Map<string, number>
  /** From an interruption to the last word that came after it; 0 where none came. */
  lastWordAfterInterrupt: number[]
  answers: number
  unanswered: number
}

export function newSamples(): Samples {
  return {
    firstWord: [],
    words: [],
    interruptedAt: new Map(),
    lastWordAfterInterrupt: [],
    answers: 0,
    unanswered: 0,
  }
}

const Frame = z.object({ type: z.string(), token: z.string().optional(), last: z.boolean().optional() })

/** How long words may come after an interruption, in milliseconds. */
export const AFTER_INTERRUPT_MS = 300
const ANSWER_TIMEOUT_MS = 15_000

type Turn = {
  tag: string
  heard: string
  words: number
  interruptAfter: number
  interruptedAt: number | undefined
  lastWordAt: number
  done: () => void
}

export class Caller {
  /** Shared by the calls of one scenario; may be exchanged between two turns. */
  samples: Samples
  readonly #webhooks: Webhooks
  readonly #form: Record<string, string>
  readonly #socket: WebSocket
  #turns = 0
  #turn: Turn | undefined

  private constructor(webhooks: Webhooks, form: Record<string, string>, socket: WebSocket, samples: Samples) {
    this.#webhooks = webhooks
    this.#form = form
    this.#socket = socket
    this.samples = samples
    socket.addEventListener("message", ({ data }) => this.#receive(String(data), wallMs()))
  }

  /** Calls, and resolves once the session is set up. Throws when the server does not take the call. */
  static async dial(webhooks: Webhooks, samples: Samples): Promise<Caller> {
    const form = formOf("ringing")
    const { status, body } = await webhooks.send({ url: webhooks.resolve("/twilio/voice"), form })
    if (status !== 200) throw new Error(`the call was answered with ${status}: ${body}`)
    const connect = parseTwiml(body).find(({ name }) => name === "Connect")
    const target = webhooks.socketTo(connect?.children[0]?.attributes["url"] ?? "")
    if (!target) throw new Error(`no relay in ${body}`)
    const socket = new WebSocket(target.url, { headers: target.headers, perMessageDeflate: false })
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve)
      socket.addEventListener("error", reject)
    })
    socket.send(JSON.stringify(setupOf(form)))
    return new Caller(webhooks, form, socket, samples)
  }

  /** Says one thing. Resolves after the answer, some time after it was interrupted, or when none came in time. */
  async ask({ interruptAfter = Number.POSITIVE_INFINITY }: { interruptAfter?: number } = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<"answered" | "unanswered">()
    const tag = `${this.#form["CallSid"]?.slice(-8)}.${++this.#turns}`
    const started = { tag, heard: "", words: 0, interruptAfter, interruptedAt: undefined, lastWordAt: 0 }
    this.#turn = { ...started, done: () => resolve("answered") }
    const timer = setTimeout(() => resolve("unanswered"), ANSWER_TIMEOUT_MS)
    const voicePrompt = `${promptOf(tag, wallMs())} when are you open?`
    this.#socket.send(JSON.stringify({ type: "prompt", voicePrompt, lang: "en-US", last: true }))
    const outcome = await promise
    clearTimeout(timer)
    this.samples[outcome === "answered" ? "answers" : "unanswered"] += 1
    const { interruptedAt, lastWordAt } = this.#turn
    if (interruptedAt !== undefined) {
      this.samples.lastWordAfterInterrupt.push(Math.max(0, lastWordAt - interruptedAt))
    }
  }

  /** Ends the call as Twilio does when the caller hangs up, and waits until the server knows. */
  async hangUp(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.addEventListener("close", resolve))
    this.#socket.close(1000, "Closing websocket session")
    const form = { ...this.#form, CallStatus: "completed", SessionStatus: "completed", SessionDuration: "1" }
    await this.#webhooks.send({ url: this.#webhooks.resolve("/twilio/connect-ended"), form })
    await closed
  }

  #receive(text: string, at: number): void {
    const turn = this.#turn
    const { type, token = "", last = false } = Frame.parse(JSON.parse(text))
    if (type !== "text" || !turn) return
    // The end of an answer is an empty token. Sentences of the server's own are whole frames.
    if (token === "" && last && turn.interruptedAt === undefined) return turn.done()
    const latencyMs = sinceStamp(token.trim(), at)
    if (latencyMs === undefined) return
    turn.lastWordAt = at
    if (turn.interruptedAt !== undefined) return
    if (turn.words === 0) this.samples.firstWord.push(latencyMs)
    this.samples.words.push(latencyMs)
    turn.heard += token
    turn.words += 1
    if (turn.words >= turn.interruptAfter) this.#interrupt(turn)
  }

  #interrupt(turn: Turn): void {
    turn.interruptedAt = wallMs()
    this.samples.interruptedAt.set(turn.tag, turn.interruptedAt)
    this.#socket.send(
      JSON.stringify({
        type: "interrupt",
        utteranceUntilInterrupt: turn.heard.trim().split(" ").slice(0, -2).join(" "),
        durationUntilInterruptMs: 150,
      }),
    )
    setTimeout(turn.done, AFTER_INTERRUPT_MS)
  }
}

function formOf(status: string): Record<string, string> {
  return {
    AccountSid: newSid("AC"),
    ApiVersion: "2010-04-01",
    CallSid: newSid("CA"),
    CallStatus: status,
    Direction: "inbound",
    From: "+15550100001",
    To: "+15550100002",
  }
}

function setupOf(form: Record<string, string>) {
  return {
    type: "setup",
    sessionId: newSid("VX"),
    accountSid: form["AccountSid"],
    parentCallSid: "",
    callSid: form["CallSid"],
    from: form["From"],
    to: form["To"],
    forwardedFrom: "",
    callType: "PSTN",
    callerName: "",
    direction: "inbound",
    callStatus: "RINGING",
    customParameters: {},
  }
}
