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
import { AppError } from "../lib/errors.ts"
import { AgentAudio } from "../media/agent-audio.ts"
import { CallerAudio } from "../media/caller-audio.ts"
import { MediaOutput } from "../media/media-output.ts"
import type { MediaEngine } from "../media/media-session.ts"
import type { MediaStream } from "../media/media-stream.ts"
import type { CallAction, ToolOutcome } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"
import type { RealtimeCallOptions } from "./call-options.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import { encodeAppend } from "./protocol/client-events.ts"
import { historyFrames } from "./protocol/history-items.ts"
import { sessionFor, turnEndMs } from "./protocol/session-update.ts"
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
  #language: string | undefined

  constructor({ context, stream, connectTo, transcribeModel, tap, ...options }: RealtimeCallOptions) {
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
        this.#language = tag
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
    const { realtime, phrases } = this.#agent.agent
    const model = realtime.model ?? options.model
    this.#turns = new TurnManager({
      connect: connectTo({ model, safetyId: this.#agent.prompt().safetyId }),
      model,
      transcriber: realtime.transcription?.model ?? transcribeModel,
      session: () => this.#session({ model, transcribeModel }),
      prelude: () => {
        this.#audio.keepHeard()
        return historyFrames(this.#history.items())
      },
      serverInterrupts: realtime.turnDetection.interruptResponse,
      serverAnswers: realtime.turnDetection.createResponse,
      turnEndMs: turnEndMs(realtime),
      transcribes: realtime.transcription !== null,
      playsHoldPrompts: phrases.wait.length > 0,
      history: this.#history,
      callerAudio: this.callerAudio,
      agentAudio: this.#audio,
      keep,
      keepUsage: (usage) => lifecycle.usage(call.id, usage),
      publish,
      runTool: (toolCall) => this.#runTool(toolCall),
      act: (action) => this.#act(action),
      onCaller: () => this.#callerSpeaks(),
      onQuiet: () => this.#modelIsQuiet(),
      onFailed: (failure) => this.#modelFailed(failure),
      times: { ...times, ...options.modelTimes },
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
    throw new AppError(
      "INVALID_REQUEST",
      "This call speaks through audio and takes no frames. Say a line or insert a message.",
    )
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

  #session({ model, transcribeModel }: { model: string; transcribeModel: string }): object {
    const { instructions, tools } = this.#agent.prompt()
    const language = this.#language
    return sessionFor({
      model,
      transcribeModel,
      settings: this.#agent.agent.realtime,
      instructions:
        language === undefined
          ? instructions
          : `${instructions}\n\nFrom now on, speak the language ${language}.`,
      tools,
    })
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

  /** A media stream cannot do everything that tools may ask for. */
  async #runTool(toolCall: ToolCall): Promise<ToolOutcome> {
    const outcome = await this.#agent.runTool(toolCall)
    if (!outcome.ok || outcome.action?.type !== "play-media") return outcome
    return { ok: false, code: "NOT_AVAILABLE", message: "Audio files cannot be played on this call." }
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

  #act(action: CallAction): void {
    switch (action.type) {
      case "send-digits":
      case "play-media":
      case "switch-language":
        return this.#output.act(action)
      case "set-listen-mode":
      case "set-silence-detection":
      case "change-context":
        return this.#agent.update(action)
      case "end-call":
        // The farewell of the same answer may still be on its way.
        this.#ending.requestAfterSpeech(action.end)
        this.#agent.close()
        return this.#modelIsQuiet()
      default:
        action satisfies never
    }
  }
}
