/** A conversation on a media stream with a transcriber, a text model and a synthesizer. */

import type { Agent, AgentModel } from "../assets/agent.ts"
import { dtmfTones } from "../audio/dtmf.ts"
import { storedPrompt } from "../audio/prompts.ts"
import type { AudioTap } from "../call/audio-tap.ts"
import type { CallId } from "../call/ids.ts"
import type { AgentChange, AgentState, InsertedMessage } from "../call/live-calls.ts"
import type { SessionEnd } from "../call/session-end.ts"
import { CallAgent } from "../conversation/call-agent.ts"
import { historyOf, type CallContext } from "../conversation/call-context.ts"
import { agentConversation } from "../conversation/agent-conversation.ts"
import type { Conversation } from "../conversation/conversation.ts"
import { EndAfterPlayback } from "../conversation/end-after-playback.ts"
import { MenuFirst } from "../conversation/ivr/menu-first.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import { refuseFrame } from "../media/end-stream.ts"
import type { MediaEngine } from "../media/media-session.ts"
import type { MediaStream } from "../media/media-stream.ts"
import type { SpeechFailure } from "../speech/failure.ts"
import type { SpeechMeter } from "../speech/speech-meter.ts"
import type { OpenSynthesizer, Synthesizer } from "../speech/synthesizer.ts"
import type { OpenTranscriber } from "../speech/transcriber.ts"
import { CallerTurns } from "./caller-turns.ts"
import { asksForDictation } from "./dictation.ts"
import { PipelineOutput } from "./pipeline-output.ts"
import { Pronunciation } from "./pronunciation.ts"
import { speechUsage } from "./speech-usage.ts"
import { SpokenQueue } from "./spoken-queue.ts"

/** Longest wait for speech that is still to be synthesized, beyond the estimate. */
const MAX_OVERTIME_MS = 10_000

/** What the agent hears and speaks with. */
export type SpeechProviders = { hear: OpenTranscriber; speak: OpenSynthesizer }

export type PipelineCallOptions = {
  context: CallContext
  stream: MediaStream
  modelFor: (choice: AgentModel) => ChatModel
  /** Throws `AppError` NOT_CONFIGURED when a provider has no key. */
  speechFor: (agent: Agent, meter: SpeechMeter) => SpeechProviders
  /** Receives the audio of both sides. */
  tap: AudioTap
}

export class PipelineCall implements MediaEngine {
  readonly callId: CallId
  readonly callerAudio: CallerTurns
  readonly #context: CallContext
  readonly #stream: MediaStream
  readonly #agent: CallAgent
  readonly #queue: SpokenQueue
  readonly #synthesizer: Synthesizer
  readonly #output: PipelineOutput
  readonly #ending: EndAfterPlayback
  readonly #conversation: Conversation
  readonly #menu: MenuFirst

  constructor({ context, stream, modelFor, speechFor, tap }: PipelineCallOptions) {
    const { call, lifecycle, sweep } = context
    this.callId = call.id
    this.#context = context
    this.#stream = stream
    this.#queue = new SpokenQueue({
      stream,
      clock: sweep.clock,
      callId: call.id,
      tap,
      onHeard: (words) => this.#conversation.played(words),
      onQuiet: () => this.#quiet(),
      onPaused: () => this.#playbackChanged(),
    })
    this.#output = new PipelineOutput({
      queue: this.#queue,
      speak: (listener) => this.#synthesizer.speak(listener),
      pronunciation: () => pronunciation,
      stream,
      context,
      onSynthesized: () => this.#playbackChanged(),
      onFailed: (failure) => this.#failed("speaking", failure),
    })
    this.#ending = new EndAfterPlayback({
      output: this.#output,
      limitMs: MAX_OVERTIME_MS,
      end: (end) => this.#output.end(end),
      sweep,
    })
    this.#agent = new CallAgent({
      context,
      facts: { sessionId: stream.streamSid },
      output: this.#output,
      engine: {
        busy: () => this.#conversation.busy,
        greet: (text) => this.#greet(text),
        say: (text) => this.#conversation.say(text),
        insert: (message) => this.insert(message),
        forget: () => this.#conversation.forget(),
        promptChanged: () => this.#conversation.setPrompt(this.#agent.prompt()),
        wrapUp: (text, end) => this.wrapUp(text, end),
      },
    })
    const { agent } = this.#agent
    const pronunciation = new Pronunciation(agent.pronunciation)
    const speech = speechFor(
      agent,
      speechUsage((usage) => lifecycle.usage(call.id, usage)),
    )
    this.#synthesizer = speech.speak((failure) => this.#failed("speaking", failure))
    const history = historyOf(context)
    const model = modelFor(agent.model)
    this.#conversation = agentConversation({
      context,
      agent: this.#agent,
      history,
      model,
      output: this.#output,
      ending: this.#ending,
    })
    this.callerAudio = new CallerTurns({
      callId: call.id,
      tap,
      open: speech.hear,
      rule: agent.interruption,
      sweep,
      queue: this.#queue,
      onSpeech: () => this.#agent.resetSilence(),
      onInterruption: () => this.#interrupted(),
      onTurn: (text, { answered }) => this.#heard(text, answered),
      onFailed: (failure) => this.#failed("hearing", failure),
    })
    this.#menu = new MenuFirst({
      context,
      agent,
      prompt: () => this.#agent.prompt(),
      model,
      history,
      voice: this.#output,
      conversation: this.#conversation,
      output: {
        press: (digits) => this.#output.play(dtmfTones(digits)),
        say: (words) => this.#output.sayUnmuted(words),
      },
      personReached: () => {
        this.callerAudio.expect("conversation")
        this.#agent.start({ kind: "new" })
      },
      gaveUp: (detail) => this.wrapUp("", { reason: "agent-ended", detail }),
    })
    if (this.#menu.isActive) this.callerAudio.expect("menu")
    else this.#agent.start()
  }

  dtmf(digit: string): void {
    if (this.#menu.isActive) return
    this.#agent.resetSilence()
    if (this.#queue.isSpeaking || this.#output.isHolding) this.#interrupted()
    this.#conversation.dtmf(digit)
  }

  reached(mark: string): void {
    this.#queue.reached(mark)
  }

  closed(onSettled: () => void): void {
    this.#menu.close()
    this.#queue.reportHeard()
    this.#agent.close()
    this.#stream.closed()
    this.#conversation.close({ allReported: true })
    this.#synthesizer.close()
    this.callerAudio.close(onSettled)
  }

  get isEnding(): boolean {
    return !this.#ending.isOpen
  }

  say(text: string): void {
    if (this.#menu.isActive) return this.#menu.say(text)
    this.#conversation.say(text)
    // A caller who is spoken to gets the whole threshold to answer.
    this.#agent.resetSilence()
  }

  insert(message: InsertedMessage): void {
    this.#conversation.insert(this.#menu.silenced(message))
  }

  sendFrame(): void {
    refuseFrame()
  }

  change(change: AgentChange): AgentState {
    return this.#agent.change(change)
  }

  wrapUp(text: string, end: SessionEnd): void {
    this.#menu.close()
    this.#agent.close()
    this.#conversation.wrapUp(text, end)
  }

  close(code: number, reason: string): void {
    this.#stream.close(code, reason)
  }

  #greet(text: string): void {
    if (!this.#menu.greet(text) && text !== "") this.#conversation.say(text)
  }

  #heard(text: string, answered: boolean): void {
    if (this.#menu.isActive) this.#menu.hear(text)
    else if (answered) this.#answer(text)
    else this.#conversation.note(text)
  }

  /** Words of the last answer that were not spoken yet never are. */
  #answer(text: string): void {
    if (this.#output.isHolding) this.#interrupted()
    this.#conversation.hear(text)
  }

  #interrupted(): void {
    // A phone menu does not listen while it speaks.
    if (this.#menu.isActive) return
    this.#queue.reportHeard()
    this.#conversation.cutOff()
  }

  #quiet(): void {
    if (!this.#menu.isActive)
      this.callerAudio.expect(asksForDictation(this.#queue.lastText) ? "dictation" : "conversation")
    this.#playbackChanged()
  }

  #playbackChanged(): void {
    this.#ending.recheck()
    this.#agent.playbackChanged()
  }

  /** The caller hears a stored sentence, and the call continues elsewhere. */
  #failed(what: "hearing" | "speaking", failure: SpeechFailure): void {
    const { log, publish } = this.#context
    const { reason, status } = failure
    log.warn("speech failed", { what, reason, status })
    this.#agent.close()
    if (!this.#ending.isOpen) return this.#ending.recheck()
    this.#menu.close()
    publish({ type: "speech.failed", what, reason, ...(status === null ? {} : { status }) })
    this.#interrupted()
    const { audio, text } = storedPrompt("technical-problem")
    this.#conversation.greeted(text)
    this.#output.play(audio, text)
    // The relay listens and speaks at Twilio, so it can continue.
    this.#ending.request({ reason: "model-failed", detail: `${what}: ${reason}` })
  }
}
