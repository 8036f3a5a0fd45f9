/** Talk in text, whoever hears and speaks: turns the caller's words into replies and keeps what was really heard. */

import type { CallEvent } from "../call/events.ts"
import type { ToolSpec } from "../call/tool-spec.ts"
import type { Latency } from "../call/turn.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Handoff, ToolOutcome } from "../tools/define-tool.ts"
import { Digits } from "./digits.ts"
import type { History } from "./history.ts"
import { Reply, type ReplyResult, type ReplyTimes } from "./reply.ts"
import { Utterances, type Utterance } from "./utterances.ts"
import type { Voice } from "./voice.ts"

/** How long a new reply waits for the tools of the one it replaces, in milliseconds. */
const TOOL_PATIENCE_MS = 1500

/** What a conversation is about; may be exchanged while it goes on. */
export type Brief = {
  /** Role and facts, in this order. */
  instructions: string
  tools: readonly ToolSpec[]
  cacheKey: string
  safetyId: string
}

export type ConversationTimes = ReplyTimes & {
  /** Longest silence before a sentence such as "One moment, please.", in milliseconds. */
  waitPhraseMs: number
  /** Pause after a key that ends a row of digits, in milliseconds. */
  digitsMs: number
}

export type ConversationOptions = {
  brief: Brief
  history: History
  model: ChatModel
  voice: Voice
  runTool: (call: { name: string; arguments: string }) => Promise<ToolOutcome>
  phrases: { wait: readonly string[]; apology: string; lostThread: string }
  times: ConversationTimes
  sweep: Sweep
  log: Log
  publish: (event: CallEvent) => void
}

export class Conversation {
  readonly #options: ConversationOptions
  readonly #history: History
  readonly #voice: Voice
  readonly #sweep: Sweep
  readonly #utterances = new Utterances()
  readonly #digits: Digits
  /** Said, but perhaps not heard yet. */
  readonly #unreported = new Set<Utterance>()
  readonly #runningTools = new Set<Promise<unknown>>()
  #brief: Brief
  #current: { reply: Reply; utterance: Utterance; startedAt: number; latency: Latency } | undefined
  #cancelWait = () => {}
  /** Set once the conversation is to end; nothing is answered any more. */
  #ending = false

  constructor(options: ConversationOptions) {
    this.#options = options
    this.#brief = options.brief
    this.#history = options.history
    this.#voice = options.voice
    this.#sweep = options.sweep
    this.#digits = new Digits({
      sweep: options.sweep,
      pauseMs: options.times.digitsMs,
      onDigits: (digits, options) => this.#heardDigits(digits, options),
    })
  }

  /** Whether an answer is being made. */
  get answering(): boolean {
    return this.#current !== undefined
  }

  /** Exchanges role, facts and tools; history stays. The next request to the model uses them. */
  rebrief(brief: Brief): void {
    this.#brief = brief
  }

  /** The engine itself has said these words: a greeting that Twilio speaks. */
  greeted(text: string): void {
    const now = this.#now()
    const utterance = this.#utterances.begin(this.#history.agent(), now)
    utterance.spoken.sent(text)
    this.#history.say(utterance.turn, text, now)
    this.#settle(utterance, { text, interrupted: false })
  }

  /** Says a sentence of the program's own. It becomes part of transcript and history. */
  say(text: string, options?: { preemptible?: boolean }): void {
    this.#voice.line(text, options)
    this.greeted(text)
  }

  /** The caller has finished saying something. Answers it, in place of an answer that is still being made. */
  hear(text: string, { lang }: { lang?: string | undefined } = {}): void {
    if (this.#ending || text.trim() === "") return
    this.#supersede()
    this.#digits.flush()
    const turn = this.#history.caller(text, { kind: "speech", lang, at: this.#now() })
    this.#publish({ type: "caller.spoke", turnId: turn.id, text, lang: lang ?? null })
    this.#answer()
  }

  /** The caller pressed a key: `0`–`9`, `*` or `#`. The row is answered after a pause or `#`. */
  press(digit: string): void {
    if (!this.#ending) this.#digits.press(digit)
  }

  /** Puts a message into the conversation. With `respond`, the agent answers it. */
  insert(message: { role: "user" | "system"; text: string; respond: boolean }): void {
    const { role, text, respond } = message
    if (this.#ending) return
    if (respond) this.#supersede()
    const turn = this.#history.note(text, { speaker: role === "user" ? "caller" : "system", at: this.#now() })
    this.#publish({ type: "message.inserted", turnId: turn.id, role, text })
    if (respond) this.#answer()
  }

  /** A clause that the caller has heard. */
  played(clause: string): void {
    const utterance = this.#utterances.played(clause)
    if (utterance?.spoken.playedOut && utterance !== this.#current?.utterance) this.#report(utterance)
  }

  /**
   * The caller cut the agent off after hearing `heard`. In this very tick the reply is stopped and the history cut. A
   * report about an earlier utterance cuts that one and leaves the running reply alone.
   */
  interrupt(heard: string, { durationMs }: { durationMs?: number | undefined } = {}): void {
    const current = this.#current
    const hit = this.#utterances.interrupted(heard, { now: this.#now(), durationMs })
    const earlier = hit !== undefined && hit.utterance !== current?.utterance
    if (current && !earlier && current.utterance.spoken.text !== "") this.#drop("interrupted")
    // A report without words can only mean what is being spoken at this moment.
    const stale = earlier && heard.trim() === "" && this.#voice.quietAt() < this.#now()
    if (hit && !stale) this.#settle(hit.utterance, { text: hit.text, interrupted: true })
    if (!hit && heard.trim() !== "") this.#trustReport(heard)
    this.#reportHeard()
  }

  /** Says last words and ends the conversation. */
  wrapUp(text: string, handoff: Handoff): void {
    if (this.#ending) return
    this.#supersede()
    this.#ending = true
    if (text !== "") this.say(text)
    this.#voice.end(handoff)
  }

  /** The other side is gone. `playedKnown`: what was played is known, so that unheard words can be cut. */
  close({ playedKnown }: { playedKnown: boolean }): void {
    this.#digits.flush({ quietly: true })
    this.#ending = true
    const current = this.#current
    if (current) {
      this.#drop("interrupted")
      const text = current.utterance.spoken.text.trim()
      if (text !== "") this.#settle(current.utterance, { text, interrupted: true })
    }
    const last = this.#utterances.last
    if (playedKnown && last && !last.spoken.playedOut) {
      const text = last.spoken.text.slice(0, last.spoken.playedTo).trim()
      if (text !== last.turn.text.trim()) this.#settle(last, { text, interrupted: true })
    }
    this.#cancelWait()
    this.#reportHeard()
  }

  #heardDigits(digits: string, { quietly }: { quietly: boolean }): void {
    if (!quietly) this.#supersede()
    const turn = this.#history.caller(digits, { kind: "keypad", at: this.#now() })
    this.#publish({ type: "digits.received", turnId: turn.id, digits })
    if (!quietly) this.#answer()
  }

  #answer(): void {
    const now = this.#now()
    const utterance = this.#utterances.begin(this.#history.agent(), now)
    const reply = new Reply({
      turn: utterance.turn,
      history: this.#history,
      model: this.#options.model,
      times: this.#options.times,
      sweep: this.#sweep,
      log: this.#options.log,
      request: () => this.#brief,
      tools: () => this.#brief.tools,
      speak: (text) => this.#speak(reply, text),
      runTool: (call) => this.#runTool(reply, call),
      act: (action) => this.#voice.act(action),
      failed: (message, retried) => this.#publish({ type: "model.failed", message, retried }),
    })
    this.#current = { reply, utterance, startedAt: now, latency: {} }
    this.#publish({ type: "reply.started", replyId: reply.turn.id })
    this.#armWaitPhrase(0)
    this.#options.log.background("reply", this.#run(reply, utterance, now))
  }

  async #run(reply: Reply, utterance: Utterance, startedAt: number): Promise<void> {
    // Tools of the answer before this one: their results belong into the request.
    if (this.#runningTools.size > 0) {
      await Promise.race([Promise.all(this.#runningTools), this.#sweep.sleep(TOOL_PATIENCE_MS)])
    }
    if (reply.aborted) return
    const result = await reply.run()
    if (this.#current?.reply === reply) this.#complete(reply, utterance, startedAt, result)
    if (result.handoff) this.#end(result.handoff)
  }

  #complete(reply: Reply, utterance: Utterance, startedAt: number, result: ReplyResult): void {
    const { phrases } = this.#options
    if (result.outcome === "failed") {
      this.#speak(reply, utterance.spoken.text === "" ? phrases.apology : ` ${phrases.lostThread}`)
    }
    this.#voice.finish()
    this.#cancelWait()
    const tookMs = this.#now() - startedAt
    const latency = { ...this.#current?.latency, lastTokenMs: tookMs }
    this.#current = undefined
    this.#settle(utterance, { text: utterance.spoken.text.trim(), interrupted: false, latency })
    const { inputTokens, cachedTokens, outputTokens } = result.usage
    this.#publish({
      type: "reply.finished",
      replyId: reply.turn.id,
      outcome: result.outcome === "failed" ? "failed" : "said",
      tookMs,
      ...(inputTokens > 0 ? { inputTokens, cachedTokens, outputTokens } : {}),
    })
  }

  #speak(reply: Reply, text: string): void {
    const current = this.#current
    // Late tokens find another reply current and fall away.
    if (!current || current.reply !== reply) return
    if (current.latency.firstTokenMs === undefined) {
      const tookMs = this.#now() - current.startedAt
      current.latency.firstTokenMs = tookMs
      this.#publish({ type: "reply.first-token", replyId: reply.turn.id, tookMs })
    }
    current.utterance.spoken.sent(text)
    this.#voice.token(text)
    this.#history.say(reply.turn, current.utterance.spoken.text, this.#now())
  }

  async #runTool(
    reply: Reply,
    call: { callId: string; name: string; arguments: string },
  ): Promise<ToolOutcome> {
    const { runTool } = this.#options
    const startedAt = this.#now()
    this.#publish({ type: "tool.started", toolCallId: call.callId, name: call.name })
    const running = runTool(call)
    this.#runningTools.add(running)
    const outcome = await running
    this.#runningTools.delete(running)
    const tookMs = this.#now() - startedAt
    if (this.#current?.reply === reply) {
      const { latency } = this.#current
      latency.toolMs = (latency.toolMs ?? 0) + tookMs
    }
    this.#publish({
      type: "tool.finished",
      toolCallId: call.callId,
      name: call.name,
      ok: outcome.ok,
      tookMs,
      ...(outcome.ok ? {} : { message: outcome.message }),
    })
    return outcome
  }

  /** A newer turn of the caller takes the place of the running answer. What was sent of it is still heard. */
  #supersede(): void {
    const current = this.#current
    this.#reportHeard()
    if (!current) return
    if (current.utterance.spoken.text !== "") {
      this.#voice.finish()
      this.#settle(current.utterance, { text: current.utterance.spoken.text.trim(), interrupted: false })
    }
    this.#drop("superseded")
  }

  #drop(outcome: "interrupted" | "superseded"): void {
    const current = this.#current
    if (!current) return
    this.#current = undefined
    this.#cancelWait()
    current.reply.abort()
    this.#publish({
      type: "reply.finished",
      replyId: current.reply.turn.id,
      outcome,
      tookMs: this.#now() - current.startedAt,
    })
  }

  #end(handoff: Handoff): void {
    if (this.#ending) return
    this.#ending = true
    this.#drop("superseded")
    this.#voice.end(handoff)
  }

  /** Twilio's report fits nothing that was sent, so its own wording is what the caller heard of the last utterance. */
  #trustReport(heard: string): void {
    const last = this.#utterances.last
    if (last && last.spoken.text !== "") this.#settle(last, { text: heard.trim(), interrupted: true })
  }

  #settle(utterance: Utterance, heard: { text: string; interrupted: boolean; latency?: Latency }): void {
    this.#history.settle(utterance.turn, { ...heard, at: this.#now() })
    this.#unreported.add(utterance)
  }

  /** Publishes what is known to be heard: it was played, cut off, or followed by the caller's words. */
  #reportHeard(): void {
    for (const utterance of this.#unreported) this.#report(utterance)
  }

  #report(utterance: Utterance): void {
    if (!this.#unreported.delete(utterance)) return
    const { id, text, interrupted } = utterance.turn
    if (text !== "" || interrupted) this.#publish({ type: "agent.spoke", turnId: id, text, interrupted })
  }

  /** While an answer is being made and nothing is heard, a short sentence tells the caller that the line is alive. */
  #armWaitPhrase(index: number): void {
    const { phrases, times } = this.#options
    this.#cancelWait()
    const phrase = phrases.wait[Math.min(index, phrases.wait.length - 1)]
    if (phrase === undefined) return
    const quietMs = Math.max(0, this.#voice.quietAt() - this.#now())
    this.#cancelWait = this.#sweep.after(quietMs + times.waitPhraseMs, () => {
      if (!this.#current) return
      const stillSpeaking = this.#voice.quietAt() + times.waitPhraseMs > this.#now()
      if (!stillSpeaking) this.say(phrase, { preemptible: true })
      this.#armWaitPhrase(stillSpeaking ? index : index + 1)
    })
  }

  #publish(event: CallEvent): void {
    this.#options.publish(event)
  }

  #now(): number {
    return this.#sweep.clock.now()
  }
}
