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
import { RunningAnswer } from "./running-answer.ts"
import type { StreamTimes } from "../lib/progress-timeout.ts"
import { ToolCalls } from "./tool-calls.ts"
import type { SpeechOutput } from "./speech-output.ts"
import { FillerPhrases } from "./filler-phrases.ts"

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
  /** Whether the session ends when the model gave no answer, since the call can continue without one; default: it apologises. */
  endsOnFailure?: boolean | undefined
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
  readonly #running: RunningAnswer
  #prompt: Prompt

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
      quietAt: () => output.quietAt(),
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
    const fillerPhrases = new FillerPhrases({
      sweep,
      phrases: phrases.wait,
      silenceMs: times.waitPhraseMs,
      quietAt: () => output.quietAt(),
      say: (phrase) => this.#sentence(phrase, { preemptible: true }),
    })
    this.#running = new RunningAnswer({
      ...options,
      prompt: () => this.#prompt,
      speech: this.#speech,
      toolCalls: this.#toolCalls,
      fillerPhrases,
      act: (action) => this.#act(action),
      onEnd: (end) => this.#end(end),
    })
  }

  /** Whether an answer is being made or a tool runs, and the caller waits for the agent. */
  get busy(): boolean {
    return this.#running.utterance !== undefined || this.#toolCalls.running > 0
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

  /**
   * The caller has finished saying something. Answers it, in place of an answer that is still being made; `answer: false`
   * leaves that to a sentence of the program's own.
   */
  hear(text: string, { lang, answer = true }: { lang?: string | undefined; answer?: boolean } = {}): void {
    if (text.trim() === "") return
    this.#supersede()
    this.#incoming.digits(this.#dtmf.take())
    this.#incoming.speech(text, lang)
    if (answer) this.#answer()
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
    this.#speech.played(clause, this.#running.utterance)
  }

  /**
   * The caller cut the agent off after hearing `heard`. In this very tick the reply is stopped and the history cut. A
   * report about an earlier utterance cuts that one; the running reply, which the caller has not heard yet, continues.
   */
  interrupt(heard: string, { durationMs }: { durationMs?: number | undefined } = {}): void {
    const running = this.#running.utterance
    const { last } = this.#speech
    const hit = this.#speech.interrupted(heard.trim(), { durationMs, running })
    if (hit && hit.utterance === running) this.#running.interrupt()
    if (hit) this.#speech.cut(hit.utterance, hit.text)
    // What has begun since is heard all the same.
    if (!hit || hit.utterance === last) {
      this.#output.interrupt()
      this.#ending.now()
    }
    this.#speech.report()
  }

  /**
   * The caller cut the agent off, and all that was heard was reported as `played`. In this very tick the reply is stopped,
   * the history cut and the output interrupted.
   */
  cutOff(): void {
    this.#running.interrupt()
    this.#speech.cutUnplayed({ allReported: true })
    this.#output.interrupt()
    this.#ending.now()
    this.#speech.report()
  }

  /** The caller said something that asks for no answer. */
  note(text: string, { lang }: { lang?: string | undefined } = {}): void {
    if (text.trim() !== "") this.#incoming.speech(text, lang)
  }

  /** Says last words and ends the conversation. */
  wrapUp(text: string, end: SessionEnd): void {
    this.#end(end, text)
  }

  /**
   * The socket is closed. What is known not to have been played was not heard. `allReported`: all that was heard was
   * reported as `played`.
   */
  close({ allReported = false } = {}): void {
    this.#incoming.digits(this.#dtmf.take())
    this.#ending.close()
    const running = this.#running.utterance
    this.#running.interrupt()
    this.#speech.cutUnplayed({ allReported })
    if (running?.startedAt !== undefined) this.#speech.cut(running, running.turn.text)
    this.#speech.report()
  }

  #answer(): void {
    if (this.#ending.isOpen) this.#running.start()
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

  #sentence(text: string, options?: { preemptible: boolean }): void {
    if (this.#output.muted) return
    this.#output.sentence(text, options)
    this.greeted(text)
  }

  /** A newer turn of the caller takes the place of the running answer. What was sent of it is still heard. */
  #supersede(): void {
    this.#speech.report()
    this.#running.supersede()
  }

  #end(end: SessionEnd, lastWords = ""): void {
    if (!this.#ending.isOpen) return
    this.#running.supersede()
    this.#incoming.digits(this.#dtmf.take())
    if (lastWords !== "") this.#sentence(lastWords)
    this.#ending.request(end)
  }
}
