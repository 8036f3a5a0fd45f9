/** What was said and done in one conversation, in order. Every change is kept at once. `chat-items.ts` renders it for a model. */

import type { CallId } from "../call/ids.ts"
import type { Latency, Speaker, ToolRecord, Turn } from "../call/turn.ts"
import type { ChatItem } from "../llm/chat-model.ts"
import { chatItems } from "./chat-items.ts"
import { ReplyMarks, type ReplyPlace } from "./reply-marks.ts"
import { validToolCall } from "../tools/valid-tool-call.ts"

/** The result of a tool that ended with its process. */
const LOST = JSON.stringify({
  success: false,
  code: "LOST",
  message: "The result of this call was lost. It may or may not have had its effect.",
})

/** Turns that a request shows at most, the latest ones. */
const MAX_TURNS = 400

/** Position of a turn that has none yet. */
const UNPLACED = -1

type TurnFields = Pick<Turn, "kind" | "speaker" | "text" | "startedAt"> & Partial<Turn>

export type HistoryOptions = {
  callId: CallId
  /** What was said before, when a conversation resumes. */
  turns?: readonly Turn[]
  /** Receives every turn when it is made and whenever it changes; the same object each time. */
  keep: (turn: Turn) => void
}

export class History {
  readonly #callId: CallId
  readonly #keep: (turn: Turn) => void
  readonly #turns: Turn[]
  readonly #marks = new ReplyMarks()
  #nextSeq: number

  constructor({ callId, turns = [], keep }: HistoryOptions) {
    this.#callId = callId
    this.#keep = keep
    this.#turns = turns.map((turn) => ({
      ...turn,
      tool: turn.tool && { ...turn.tool, ...validToolCall(turn.tool).call },
    }))
    this.#nextSeq = turns.reduce((highest, turn) => Math.max(highest, turn.seq), -1) + 1
    for (const turn of this.#turns) {
      // A tool that was cut off by the end of the process has no result and never will have one.
      if (turn.tool?.output !== null) continue
      turn.tool.ok = false
      turn.tool.output = LOST
      this.#keep(turn)
    }
  }

  get isEmpty(): boolean {
    return this.#turns.length === 0
  }

  /** Clears the model's context; stored turns stay. */
  forget(): void {
    this.#turns.splice(0)
  }

  /** What the caller said or pressed. */
  caller(text: string, options: { kind: "speech" | "keypad"; lang?: string | undefined; at: number }): Turn {
    const { kind, lang, at } = options
    return this.#add({
      kind,
      speaker: "caller",
      text: text.toWellFormed(),
      lang: lang ?? null,
      startedAt: at,
      endedAt: at,
    })
  }

  /** A message that was not spoken: a status, a fact, an instruction. The model reads it as from `speaker`. */
  note(text: string, options: { speaker: Speaker; at: number }): Turn {
    const { speaker, at } = options
    return this.#add({ kind: "note", speaker, text: text.toWellFormed(), startedAt: at, endedAt: at })
  }

  /** What was heard or answered in a phone menu. No model reads it as part of the conversation. */
  ivr(text: string, options: { speaker: "caller" | "agent"; at: number }): Turn {
    const { speaker, at } = options
    return this.#add({ kind: "ivr", speaker, text: text.toWellFormed(), startedAt: at, endedAt: at })
  }

  /** An empty turn of the agent, to be filled by `say`. It has its place and is kept from its first word on. */
  agent(): Turn {
    return this.#make({ kind: "speech", speaker: "agent", text: "", startedAt: 0 })
  }

  /** Sets what the agent has said in its turn so far. */
  say(turn: Turn, text: string, at: number): void {
    turn.text = text
    if (turn.seq === UNPLACED) {
      turn.startedAt = at
      this.#place(turn)
    }
    this.#keep(turn)
  }

  /** Sets what was heard of an agent's turn that is over, until `at`. */
  settle(
    turn: Turn,
    options: { text: string; interrupted: boolean; at: number; latency?: Latency | undefined },
  ): void {
    const { text, interrupted, at, latency } = options
    turn.text = text
    turn.interrupted = interrupted
    turn.endedAt = at
    if (latency) turn.latency = latency
    // Opaque items belong to the loop of tool calls that has just ended.
    this.#marks.completed(turn.id)
    // A turn without a word leaves no trace.
    if (turn.seq !== UNPLACED) this.#keep(turn)
  }

  /** It is known better until when the turn was heard. One without a word leaves no trace. */
  endedAt(turn: Turn, at: number): void {
    turn.endedAt = Math.max(at, turn.startedAt)
    if (turn.seq !== UNPLACED) this.#keep(turn)
  }

  /** A tool call of the agent's turn `reply`, made after what it has said so far. */
  toolCalled(reply: Turn, call: { callId: string; name: string; arguments: string }, at: number): Turn {
    const tool: ToolRecord = {
      ...call,
      output: null,
      ok: null,
      tookMs: null,
      replyTurnId: reply.id,
      offset: reply.text.length,
    }
    return this.#add({ kind: "tool", speaker: "agent", text: "", startedAt: at, tool })
  }

  /** The one result of a tool call. */
  toolFinished(turn: Turn, result: { output: string; ok: boolean; at: number; tookMs: number }): void {
    if (!turn.tool || turn.tool.output !== null) return
    turn.tool.output = result.output
    turn.tool.ok = result.ok
    turn.tool.tookMs = result.tookMs
    turn.endedAt = result.at
    this.#keep(turn)
  }

  /** Something the back end wants returned unchanged until the reply is complete. */
  opaque(reply: Turn, item: ChatItem): void {
    this.#marks.opaque(this.#placeIn(reply), item)
  }

  /** Forgets the latest opaque items of the reply, because what belonged to them never came. */
  retract(reply: Turn): void {
    this.#marks.retract(this.#placeIn(reply))
  }

  /** The back end's name for the part of the reply that follows, if it has one. */
  phase(reply: Turn, phase: string | undefined): void {
    this.#marks.phase(this.#placeIn(reply), phase)
  }

  /** The conversation as a model reads it: what was heard, and each tool call with exactly one result. */
  items(): ChatItem[] {
    const turns = this.#turns.filter(({ kind }) => kind !== "ivr").slice(-MAX_TURNS)
    return chatItems(turns, (replyId) => this.#marks.of(replyId))
  }

  /** Where the reply is now: after so many characters and tool calls. */
  #placeIn(reply: Turn): ReplyPlace {
    const toolsBefore = this.#turns.filter(({ tool }) => tool?.replyTurnId === reply.id).length
    return { replyId: reply.id, offset: reply.text.length, toolsBefore }
  }

  #add(fields: TurnFields): Turn {
    const turn = this.#make(fields)
    this.#place(turn)
    this.#keep(turn)
    return turn
  }

  #make(fields: TurnFields): Turn {
    return {
      id: Bun.randomUUIDv7(),
      callId: this.#callId,
      seq: UNPLACED,
      interrupted: false,
      lang: null,
      endedAt: null,
      latency: null,
      tool: null,
      ...fields,
    }
  }

  #place(turn: Turn): void {
    turn.seq = this.#nextSeq++
    this.#turns.push(turn)
    // What no request will show again need not be kept in memory; it is in the store.
    if (this.#turns.length <= 2 * MAX_TURNS) return
    for (const { id } of this.#turns.splice(0, MAX_TURNS)) this.#marks.delete(id)
  }
}
