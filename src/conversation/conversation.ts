/** A conversation in text: turns what the caller says into replies and records what was heard of them. Knows no protocol. */

import type { CallEvent } from "../call/events.ts"
import type { InsertedMessage } from "../call/live-calls.ts"
import type { SessionEnd } from "../call/session-end.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { LiveUpdateAction, ToolOutcome, VoiceAction } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"
import { AgentSpeech } from "./agent-speech.ts"
import { DtmfBuffer } from "./dtmf-buffer.ts"
import type { EndAfterPlayback } from "./end-after-playback.ts"
import type { History } from "./history.ts"
import { IncomingTurns } from "./incoming-turns.ts"
import type { Prompt } from "./prompt.ts"
import { Reply } from "./reply.ts"
import type { StreamTimes } from "../lib/progress-timeout.ts"
import { ToolCalls } from "./tool-calls.ts"
import type { Utterance } from "./recent-utterances.ts"
import type { SpeechOutput } from "./speech-output.ts"
import { FillerPhrases } from "./filler-phrases.ts"

/** How long a new reply waits for the tools of the one it replaces, in milliseconds. */
const TOOL_PATIENCE_MS = 1500

export type ConversationTimes = StreamTimes & {
  /** Longest silence before a sentence such as "One moment, please.", in milliseconds. */
  waitPhraseMs: number
  /** Pause that completes the digits a caller presses, in milliseconds. */
  digitsMs: number
}

export type ConversationOptions = {
  prompt: Prompt
  history: History
  model: ChatModel
  output: SpeechOutput
  /** Ends the session once the last words were heard. */
  ending: EndAfterPlayback
  /** A tool changes the agent of the call. */
  update: (action: LiveUpdateAction) => void
  /** Runs one tool. Never rejects. */
  runTool: (call: ToolCall) => Promise<ToolOutcome>
  phrases: { wait: readonly string[]; apology: string; lostThread: string }
  /** Whether answers are made speakable before they are spoken; default: they are. */
  speechFilter?: boolean | undefined
  times: ConversationTimes
  sweep: Sweep
  log: Log
  publish: (event: CallEvent) => void
}

export class Conversation {
  readonly #options: ConversationOptions
  readonly #history: History
  readonly #output: SpeechOutput
  readonly #ending: EndAfterPlayback
  readonly #speech: AgentSpeech
  readonly #incoming: IncomingTurns
  readonly #dtmf: DtmfBuffer
  readonly #toolCalls: ToolCalls
  readonly #fillerPhrases: FillerPhrases
  #prompt: Prompt
  /** The answer that is being made. */
  #current: { reply: Reply; utterance: Utterance } | undefined

  constructor(options: ConversationOptions) {
    const { prompt, history, output, ending, sweep, times, phrases, publish, runTool } = options
    this.#options = options
    this.#prompt = prompt
    this.#history = history
    this.#output = output
    this.#ending = ending
    this.#speech = new AgentSpeech({
      history,
      clock: sweep.clock,
      audible: () => output.quietAt() > sweep.clock.monotonic(),
      publish,
    })
    this.#toolCalls = new ToolCalls({ history, run: runTool, sweep, publish })
    this.#incoming = new IncomingTurns({ history, clock: sweep.clock, publish })
    this.#dtmf = new DtmfBuffer({
      sweep,
      pauseMs: times.digitsMs,
      onDigits: (digits) => {
        this.#supersede()
        this.#incoming.digits(digits)
        this.#answer()
      },
    })
    this.#fillerPhrases = new FillerPhrases({
      sweep,
      phrases: phrases.wait,
      silenceMs: times.waitPhraseMs,
      quietAt: () => output.quietAt(),
      say: (phrase) => this.#sentence(phrase, { preemptible: true }),
    })
  }

  /** Whether an answer is being made or a tool runs: then the caller is the one who waits. */
  get busy(): boolean {
    return this.#current !== undefined || this.#toolCalls.running > 0
  }

  /** Replaces context, facts and tools; history stays. The next request to the model uses them. */
  setPrompt(prompt: Prompt): void {
    this.#prompt = prompt
  }

  /** Forgets what was said before; the record of the call keeps it. */
  forget(): void {
    this.#history.forget()
  }

  /** Words of the agent that are spoken without this conversation: a greeting that Twilio speaks. */
  greeted(text: string): void {
    const utterance = this.#speech.begin()
    this.#speech.sent(utterance, text)
    this.#speech.complete(utterance)
  }

  /** Says a sentence of the program's own. It becomes part of transcript and history. */
  say(text: string): void {
    if (this.#ending.isOpen) this.#sentence(text)
  }

  /** The caller has finished saying something. Answers it, in place of an answer that is still being made. */
  hear(text: string, { lang }: { lang?: string | undefined } = {}): void {
    if (text.trim() === "") return
    this.#supersede()
    this.#incoming.digits(this.#dtmf.take())
    this.#incoming.speech(text, lang)
    this.#answer()
  }

  /** The caller pressed a key: `0`–`9`, `*` or `#`. The digits are answered after `#` or a pause. */
  dtmf(digit: string): void {
    this.#dtmf.add(digit)
  }

  /** Puts a message into the conversation. With `respond`, the agent answers it. */
  insert(message: InsertedMessage): void {
    const { respond } = message
    if (respond) this.#supersede()
    this.#incoming.message(message)
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
    if (!hit || hit.utterance === last) {
      this.#output.interrupt()
      this.#ending.now()
    }
    this.#speech.report()
  }

  /** Says last words and ends the conversation. */
  wrapUp(text: string, end: SessionEnd): void {
    this.#end(end, text)
  }

  /** The socket is closed. What is known not to have been played was not heard. */
  close(): void {
    this.#incoming.digits(this.#dtmf.take())
    this.#ending.close()
    const running = this.#current?.utterance
    this.#drop("interrupted")
    this.#speech.cutUnplayed()
    if (running?.startedAt !== undefined) this.#speech.cut(running, running.turn.text)
    this.#speech.report()
  }

  #answer(): void {
    if (!this.#ending.isOpen) return
    const { model, speechFilter = true, times, sweep, log } = this.#options
    const utterance = this.#speech.begin()
    const reply = new Reply({
      turn: utterance.turn,
      history: this.#history,
      model,
      speechFilter,
      prompt: () => this.#prompt,
      toolCalls: this.#toolCalls,
      times,
      sweep,
      speak: (text) => this.#speak(reply, text),
      act: (action) => this.#act(action),
      publish: (event) => this.#publish(event),
    })
    this.#current = { reply, utterance }
    this.#publish({ type: "reply.started", replyId: reply.turn.id })
    this.#fillerPhrases.start()
    log.background("reply", this.#run(reply))
  }

  async #run(reply: Reply): Promise<void> {
    // Tools of the answer before this one: their results belong into the request.
    await this.#toolCalls.settled({ withinMs: TOOL_PATIENCE_MS, signal: reply.signal })
    if (reply.signal.aborted) return
    const { outcome, end } = await reply.run()
    if (this.#current?.reply === reply) this.#complete(reply, outcome === "failed" ? "failed" : "said")
    if (end) this.#end(end)
  }

  #act(action: VoiceAction | LiveUpdateAction): void {
    switch (action.type) {
      case "send-digits":
      case "play-media":
      case "switch-language":
        return this.#output.act(action)
      case "set-listen-mode":
      case "set-silence-detection":
      case "change-context":
        return this.#options.update(action)
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
    this.#output.finish()
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
    if (!utterance || this.#current?.reply !== reply || this.#output.muted) return
    this.#output.text(text)
    this.#speech.sent(utterance, text)
  }

  #sentence(text: string, options?: { preemptible: boolean }): void {
    if (this.#output.muted) return
    this.#output.sentence(text, options)
    this.greeted(text)
  }

  /** A newer turn of the caller takes the place of the running answer. What was sent of it is still heard. */
  #supersede(): void {
    this.#speech.report()
    const utterance = this.#current?.utterance
    this.#drop("superseded")
    if (utterance?.startedAt !== undefined) this.#output.finish()
  }

  /** Takes the running answer, if any, off the stage, with what it took and cost. */
  #drop(outcome: "said" | "failed" | "interrupted" | "superseded"): void {
    const current = this.#current
    if (!current) return
    const { reply, utterance } = current
    this.#current = undefined
    this.#fillerPhrases.stop()
    reply.abort()
    this.#speech.complete(utterance, reply.latency)
    const { inputTokens, cachedTokens, outputTokens } = reply.usage
    this.#publish({
      type: "reply.finished",
      replyId: reply.turn.id,
      outcome,
      tookMs: this.#options.sweep.clock.monotonic() - reply.startedAt,
      ...(inputTokens > 0
        ? { model: this.#options.model.name, inputTokens, cachedTokens, outputTokens }
        : {}),
    })
  }

  #end(end: SessionEnd, lastWords = ""): void {
    if (!this.#ending.isOpen) return
    this.#supersede()
    this.#incoming.digits(this.#dtmf.take())
    if (lastWords !== "") this.#sentence(lastWords)
    this.#ending.request(end)
  }

  #publish(event: CallEvent): void {
    this.#options.publish(event)
  }
}
