/** What a back end wants back beside the words of a reply: opaque items, and names of the parts of a reply. */

import type { ChatItem } from "../llm/chat-model.ts"

/** A place in a reply, by the id of its turn: after so many characters and so many tool calls. */
export type ReplyPlace = { replyId: string; offset: number; toolsBefore: number }

export type ReplyMark = { offset: number; toolsBefore: number } & (
  | { item: ChatItem }
  /** The name of the part that follows. */
  | { phase: string | undefined }
)

export class ReplyMarks {
  readonly #marks = new Map<string, ReplyMark[]>()

  of(replyId: string): readonly ReplyMark[] {
    return this.#marks.get(replyId) ?? []
  }

  opaque(place: ReplyPlace, item: ChatItem): void {
    this.#add(place, { item })
  }

  /** Names the part of the reply that follows, if it is another one. */
  phase(place: ReplyPlace, phase: string | undefined): void {
    const last = this.of(place.replyId).findLast((mark) => "phase" in mark)
    if (last?.phase !== phase) this.#add(place, { phase })
  }

  /** Removes the opaque items at this place, because what belonged to them never came. */
  retract({ replyId, offset, toolsBefore }: ReplyPlace): void {
    this.#keep(replyId, (mark) => "phase" in mark || mark.toolsBefore < toolsBefore || mark.offset < offset)
  }

  /** The reply is complete. Opaque items belong to its loop of tool calls, which has ended. */
  completed(replyId: string): void {
    this.#keep(replyId, (mark) => "phase" in mark)
  }

  delete(replyId: string): void {
    this.#marks.delete(replyId)
  }

  #add(
    { replyId, offset, toolsBefore }: ReplyPlace,
    what: { item: ChatItem } | { phase: string | undefined },
  ): void {
    this.#marks.set(replyId, [...this.of(replyId), { ...what, offset, toolsBefore }])
  }

  #keep(replyId: string, wanted: (mark: ReplyMark) => boolean): void {
    const kept = this.of(replyId).filter(wanted)
    if (kept.length === 0) this.#marks.delete(replyId)
    else this.#marks.set(replyId, kept)
  }
}
