/**
 * The turns of a conversation with a speech-to-speech model: joins its parts, passes on what the call asks for, and follows
 * the connection to the model from the first attempt to the hang-up.
 */

import { HoldPrompts } from "../media/hold-prompts.ts"
import { CallerTranscripts } from "./caller-transcripts.ts"
import { ClosingTranscription } from "./closing-transcription.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import { ReconnectingConnection, type ModelConnection } from "./connection/reconnecting.ts"
import { FunctionCalls } from "./function-calls.ts"
import { ModelEvents } from "./model-events.ts"
import { ModelFailures } from "./model-failures.ts"
import { PendingResponses } from "./pending-responses.ts"
import { encodeItemCreate, encodeItemDelete, type NewItem } from "./protocol/client-events.ts"
import { ResponseAudio } from "./response-audio.ts"
import { SpeechReaction } from "./speech-reaction.ts"
import type { TurnManagerOptions } from "./turn-manager-options.ts"
import { RealtimeUsage } from "./usage.ts"

export class TurnManager {
  readonly #options: TurnManagerOptions
  readonly #audio: ResponseAudio
  readonly #caller: CallerTranscripts
  readonly #connection: ReconnectingConnection
  readonly #events: ModelEvents
  readonly #failures: ModelFailures
  readonly #pending: PendingResponses
  readonly #reaction: SpeechReaction
  readonly #usage: RealtimeUsage

  constructor(options: TurnManagerOptions) {
    const { agentAudio, times, sweep } = options
    this.#options = options
    this.#audio = new ResponseAudio(agentAudio)
    this.#caller = new CallerTranscripts(options)
    this.#usage = new RealtimeUsage(options)
    const waiting = { enabled: options.playsHoldPrompts, silenceMs: times.waitPhraseMs }
    this.#pending = new PendingResponses({
      ...options,
      holdPrompts: new HoldPrompts({ ...waiting, voice: agentAudio, sweep }),
      isCallerSpeaking: () => this.#caller.isSpeaking,
      onUnspoken: (request, outcome) => this.#failures.unspoken(request, outcome),
      onStalled: (message) => this.#connection.giveUp({ retryable: true, message }),
    })
    this.#failures = new ModelFailures({
      ...options,
      pending: this.#pending,
      connection: () => this.#connection,
    })
    this.#reaction = new SpeechReaction({
      ...options,
      silenceMs: times.modelSilenceMs,
      isListening: () => this.isConnected && !this.busy && agentAudio.quietAt() <= sweep.clock.monotonic(),
      onNoReaction: (message) => this.#failures.noReaction(message),
    })
    this.#events = new ModelEvents({
      ...options,
      audio: this.#audio,
      caller: this.#caller,
      functionCalls: this.#functionCalls(),
      pending: this.#pending,
      reaction: this.#reaction,
      failures: this.#failures,
      usage: this.#usage,
      connection: () => this.#connection,
    })
    this.#connection = new ReconnectingConnection({
      ...options,
      isBetweenTurns: () => !this.busy && !this.#caller.awaitsTranscript && !agentAudio.isSpeaking,
      connectMs: times.modelConnectMs,
      liveness: { pingMs: times.modelPingMs, stallMs: times.modelStallMs },
      events: {
        ready: (connection, again) => this.#ready(connection, again),
        event: (event, connection) => this.#events.receive(event, connection),
        lost: (failure) => this.#lost(failure),
        failed: (failure) => this.#failed(failure),
      },
    })
  }

  get isConnected(): boolean {
    return this.#connection.current !== undefined
  }

  /** Whether a response is pending or a tool runs, and the caller waits for the agent. */
  get busy(): boolean {
    return this.#pending.busy
  }

  /** Has the model say a sentence, word for word as far as it can. */
  say(text: string): void {
    if (text.trim() !== "" && !this.#options.agentAudio.muted)
      this.#pending.request({ kind: "sentence", text })
  }

  /** Sends the model an item that is in the history already. With `respond`, the model answers it. */
  insert(item: NewItem, { respond }: { respond: boolean }): void {
    // A later connection gets the item as part of the history.
    this.#connection.current?.send(encodeItemCreate(item))
    if (respond) this.#pending.request({ kind: "answer", about: [] })
  }

  /** Stops what is being said, for a reason other than the caller's voice. */
  interrupt(): void {
    this.#audio.cut(this.#connection.current, this.#pending.interrupt())
  }

  /** Sends the model the session as it should be now. */
  update(): void {
    if (this.#connection.update()) this.#pending.sessionUpdateSent()
  }

  /** Deletes everything that was said from the model's context. */
  forget(): void {
    const connection = this.#connection.current
    for (const itemId of connection?.items.ids() ?? []) connection?.send(encodeItemDelete(itemId))
  }

  /** All audio that was sent has been heard. */
  quiet(): void {
    if (!this.busy) this.#options.onQuiet()
  }

  /**
   * The call is over. The transcript of what the caller said last may still come, through `keep` and `publish`; `onSettled`
   * is called once none will come any more.
   */
  close(onSettled: () => void = () => {}): void {
    if (!this.#events.isLive) return onSettled()
    this.#pending.close()
    this.#reaction.stop()
    const transcription = new ClosingTranscription({
      caller: this.#caller,
      usage: this.#usage,
      pending: this.#pending,
      connection: this.#connection,
      sweep: this.#options.sweep,
      onSettled,
    })
    this.#events.close(transcription)
    transcription.start()
  }

  #ready({ send }: ModelConnection, again: boolean): void {
    this.#pending.connected(send)
    if (again) this.#options.log.info("conversation continues on a new model connection")
  }

  #lost(failure: ConnectionFailure): void {
    this.#failures.connectionLost(failure, { retried: true })
    const breaksOff = this.#pending.disconnected()
    this.#discardSpeech()
    // An answer that breaks off is explained at once; a loss in silence only when it lasts.
    if (breaksOff) this.#options.agentAudio.playPrompt("one-moment")
  }

  #failed(failure: ConnectionFailure): void {
    this.#failures.connectionLost(failure, { retried: false })
    this.#pending.failed()
    this.#discardSpeech()
    this.#events.fail()
    this.#usage.flush()
    this.#options.onFailed(failure)
  }

  /** What the caller was saying and what the agent had not said yet belong to the connection that is gone. */
  #discardSpeech(): void {
    this.#reaction.stop()
    this.#caller.discardSpeech()
    this.#options.agentAudio.broken()
  }

  #functionCalls(): FunctionCalls {
    const { agentAudio, runTool } = this.#options
    return new FunctionCalls({
      ...this.#options,
      run: runTool,
      connection: () => this.#connection.current,
      lastTurnOf: (responseId) => agentAudio.lastTurnOf(responseId),
      pending: this.#pending,
    })
  }
}
