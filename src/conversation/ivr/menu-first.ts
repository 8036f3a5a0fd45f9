/**
 * The phone menu that a call has to pass before there is a caller to talk to. Until then the agent only listens, and
 * everything that is heard goes to the walk through the menu.
 */

import type { InsertedMessage } from "../../call/live-calls.ts"
import type { Conversation } from "../conversation.ts"
import type { SpeechOutput } from "../speech-output.ts"
import { walkOfCall, type WalkOfCallOptions } from "./walk-of-call.ts"
import type { IvrWalk } from "./ivr-walk.ts"

export type MenuFirstOptions = Omit<WalkOfCallOptions, "reached"> & {
  /** Muted while the call is in the menu. */
  voice: Pick<SpeechOutput, "muted">
  conversation: Conversation
  /** A person is there: the agent says its first words. */
  personReached: () => void
}

export class MenuFirst {
  readonly #conversation: Conversation
  #walk: IvrWalk | undefined
  /** With these words a person ended the menu. */
  #words: string | undefined

  constructor({ voice, conversation, personReached, ...walk }: MenuFirstOptions) {
    this.#conversation = conversation
    const { muted } = voice
    this.#walk = walkOfCall({
      ...walk,
      reached: (words) => {
        this.#walk = undefined
        this.#words = words
        voice.muted = muted
        personReached()
      },
    })
    if (this.#walk) voice.muted = true
  }

  /** Whether the call is still in the menu. Afterwards, and without one, only `greet` has an effect. */
  get isActive(): boolean {
    return this.#walk !== undefined
  }

  /** The menu has finished a sentence. */
  hear(text: string): void {
    this.#walk?.hear(text)
  }

  /** A program says something to the menu. */
  say(text: string): void {
    this.#walk?.say(text)
  }

  /** The message as it may enter the conversation: an answer would be heard by the menu only. */
  silenced(message: InsertedMessage): InsertedMessage {
    return this.#walk ? { ...message, respond: false } : message
  }

  /** Greets the person who ended the menu, or answers what the person said. Returns false where no menu was passed. */
  greet(text: string): boolean {
    if (this.#words === undefined) return false
    this.#conversation.hear(this.#words, { answer: text === "" })
    if (text !== "") this.#conversation.say(text)
    return true
  }

  /** The session is closed, or the conversation ends. Closing twice is harmless. */
  close(): void {
    this.#walk?.close()
  }
}
