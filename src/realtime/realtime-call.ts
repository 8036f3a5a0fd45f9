/** A conversation with a speech-to-speech model on a media stream: what the caller, the model and programs do, joined. */

import type { CallId } from "../call/ids.ts"
import type { AgentChange, AgentState, InsertedMessage } from "../call/live-calls.ts"
import type { SessionEnd } from "../call/session-end.ts"
import { CallAgent } from "../conversation/call-agent.ts"
import { historyOf } from "../conversation/call-context.ts"
import { DtmfBuffer } from "../conversation/dtmf-buffer.ts"
import { EndAfterPlayback } from "../conversation/end-after-playback.ts"
import type { History } from "../conversation/history.ts"
import { IncomingTurns } from "../conversation/incoming-turns.ts"
import { AgentAudio } from "../media/agent-audio.ts"
import { CallerAudio } from "../media/caller-audio.ts"
import { MediaOutput } from "../media/media-output.ts"
import { refuseFrame } from "../media/end-stream.ts"
import type { MediaEngine } from "../media/media-session.ts"
import type { MediaStream } from "../media/media-stream.ts"
import type { RealtimeCallOptions } from "./call-options.ts"
import { CallTools } from "./call-tools.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import { ModelSession } from "./model-session.ts"
import { encodeAppend } from "./protocol/client-events.ts"
import { historyFrames } from "./protocol/history-items.ts"
import { TurnManager } from "./turn-manager.ts"

/** How long the model may take to say a farewell. */
const FAREWELL_MS = 8_000

export class RealtimeCall implements MediaEngine {
  readonly callId: CallId
  readonly callerAudio: CallerAudio
  readonly #stream: MediaStream
  readonly #agent: CallAgent
  readonly #history: History
  readonly #audio: AgentAudio
  readonly #output: MediaOutput
  readonly #ending: EndAfterPlayback
  readonly #turns: TurnManager
  readonly #incoming: IncomingTurns
  readonly #dtmf: DtmfBuffer

  constructor(options: RealtimeCallOptions) {
    const { context, stream, connectTo, model, transcribeModel, modelTimes, tap } = options
    const { call, lifecycle, keep, publish, times, sweep, log } = context
    this.callId = call.id
    this.#stream = stream
    this.#history = historyOf(context)
    const { clock } = sweep
    this.callerAudio = new CallerAudio({ callId: call.id, encode: encodeAppend, tap, log })
    this.#audio = new AgentAudio({ stream, history: this.#history, clock, publish, callId: call.id, tap })
    this.#output = new MediaOutput({
      stream,
      audio: this.#audio,
      context,
      speak: (text) => this.#turns.say(text),
      stop: () => this.#turns.interrupt(),
      switchLanguage: (tag) => {
        session.speak(tag)
        this.#turns.update()
      },
    })
    const end = (reason: SessionEnd) => this.#output.end(reason)
    this.#ending = new EndAfterPlayback({ output: this.#output, end, sweep })
    this.#agent = new CallAgent({
      context,
      facts: { sessionId: stream.streamSid },
      output: this.#output,
      engine: {
        busy: () => this.#turns.busy,
        greet: (text) => this.#output.sentence(text),
        say: (text) => this.#output.sentence(text),
        insert: (message) => this.insert(message),
        forget: () => this.#forget(),
        promptChanged: () => this.#turns.update(),
        wrapUp: (text, end) => this.wrapUp(text, end),
      },
    })
    const session = new ModelSession({ agent: this.#agent, model, transcribeModel })
    const tools = new CallTools({
      agent: this.#agent,
      output: this.#output,
      ending: this.#ending,
      onEnding: () => this.#modelIsQuiet(),
    })
    this.#turns = new TurnManager({
      ...session.turnSettings(),
      connect: connectTo({ model: session.model, safetyId: this.#agent.prompt().safetyId }),
      prelude: () => {
        this.#audio.keepHeard()
        return historyFrames(this.#history.items())
      },
      history: this.#history,
      callerAudio: this.callerAudio,
      agentAudio: this.#audio,
      keep,
      keepUsage: (usage) => lifecycle.usage(call.id, usage),
      publish,
      runTool: (toolCall) => tools.run(toolCall),
      act: (action) => tools.act(action),
      onCaller: () => this.#callerSpeaks(),
      onQuiet: () => this.#modelIsQuiet(),
      onFailed: (failure) => this.#modelFailed(failure),
      times: { ...times, ...modelTimes },
      sweep,
      log,
    })
    this.#incoming = new IncomingTurns({ history: this.#history, clock, publish })
    const onDigits = (digits: string) => this.#digits(digits)
    this.#dtmf = new DtmfBuffer({ sweep, pauseMs: times.digitsMs, onDigits })
    this.#agent.start()
  }

  dtmf(digit: string): void {
    this.#agent.resetSilence()
    this.#dtmf.add(digit)
  }

  reached(mark: string): void {
    if (this.#output.reached(mark)) this.#ending.now()
    else if (!this.#audio.isSpeaking) this.#turns.quiet()
  }

  closed(onSettled: () => void): void {
    this.#agent.close()
    this.#incoming.digits(this.#dtmf.take())
    this.#ending.close()
    this.#stream.closed()
    this.#turns.close(onSettled)
    this.#audio.cut()
  }

  get isEnding(): boolean {
    return !this.#ending.isOpen
  }

  say(text: string): void {
    if (!this.#ending.isOpen || this.#output.muted) return
    this.#output.sentence(text)
    // A caller who is spoken to gets the whole threshold to answer.
    this.#agent.resetSilence()
  }

  insert(message: InsertedMessage): void {
    this.#incoming.message(message)
    const { role, text, respond } = message
    this.#turns.insert({ type: "message", role, text }, { respond })
  }

  sendFrame(): void {
    refuseFrame()
  }

  change(change: AgentChange): AgentState {
    return this.#agent.change(change)
  }

  wrapUp(text: string, end: SessionEnd): void {
    if (!this.#ending.isOpen) return
    this.#agent.close()
    this.#incoming.digits(this.#dtmf.take())
    const isSpoken = text !== "" && !this.#output.muted && this.#turns.isConnected
    if (!isSpoken) return this.#ending.request(end)
    this.#ending.requestAfterSpeech(end, { withinMs: FAREWELL_MS })
    this.#output.sentence(text)
  }

  close(code: number, reason: string): void {
    this.#stream.close(code, reason)
  }

  #forget(): void {
    this.#history.forget()
    this.#turns.forget()
  }

  #callerSpeaks(): void {
    this.#agent.resetSilence()
    // A caller who interrupts the farewell has heard enough of it.
    this.#ending.now()
  }

  /** Nothing is being said or made, so a farewell was said if one was requested. */
  #modelIsQuiet(): void {
    if (!this.#turns.busy) this.#ending.recheck()
  }

  #digits(digits: string): void {
    this.#incoming.digits(digits)
    if (!this.#ending.isOpen) return
    this.#output.interrupt()
    const text = `The caller pressed ${digits} on the keypad.`
    this.#turns.insert({ type: "message", role: "user", text }, { respond: true })
  }

  /** The caller hears a stored sentence, and the call continues elsewhere. */
  #modelFailed(failure: ConnectionFailure): void {
    this.#agent.close()
    if (!this.#ending.isOpen) return this.#ending.recheck()
    this.#audio.playPrompt("technical-problem")
    const isRefused = failure.status === 401 || failure.status === 403
    this.#ending.request({
      reason: isRefused ? "model-refused" : "model-failed",
      detail: failure.message,
    })
  }
}
