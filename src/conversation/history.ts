/** What was said and done in one conversation, in order, and how a model reads it. Every change is kept at once. */

import type { CallId } from "../call/ids.ts"
import type { Latency, Speaker, ToolRecord, Turn } from "../call/turn.ts"
import type { ChatItem } from "../llm/chat-model.ts"
import { validToolCall } from "../tools/valid-tool-call.ts"

/** Told to a model in place of the result of a tool that still runs. */
const STILL_RUNNING = JSON.stringify({
  success: false,
  code: "STILL_RUNNING",
  message: "This call is still running. Do not repeat it.",
})

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

/** A place in a reply: after so many characters and so many tool calls. */
type Mark = { offset: number; toolsBefore: number } & ({ item: ChatItem } | { phase: string | undefined })

const ROLES = { caller: "user", agent: "assistant", system: "system" } as const

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
  /** What a back end wants back beside the words of a reply, by the reply's turn. */
  readonly #marks = new Map<string, Mark[]>()
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

  /** Sets what was heard of an agent's turn that is over. */
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
    this.#keepMarks(turn.id, (mark) => "phase" in mark)
    // A turn without a word leaves no trace.
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
    this.#mark(reply, { item })
  }

  /** Forgets the latest opaque items of the reply, because what belonged to them never came. */
  retract(reply: Turn): void {
    const toolsBefore = this.#toolsOf(reply)
    this.#keepMarks(
      reply.id,
      (mark) => "phase" in mark || mark.toolsBefore < toolsBefore || mark.offset < reply.text.length,
    )
  }

  /** The back end's name for the part of the reply that follows, if it has one. */
  phase(reply: Turn, phase: string | undefined): void {
    const last = this.#marks.get(reply.id)?.findLast((mark) => "phase" in mark)
    if (last?.phase !== phase) this.#mark(reply, { phase })
  }

  /** The conversation as a model reads it: what was heard, and each tool call with exactly one result. */
  items(): ChatItem[] {
    const turns = this.#turns.slice(-MAX_TURNS)
    const toolsOf = Map.groupBy(
      turns.filter((turn) => turn.tool !== null),
      (turn) => turn.tool?.replyTurnId ?? "",
    )
    const spoken = new Set(turns.filter(({ kind }) => kind === "speech").map(({ id }) => id))
    const items: ChatItem[] = []
    for (const turn of turns) {
      if (turn.kind === "note") {
        items.push({ type: "message", role: ROLES[turn.speaker], text: turn.text })
      } else if (turn.kind === "keypad") {
        items.push({ type: "message", role: "user", text: keypadText(turn.text) })
      } else if (turn.kind === "tool") {
        // Of a reply that has said nothing; otherwise they stand among its words.
        const id = turn.tool?.replyTurnId ?? ""
        const tools = toolsOf.get(id)
        if (spoken.has(id) || !tools) continue
        items.push(...this.#replyItems({ id, text: "" }, tools))
        toolsOf.delete(id)
      } else if (turn.speaker === "caller") {
        items.push({ type: "message", role: "user", text: turn.text })
      } else items.push(...this.#replyItems(turn, toolsOf.get(turn.id) ?? []))
    }
    return items
  }

  /** One turn of the agent: its words, with tool calls and marks at the places where they were made. */
  #replyItems(turn: Pick<Turn, "id" | "text">, tools: readonly Turn[]): ChatItem[] {
    const marks = this.#marks.get(turn.id) ?? []
    const items: ChatItem[] = []
    let from = 0
    let phase: string | undefined
    const speakTo = (offset: number) => {
      const to = Math.max(from, Math.min(offset, turn.text.length))
      items.push(...speech(turn.text.slice(from, to), phase))
      from = to
    }
    let batch: Turn[] = []
    const closeBatch = () => {
      items.push(...toolItems(batch))
      batch = []
    }
    for (let index = 0; index <= tools.length; index++) {
      for (const mark of marks.filter(({ toolsBefore }) => toolsBefore === index)) {
        closeBatch()
        speakTo(mark.offset)
        if ("item" in mark) items.push(mark.item)
        else phase = mark.phase
      }
      const next = tools[index]
      if (!next?.tool) continue
      if (next.tool.offset > from) {
        closeBatch()
        speakTo(next.tool.offset)
      }
      batch.push(next)
    }
    closeBatch()
    speakTo(turn.text.length)
    return items
  }

  #mark(reply: Turn, what: { item: ChatItem } | { phase: string | undefined }): void {
    const mark = { ...what, offset: reply.text.length, toolsBefore: this.#toolsOf(reply) }
    this.#marks.set(reply.id, [...(this.#marks.get(reply.id) ?? []), mark])
  }

  #keepMarks(replyId: string, wanted: (mark: Mark) => boolean): void {
    const kept = (this.#marks.get(replyId) ?? []).filter(wanted)
    if (kept.length === 0) this.#marks.delete(replyId)
    else this.#marks.set(replyId, kept)
  }

  /** How many tool calls the reply has made. */
  #toolsOf(reply: Turn): number {
    return this.#turns.filter(({ tool }) => tool?.replyTurnId === reply.id).length
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

/** What the caller pressed, in words for the model. */
function keypadText(digits: string): string {
  return `The caller pressed ${digits} on the keypad.`
}

function speech(text: string, phase: string | undefined): ChatItem[] {
  if (text.trim() === "") return []
  return [{ type: "message", role: "assistant", text: text.trim(), ...(phase ? { phase } : {}) }]
}

/** The calls first, then their results, as the model made them in one go. */
function toolItems(turns: readonly Turn[]): ChatItem[] {
  const tools = turns.flatMap(({ tool }) => (tool ? [tool] : []))
  return [
    ...tools.map(({ callId, name, arguments: args }) => ({
      type: "tool-call" as const,
      callId,
      name,
      arguments: args,
    })),
    ...tools.map(({ callId, output }) => ({
      type: "tool-result" as const,
      callId,
      output: output ?? STILL_RUNNING,
    })),
  ]
}
