/** Talk in text, whoever hears and speaks: turns the caller's words into replies and keeps what was really heard. */

import type { CallEvent } from "../call/events.ts"
import type { InsertedMessage } from "../call/live-calls.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Handoff, LiveUpdateAction, ToolOutcome, VoiceAction } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"
import { AgentSpeech } from "./agent-speech.ts"
import type { Brief } from "./prompt.ts"
import { Digits } from "./dtmf-buffer.ts"
import type { History } from "./history.ts"
import { Reply } from "./reply.ts"
import type { StreamTimes } from "../lib/progress-timeout.ts"
import { ToolCalls } from "./tool-calls.ts"
import type { Utterance } from "./recent-utterances.ts"
import type { Voice } from "./speech-output.ts"
import { FillerPhrases } from "./filler-phrases.ts"

/** How long a new reply waits for the tools of the one it replaces, in milliseconds. */
const TOOL_PATIENCE_MS = 1500

const SPEAKERS = { user: "caller", assistant: "agent", system: "system" } as const

export type ConversationTimes = StreamTimes & {
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
  /** Changes the agent of the call, as a tool asked for. */
  steer: (action: LiveUpdateAction) => void
  /** Runs one tool. Never rejects. */
  runTool: (call: ToolCall) => Promise<ToolOutcome>
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
  readonly #speech: AgentSpeech
  readonly #digits: Digits
  readonly #toolCalls: ToolCalls
  readonly #waitPhrases: FillerPhrases
  #brief: Brief
  /** The answer that is being made. */
  #current: { reply: Reply; utterance: Utterance } | undefined
  /** Set once the conversation is to end; nothing is answered any more. */
  #ending = false

  constructor(options: ConversationOptions) {
    const { brief, history, voice, sweep, times, phrases, publish, runTool } = options
    this.#options = options
    this.#brief = brief
    this.#history = history
    this.#voice = voice
    this.#speech = new AgentSpeech({
      history,
      clock: sweep.clock,
      audible: () => voice.quietAt() > sweep.clock.now(),
      publish,
    })
    this.#toolCalls = new ToolCalls({ history, run: runTool, sweep, publish })
    this.#digits = new Digits({
      sweep,
      pauseMs: times.digitsMs,
      onRow: (digits) => {
        this.#supersede()
        this.#keyed(digits)
        this.#answer()
      },
    })
    this.#waitPhrases = new FillerPhrases({
      sweep,
      phrases: phrases.wait,
      silenceMs: times.waitPhraseMs,
      quietAt: () => voice.quietAt(),
      say: (phrase) => this.#line(phrase, { preemptible: true }),
    })
  }

  /** Whether an answer is being made or a tool runs: then the caller is the one who waits. */
  get busy(): boolean {
    return this.#current !== undefined || this.#toolCalls.running > 0
  }

  /** Exchanges role, facts and tools; history stays. The next request to the model uses them. */
  setPrompt(brief: Brief): void {
    this.#brief = brief
  }

  /** Forgets what was said before; the record of the call keeps it. */
  forget(): void {
    this.#history.forget()
  }

  /** Somebody else speaks these words for the agent: a greeting that Twilio speaks. */
  greeted(text: string): void {
    const utterance = this.#speech.begin()
    this.#speech.sent(utterance, text)
    this.#speech.complete(utterance)
  }

  /** Says a sentence of the program's own. It becomes part of transcript and history. */
  say(text: string): void {
    if (!this.#ending) this.#line(text)
  }

  /** The caller has finished saying something. Answers it, in place of an answer that is still being made. */
  hear(text: string, { lang }: { lang?: string | undefined } = {}): void {
    if (text.trim() === "") return
    this.#supersede()
    this.#keyed(this.#digits.take())
    const turn = this.#history.caller(text, { kind: "speech", lang, at: this.#now() })
    this.#publish({ type: "caller.spoke", turnId: turn.id, text, lang: lang ?? null })
    this.#answer()
  }

  /** The caller pressed a key: `0`–`9`, `*` or `#`. The row is answered after a pause or `#`. */
  press(digit: string): void {
    this.#digits.press(digit)
  }

  /** Puts a message into the conversation. With `respond`, the agent answers it. */
  insert(message: InsertedMessage): void {
    const { role, text, respond } = message
    if (respond) this.#supersede()
    const turn = this.#history.note(text, { speaker: SPEAKERS[role], at: this.#now() })
    this.#publish({ type: "message.inserted", turnId: turn.id, role, text })
    if (respond) this.#answer()
  }

  /** A clause that the caller has heard. */
  played(clause: string): void {
    this.#speech.played(clause, this.#current?.utterance)
  }

  /**
   * The caller cut the agent off after hearing `heard`. In this very tick the reply is stopped and the history cut. A
   * report about an earlier utterance cuts that one; the running reply, which the caller has not heard yet, goes on.
   */
  interrupt(heard: string, { durationMs }: { durationMs?: number | undefined } = {}): void {
    const running = this.#current?.utterance
    const { last } = this.#speech
    const hit = this.#speech.interrupted(heard.trim(), { durationMs, running })
    if (hit && hit.utterance === running) this.#drop("interrupted")
    if (hit) this.#speech.cut(hit.utterance, hit.text)
    // What has begun since is heard all the same.
    if (!hit || hit.utterance === last) this.#voice.interrupted()
    this.#speech.report()
  }

  /** Says last words and ends the conversation. */
  wrapUp(text: string, handoff: Handoff): void {
    this.#end(handoff, text)
  }

  /** The other side is gone. What is known not to have been played was not heard. */
  close(): void {
    this.#keyed(this.#digits.take())
    this.#ending = true
    const running = this.#current?.utterance
    this.#drop("interrupted")
    this.#speech.cutUnplayed()
    if (running?.startedAt !== undefined) this.#speech.cut(running, running.turn.text)
    this.#speech.report()
  }

  #keyed(digits: string): void {
    if (digits === "") return
    const turn = this.#history.caller(digits, { kind: "keypad", at: this.#now() })
    this.#publish({ type: "digits.received", turnId: turn.id, digits })
  }

  #answer(): void {
    if (this.#ending) return
    const { model, times, sweep, log } = this.#options
    const utterance = this.#speech.begin()
    const reply = new Reply({
      turn: utterance.turn,
      history: this.#history,
      model,
      brief: () => this.#brief,
      toolCalls: this.#toolCalls,
      times,
      sweep,
      speak: (text) => this.#speak(reply, text),
      act: (action) => this.#act(action),
      publish: (event) => this.#publish(event),
    })
    this.#current = { reply, utterance }
    this.#publish({ type: "reply.started", replyId: reply.turn.id })
    this.#waitPhrases.start()
    log.background("reply", this.#run(reply))
  }

  async #run(reply: Reply): Promise<void> {
    // Tools of the answer before this one: their results belong into the request.
    await this.#toolCalls.settled({ withinMs: TOOL_PATIENCE_MS, signal: reply.signal })
    if (reply.signal.aborted) return
    const { outcome, handoff } = await reply.run()
    if (this.#current?.reply === reply) this.#complete(reply, outcome === "failed" ? "failed" : "said")
    if (handoff) this.#end(handoff)
  }

  #act(action: VoiceAction | LiveUpdateAction): void {
    switch (action.type) {
      case "send-digits":
      case "play-media":
      case "switch-language":
        return this.#voice.act(action)
      case "set-listen-mode":
      case "set-silence-detection":
      case "change-context":
        return this.#options.steer(action)
      default:
        action satisfies never
    }
  }

  #complete(reply: Reply, outcome: "said" | "failed"): void {
    const utterance = this.#current?.utterance
    if (!utterance) return
    const { phrases } = this.#options
    if (outcome === "failed") {
      this.#speak(
        reply,
        utterance.startedAt === undefined ? phrases.apology : this.#after(utterance, phrases.lostThread),
      )
    }
    this.#voice.finish()
    this.#drop(outcome)
    this.#speech.reportIfPlayed(utterance)
  }

  /** The sentence, apart from what was said before it. */
  #after({ spoken }: Utterance, sentence: string): string {
    return /\s$/.test(spoken.text) ? sentence : ` ${sentence}`
  }

  #speak(reply: Reply, text: string): void {
    const utterance = this.#current?.utterance
    // Late tokens find another reply current and fall away.
    if (!utterance || this.#current?.reply !== reply || this.#voice.muted) return
    this.#voice.token(text)
    this.#speech.sent(utterance, text)
  }

  #line(text: string, options?: { preemptible: boolean }): void {
    if (this.#voice.muted) return
    this.#voice.line(text, options)
    this.greeted(text)
  }

  /** A newer turn of the caller takes the place of the running answer. What was sent of it is still heard. */
  #supersede(): void {
    this.#speech.report()
    const utterance = this.#current?.utterance
    this.#drop("superseded")
    if (utterance?.startedAt !== undefined) this.#voice.finish()
  }

  /** Takes the running answer, if any, off the stage, with what it took and cost. */
  #drop(outcome: "said" | "failed" | "interrupted" | "superseded"): void {
    const current = this.#current
    if (!current) return
    const { reply, utterance } = current
    this.#current = undefined
    this.#waitPhrases.stop()
    reply.abort()
    this.#speech.complete(utterance, reply.latency)
    const { inputTokens, cachedTokens, outputTokens } = reply.usage
    this.#publish({
      type: "reply.finished",
      replyId: reply.turn.id,
      outcome,
      tookMs: this.#now() - reply.startedAt,
      ...(inputTokens > 0
        ? { model: this.#options.model.name, inputTokens, cachedTokens, outputTokens }
        : {}),
    })
  }

  #end(handoff: Handoff, lastWords = ""): void {
    if (this.#ending) return
    this.#supersede()
    this.#keyed(this.#digits.take())
    if (lastWords !== "") this.#line(lastWords)
    this.#ending = true
    this.#voice.end(handoff)
  }

  #publish(event: CallEvent): void {
    this.#options.publish(event)
  }

  #now(): number {
    return this.#options.sweep.clock.now()
  }
}
