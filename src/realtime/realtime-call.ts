/** A call on a speech-to-speech model while its conversation runs: what the caller, the model and others do, joined. */

import type { Parameters } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import type { AgentChange, AgentState, Ending, InsertedMessage, LiveCall } from "../call/live-calls.ts"
import type { SessionStart } from "../call/session-start.ts"
import { CallAgent } from "../conversation/call-agent.ts"
import { Digits } from "../conversation/dtmf-buffer.ts"
import { History } from "../conversation/history.ts"
import { runCallTool } from "../conversation/run-call-tool.ts"
import { SilenceDetection } from "../conversation/silence-detection.ts"
import { LiveUpdate } from "../conversation/live-update.ts"
import { AppError } from "../lib/errors.ts"
import type { MediaStream } from "../media/media-stream.ts"
import type { CallAction, ToolOutcome } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"
import { AgentAudio } from "../media/agent-audio.ts"
import { CallerAudio } from "../media/caller-audio.ts"
import { encodeAppend, encodeItemDelete, type NewItem } from "./protocol/client-events.ts"
import type { RealtimeCallOptions } from "./call-options.ts"
import { TurnManager } from "./turn-manager.ts"
import { historyFrames } from "./protocol/history-items.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import { sessionFor } from "./protocol/session-update.ts"

/** Allowed beyond the end of what is being said before a session ends all the same, in milliseconds. */
const END_GRACE_MS = 2_000
/** How long the model may take to say last words. */
const FAREWELL_MS = 8_000
const END_LABEL = "end"

export class RealtimeCall implements LiveCall {
  readonly callId: CallId
  readonly #options: RealtimeCallOptions
  /** Where every piece of the caller's sound goes. */
  readonly sound: CallerAudio
  readonly #stream: MediaStream
  readonly #role: CallAgent
  readonly #history: History
  readonly #voice: AgentAudio
  readonly #dialog: TurnManager
  readonly #silence: SilenceDetection
  readonly #liveUpdate: LiveUpdate
  readonly #digits: Digits
  #language: string | undefined
  #ending: Ending | undefined
  #handedOver = false
  #cancelEnd = () => {}

  /** `parameters`: those of the call and of the socket, without the program's own. */
  constructor(
    options: RealtimeCallOptions,
    { stream, parameters, start }: { stream: MediaStream; parameters: Parameters; start: SessionStart },
  ) {
    const { call, assets, sweep, log, publish, keep, times, connectTo } = options
    this.callId = call.id
    this.#options = options
    this.sound = new CallerAudio({ callId: call.id, encode: encodeAppend, tap: options.tap, log })
    this.#stream = stream
    this.#role = new CallAgent({ assets, call, facts: { sessionId: stream.streamSid }, parameters, log })
    const { agent } = this.#role
    const listenMode = parameters["listenMode"]
    const muted = listenMode === undefined ? agent.listenMode : listenMode === "true"
    const turns = start.kind === "new" ? [] : start.turns
    this.#history = new History({ callId: call.id, turns, keep })
    this.#voice = new AgentAudio({
      stream,
      history: this.#history,
      clock: sweep.clock,
      publish,
      muted,
      callId: call.id,
      tap: options.tap,
    })
    const model = agent.realtime.model ?? options.model
    this.#dialog = new TurnManager({
      connect: connectTo({ model, safetyId: this.#role.brief().safetyId }),
      model,
      transcriber: agent.realtime.transcription?.model ?? options.transcribeModel,
      session: () => this.#session(model),
      prelude: () => {
        this.#voice.keepHeard()
        return historyFrames(this.#history.items())
      },
      serverInterrupts: agent.realtime.turnDetection.interruptResponse,
      serverAnswers: agent.realtime.turnDetection.createResponse,
      transcribes: agent.realtime.transcription !== null,
      waitsWithWords: agent.phrases.wait.length > 0,
      history: this.#history,
      callerAudio: this.sound,
      voice: this.#voice,
      keep,
      keepUsage: options.keepUsage,
      publish,
      runTool: (toolCall) => this.#runTool(toolCall),
      act: (action) => this.#act(action),
      onCaller: () => this.#callerSpeaks(),
      onQuiet: () => this.#endIfSaid(),
      onFailed: (failure) => this.#modelFailed(failure),
      times,
      sweep,
      log,
    })
    this.#digits = new Digits({ sweep, pauseMs: times.digitsMs, onRow: (digits) => this.#keyed(digits) })
    this.#silence = new SilenceDetection({
      thresholdMs: agent.silence.secondsThreshold * 1000,
      messages: agent.silence.messages,
      sweep,
      quietAt: () => this.#voice.quietAt(),
      busy: () => this.#dialog.busy,
      remind: (text) => this.#dialog.say(text),
      giveUp: () => this.wrapUp("", { reasonCode: "unresponsive", reason: "The caller was not speaking" }),
    })
    this.#liveUpdate = new LiveUpdate({
      role: this.#role,
      voice: this.#voice,
      silence: this.#silence,
      goesOn: () => this.#ending === undefined,
      onRole: () => {
        this.#dialog.update()
        options.onAgent(this.#role.agent)
      },
      forget: () => {
        this.#history.forget()
        this.#dialog.forget((itemId) => encodeItemDelete(itemId))
      },
      insert: (message) => this.insert(message),
      publish: publish,
    })
    options.onAgent(agent)
    this.#firstWords(start)
    this.#liveUpdate.watchSilence()
  }

  /** The caller pressed a key. */
  press(digit: string): void {
    this.#silence.alive()
    this.#digits.press(digit)
  }

  /** A mark came back from Twilio. */
  reached(mark: string): void {
    if (this.#voice.reached(mark).includes(END_LABEL)) this.#handOver()
    else if (!this.#voice.isSpeaking) this.#dialog.quiet()
  }

  /** The socket is gone. `onSettled` is called once all that was said is recorded. */
  closed(onSettled: () => void): void {
    this.#silence.stop()
    this.#noteKeys(this.#digits.take())
    this.#cancelEnd()
    this.#stream.closed()
    this.#dialog.close(onSettled)
    this.#voice.cut()
  }

  say(text: string): void {
    if (this.#ending || this.#voice.muted) return
    this.#dialog.say(text)
    // Whoever is spoken to is given the time to answer.
    this.#silence.alive()
  }

  insert({ role, text, respond }: InsertedMessage): void {
    const speaker = role === "user" ? "caller" : role === "assistant" ? "agent" : "system"
    const turn = this.#history.note(text, { speaker, at: this.#options.sweep.clock.now() })
    this.#options.publish({ type: "message.inserted", turnId: turn.id, role, text })
    this.#dialog.insert({ type: "message", role, text } satisfies NewItem, { respond })
  }

  sendFrame(): void {
    throw new AppError(
      "INVALID_REQUEST",
      "This call speaks through audio and takes no frames. Say a line or insert a message.",
    )
  }

  change(change: AgentChange): AgentState {
    return this.#liveUpdate.change(change)
  }

  wrapUp(text: string, ending: Ending): void {
    if (this.#ending) return
    this.#ending = ending
    this.#silence.stop()
    this.#noteKeys(this.#digits.take())
    if (text !== "" && !this.#voice.muted && this.#dialog.isConnected) {
      this.#dialog.say(text)
      this.#cancelEnd = this.#options.sweep.after(FAREWELL_MS, () => this.#endWhenHeard())
    } else this.#endWhenHeard()
  }

  close(code: number, reason: string): void {
    this.#stream.close(code, reason)
  }

  #firstWords(start: SessionStart): void {
    const { phrases } = this.#role.agent
    switch (start.kind) {
      case "new":
        return this.#dialog.say(this.#role.firstWords)
      case "resumed":
        return this.#dialog.say(phrases.resumed)
      case "transfer-failed":
        this.insert({
          role: "system",
          text: `The caller was to be handed to a person, but nobody took the call (${start.reason}).`,
          respond: false,
        })
        return this.#dialog.say(phrases.transferFailed)
      default:
        start satisfies never
    }
  }

  #session(model: string): object {
    const { instructions, tools } = this.#role.brief()
    const language = this.#language
    return sessionFor({
      model,
      transcribeModel: this.#options.transcribeModel,
      settings: this.#role.agent.realtime,
      instructions:
        language === undefined
          ? instructions
          : `${instructions}\n\nFrom now on, speak the language ${language}.`,
      tools,
    })
  }

  #callerSpeaks(): void {
    this.#silence.alive()
    // Whoever cuts off last words has heard enough of them.
    if (this.#ending) this.#handOver()
  }

  #noteKeys(digits: string): void {
    const { publish, sweep } = this.#options
    if (digits === "") return
    const turn = this.#history.caller(digits, { kind: "keypad", at: sweep.clock.now() })
    publish({ type: "digits.received", turnId: turn.id, digits })
  }

  #keyed(digits: string): void {
    this.#noteKeys(digits)
    if (this.#ending) return
    this.#dialog.interrupt()
    const text = `The caller pressed ${digits} on the keypad.`
    this.#dialog.insert({ type: "message", role: "user", text }, { respond: true })
  }

  /** A media stream cannot do everything that tools may ask for. */
  async #runTool(toolCall: ToolCall): Promise<ToolOutcome> {
    const outcome = await runCallTool(this.#options, this.#role.agent, toolCall)
    if (!outcome.ok || outcome.action?.type !== "play-media") return outcome
    return { ok: false, code: "NOT_AVAILABLE", message: "Sound files cannot be played on this call." }
  }

  /** Last words, if any are owed, were said by the model; now they are to be heard. */
  #endIfSaid(): void {
    if (this.#ending && !this.#dialog.busy) this.#endWhenHeard()
  }

  #endWhenHeard(): void {
    this.#cancelEnd()
    const waitMs = this.#voice.quietAt() - this.#options.sweep.clock.now()
    if (!this.#voice.isSpeaking || !this.#stream.mark(END_LABEL)) return this.#handOver()
    this.#cancelEnd = this.#options.sweep.after(waitMs + END_GRACE_MS, () => this.#handOver())
  }

  #handOver(): void {
    const ending = this.#ending
    if (!ending || this.#handedOver) return
    this.#handedOver = true
    this.#cancelEnd()
    const { reasonCode, reason, transferTo } = ending
    this.#options.publish({
      type: "session.handed-over",
      reasonCode,
      reason: reason.slice(0, 2_000),
      ...(transferTo === undefined ? {} : { transferTo }),
    })
    this.#stream.close(1000, "session ended")
  }

  /** The caller hears a sentence, and the call goes on elsewhere. */
  #modelFailed(failure: ConnectionFailure): void {
    this.#silence.stop()
    const isRefused = failure.status === 401 || failure.status === 403
    if (!this.#ending) {
      this.#voice.playPrompt("technical-problem")
      this.#ending = { reasonCode: isRefused ? "model-refused" : "model-failed", reason: failure.message }
    }
    this.#endWhenHeard()
  }

  #act(action: CallAction): void {
    switch (action.type) {
      case "send-digits":
        return this.#voice.playTones(action.digits)
      case "play-media":
        return
      case "switch-language":
        this.#language = action.ttsLanguage ?? this.#language
        return this.#dialog.update()
      case "set-listen-mode":
      case "set-silence-detection":
      case "change-context":
        return this.#liveUpdate.steer(action)
      case "end-call":
        // The farewell of the same answer may still be on its way.
        this.#ending ??= action.handoff
        this.#silence.stop()
        return this.#endIfSaid()
      default:
        action satisfies never
    }
  }
}
