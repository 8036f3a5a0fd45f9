/**
 * The conversation with a speech-to-speech model: who owes whom an answer, what of it is played, what the caller cuts off.
 * Sources: OpenAI "Realtime conversations", "Voice activity detection"; Twilio "Media Streams: WebSocket messages".
 */

import type { Turn } from "../call/turn.ts"
import type { AgentAudio } from "../media/agent-audio.ts"
import type { AudioDelta } from "./protocol/delta-fast-path.ts"
import { CallerTranscripts } from "./caller-transcripts.ts"
import { encodeItemCreate, encodeTruncate, type NewItem } from "./protocol/client-events.ts"
import type { TurnManagerOptions } from "./turn-manager-options.ts"
import { ClosingTranscription } from "./closing-transcription.ts"
import { ReconnectingConnection, type ModelConnection } from "./connection/reconnecting.ts"
import { Owed } from "./connection/pending-responses.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"
import type { ConnectionFailure } from "./connection/connection.ts"
import { ReplyEvents } from "./reply-events.ts"
import { StallWatch } from "./stall-watch.ts"
import { FunctionCalls } from "./function-calls.ts"
import { UsageLedger } from "./usage-ledger.ts"
import { HoldPrompts } from "../media/hold-prompts.ts"
import type { RealtimeResponse } from "./protocol/objects.ts"

/** From the end of the caller's speech to `response.created` of a server that answers by itself, at most. */
const SERVER_ANSWER_MS = 1_000

export class TurnManager {
  readonly #voice: AgentAudio
  readonly #stall: StallWatch
  readonly #waiting: HoldPrompts
  #closed = false
  readonly #options: TurnManagerOptions
  readonly #line: ReconnectingConnection
  readonly #caller: CallerTranscripts
  readonly #tools: FunctionCalls
  readonly #owed = new Owed()
  readonly #usage: UsageLedger
  readonly #replies: ReplyEvents
  /** Blank turns of answers that call tools before they say anything. */
  readonly #blankTurns = new Map<string, Turn>()
  /** Ends the wait for the server's own answer. */
  #cancelWait = () => {}
  #lastWords: ClosingTranscription | undefined

  constructor(options: TurnManagerOptions) {
    const { voice, history, publish, sweep, times, log, runTool, act } = options
    this.#options = options
    this.#voice = voice
    this.#caller = new CallerTranscripts({ ...options, sound: options.callerAudio })
    this.#usage = new UsageLedger(options)
    this.#stall = new StallWatch({
      firstMs: times.firstTokenMs,
      gapMs: times.tokenGapMs,
      sweep,
      onStall: () => this.#line.giveUp({ retryable: true, message: "the model sent nothing in time" }),
    })
    this.#replies = new ReplyEvents({ clock: sweep.clock, publish })
    this.#waiting = new HoldPrompts({
      voice,
      enabled: options.waitsWithWords,
      silenceMs: times.waitPhraseMs,
      sweep,
    })
    this.#tools = new FunctionCalls({
      history,
      run: runTool,
      act,
      current: () => this.#line.modelConnection,
      turnOf: (responseId) => this.#turnOf(responseId),
      onOutputs: (about) => {
        if (this.#closed) return
        this.#owed.answer = true
        this.#line.modelConnection?.queue.want({ about })
        this.#await()
      },
      sweep,
      publish,
      log,
    })
    this.#line = new ReconnectingConnection({
      connect: options.connect,
      callerAudio: options.callerAudio,
      session: options.session,
      prelude: options.prelude,
      isBetweenTurns: () => !this.busy && !this.#caller.hasWordsToCome && !voice.isSpeaking,
      connectMs: times.modelConnectMs,
      events: {
        ready: (again) => this.#ready(again),
        event: (event, modelConnection) => this.#take(event, modelConnection),
        lost: (failure) => this.#lost(failure),
        failed: (failure) => this.#failed(failure),
      },
      sweep,
      log,
    })
    this.#waiting.start()
  }

  get isConnected(): boolean {
    return this.#line.modelConnection !== undefined
  }

  /** Whether an answer is owed or made, or a tool runs: then the caller is the one who waits. */
  get busy(): boolean {
    return this.#owed.any || this.#tools.running > 0 || this.#line.modelConnection?.queue.isIdle === false
  }

  /** Has the model say a sentence, word for word as far as it can. */
  say(text: string): void {
    if (this.#closed || text.trim() === "" || this.#voice.muted) return
    const wish = this.#owed.sentence(text)
    this.#line.modelConnection?.queue.want(wish)
    this.#await()
  }

  /** Puts an item into the conversation that stands in the history already. With `respond`, the model answers it. */
  insert(item: NewItem, { respond }: { respond: boolean }): void {
    const modelConnection = this.#line.modelConnection
    // On a connection that is still to come it is part of the history.
    modelConnection?.link.send(encodeItemCreate(item))
    if (!respond || this.#closed) return
    this.#owed.answer = true
    modelConnection?.queue.want()
    this.#await()
  }

  /** Stops what is being said, for a reason that is not the caller's voice. */
  interrupt(): void {
    const modelConnection = this.#line.modelConnection
    if (modelConnection?.queue.activeId) modelConnection.dead.add(modelConnection.queue.activeId)
    modelConnection?.queue.interrupt()
    this.#cut(modelConnection)
  }

  /** Tells the model how the session should be now. */
  update(): void {
    if (!this.#closed) this.#line.update()
  }

  /** Removes everything that was said from the model's memory. */
  forget(deletion: (itemId: string) => string): void {
    const modelConnection = this.#line.modelConnection
    for (const { id } of modelConnection?.items.all() ?? []) modelConnection?.link.send(deletion(id))
  }

  /** Nothing is being heard any more. */
  quiet(): void {
    if (!this.busy) this.#options.onQuiet()
  }

  /**
   * The call is over. Words of the caller that are still being recognised come later, through `keep` and `publish`;
   * `onSettled` is called when there will be none any more.
   */
  close(onSettled: () => void = () => {}): void {
    if (this.#closed) return onSettled()
    this.#closed = true
    this.#cancelWait()
    this.#waiting.stop()
    this.#stall.stop()
    const { sweep } = this.#options
    this.#lastWords = new ClosingTranscription({
      caller: this.#caller,
      usage: this.#usage,
      line: this.#line,
      sweep,
      onSettled,
    })
  }

  #ready(again: boolean): void {
    const queue = this.#line.modelConnection?.queue
    if (!queue) return
    for (const wish of this.#owed.wishes()) queue.want(wish)
    if (!queue.isIdle) this.#await()
    else if (this.#tools.running === 0) this.#waiting.stop()
    if (again) this.#options.log.info("conversation goes on with a new session of the model")
  }

  #lost(failure: ConnectionFailure): void {
    this.#options.publish({ type: "model.failed", message: failure.message.slice(0, 500), retried: true })
    this.#stall.stop()
    this.#replies.lost()
    this.#caller.stopped()
    const voice = this.#voice
    voice.broken()
    // An answer that breaks off is explained at once; a loss in silence only when it lasts.
    if (this.busy && this.#owed.any && !this.#waiting.unanswered) voice.playPrompt("one-moment")
    this.#waiting.start()
  }

  #failed(failure: ConnectionFailure): void {
    this.#options.publish({ type: "model.failed", message: failure.message.slice(0, 500), retried: false })
    this.#stall.stop()
    this.#waiting.stop()
    this.#replies.lost()
    this.#owed.clear()
    this.#caller.stopped()
    this.#cancelWait()
    this.#voice.broken()
    this.#closed = true
    this.#usage.flush()
    this.#options.onFailed(failure)
  }

  #take(event: RealtimeEvent, modelConnection: ModelConnection): void {
    if (this.#closed) return this.#lastWords?.take(event, modelConnection)
    // These two come many times a second.
    if (event.type === "audio") return this.#play(event, modelConnection)
    if (event.type === "transcript-delta") {
      modelConnection.items.apply(event)
      return this.#stall.progress()
    }
    this.#usage.apply(event)
    this.#caller.apply(event, modelConnection)
    modelConnection.items.apply(event)
    switch (event.type) {
      case "speech-started":
        return this.#callerStarted(modelConnection)
      case "speech-stopped":
        return this.#callerStopped(modelConnection)
      case "committed":
        if (!this.#options.serverAnswers) return
        this.#owed.answer = true
        return this.#await()
      case "item-added":
        return modelConnection.queue.itemAdded(event.item.id)
      case "response-created":
        return this.#created(event.response, modelConnection)
      case "output-item-done":
        if (event.item.type === "message") this.#voice.sent(modelConnection.epoch, event.item.id)
        if (event.item.type !== "function-call") return
        this.#stall.progress()
        this.#tools.called(modelConnection, event.responseId, event.item)
        return this.#waiting.start()
      case "text-delta":
        return this.#stall.progress()
      case "response-done":
        return this.#done(event.response, modelConnection)
      case "error":
        if (modelConnection.queue.refused(event.error) === "failed") {
          this.#answerFailed(event.error.message, true)
          this.#askAgain(modelConnection)
        }
        return this.#options.log.warn("the model reported an error", {
          code: event.error.code,
          error: event.error.message,
        })
      case "session-created":
      case "session-updated":
      case "item-done":
      case "item-truncated":
      case "item-deleted":
      case "output-item-added":
      case "caller-transcript":
      case "caller-transcript-delta":
      case "caller-transcript-failed":
      case "audio-done":
      case "transcript-done":
      case "text-done":
      case "rate-limits":
      case "ignored":
      case "malformed":
        // Of use to the records of items and turns, or to nobody.
        return
      default:
        event satisfies never
    }
  }

  #play(event: AudioDelta, modelConnection: ModelConnection): void {
    const voice = this.#voice
    const { itemId, responseId } = event
    if (modelConnection.dead.has(responseId) || voice.muted) {
      // Nothing of it was heard; the model must not think otherwise. Told once, when there is sound to be cut.
      if (modelConnection.dead.has(itemId)) return
      modelConnection.dead.add(itemId)
      return void modelConnection.link.send(encodeTruncate({ itemId, audioEndMs: 0 }))
    }
    this.#stall.progress()
    this.#waiting.answered()
    voice.speak(event, modelConnection.epoch, modelConnection.textOf)
  }

  /** A server that answers by itself begins now: what else is wanted waits for that answer, unless it does not come. */
  #callerStopped({ queue }: ModelConnection): void {
    const { serverAnswers, sweep } = this.#options
    this.#cancelWait()
    const goOn = () => {
      queue.callerStopped()
      if (!queue.isIdle) this.#await()
    }
    if (serverAnswers) this.#cancelWait = sweep.after(SERVER_ANSWER_MS, goOn)
    else goOn()
  }

  /** The caller begins to speak: in this very tick the agent falls silent, and the model is told what was heard. */
  #callerStarted(modelConnection: ModelConnection): void {
    const { serverInterrupts, onCaller } = this.#options
    this.#cancelWait()
    if (modelConnection.queue.activeId) modelConnection.dead.add(modelConnection.queue.activeId)
    modelConnection.queue.callerStarted({ serverCancels: serverInterrupts })
    this.#cut(modelConnection)
    onCaller()
  }

  #cut(modelConnection: ModelConnection | undefined): void {
    this.#waiting.stop()
    this.#stall.stop()
    this.#owed.interrupted()
    for (const { itemId, epoch, heardMs, sentMs, whole } of this.#voice.cut()) {
      if (whole || modelConnection?.epoch !== epoch) continue
      modelConnection.dead.add(itemId)
      modelConnection.items.cut(itemId, { heardMs, sentMs })
      modelConnection.link.send(encodeTruncate({ itemId, audioEndMs: heardMs }))
    }
  }

  #created(response: RealtimeResponse, modelConnection: ModelConnection): void {
    const started = modelConnection.queue.created(response)
    if (started === "aside") return
    this.#cancelWait()
    if (started === "discard") return void modelConnection.dead.add(response.id)
    this.#owed.began(response)
    this.#replies.began(response)
    this.#await()
  }

  #done(response: RealtimeResponse, modelConnection: ModelConnection): void {
    const { id, status, error } = response
    const { voice } = this.#options
    modelConnection.dead.delete(id)
    this.#replies.ended(response)
    const isFailed = status === "failed"
    if (isFailed) this.#answerFailed(error?.message ?? "", error?.code !== "insufficient_quota")
    else {
      this.#owed.done(response)
      if (status === "completed" || status === "incomplete") this.#line.proven()
    }
    if (this.#line.modelConnection !== modelConnection) return
    voice.allSent(modelConnection.epoch, id)
    modelConnection.queue.done(response)
    this.#tools.done(modelConnection, id)
    this.#blankTurns.delete(id)
    if (isFailed) this.#askAgain(modelConnection)
    if (!modelConnection.queue.isIdle || this.#owed.any) return this.#await()
    this.#stall.stop()
    if (this.#tools.running > 0) return
    this.#waiting.stop()
    this.#options.onQuiet()
  }

  /** The server could not answer. It is asked again, a few times; the caller is told to wait. */
  #answerFailed(message: string, retryable: boolean): void {
    const { voice, publish, log } = this.#options
    log.warn("an answer of the model failed", { error: message })
    const again = retryable && this.#line.mayAskAgain()
    if (!again) return this.#line.giveUp({ retryable: false, message: message || "the answer failed" })
    publish({ type: "model.failed", message: message.slice(0, 500), retried: true })
    if (!voice.isSpeaking) voice.playPrompt("one-moment")
  }

  #askAgain(modelConnection: ModelConnection): void {
    if (this.#line.modelConnection !== modelConnection) return
    for (const wish of this.#owed.wishes()) modelConnection.queue.want(wish)
  }

  #turnOf(responseId: string): Turn {
    const { history, voice } = this.#options
    const turn = voice.lastTurnOf(responseId) ?? this.#blankTurns.get(responseId) ?? history.agent()
    this.#blankTurns.set(responseId, turn)
    return turn
  }

  /** The model owes something from now on. */
  #await(): void {
    // While the caller speaks, nobody waits.
    if (this.#closed || this.#caller.isSpeaking) return
    this.#stall.expect()
    if (!this.isConnected) this.#stall.stop()
    this.#waiting.start()
  }
}
