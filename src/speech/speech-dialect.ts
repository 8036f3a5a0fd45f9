/** The part of a text-to-speech socket that differs from vendor to vendor: its frames and the meaning of its messages. */

import type { z } from "zod"
import type { SocketTarget } from "../lib/client-socket.ts"
import type { SpeechFailure } from "./failure.ts"

/** What a message of the server means for the utterance that is being spoken. */
export type SpeechSignal =
  /** Text is accepted from now on. */
  | { type: "ready" }
  /** Mu-law 8 kHz, and positions in the text and the audio of the utterance that became known. */
  | { type: "audio"; audio: Uint8Array; positions?: readonly { chars: number; ms: number }[] }
  /** All audio of the text before a flush was sent. Once for each flush, in their order. */
  | { type: "flushed" }
  /** The cancellation is done: audio that follows belongs to the next utterance. `spoken`: what was heard. */
  | { type: "cancelled"; spoken?: string | undefined }
  /** A frame that the server needs now. */
  | { type: "send"; frame: string }
  /** A remark for the log. */
  | { type: "warning"; code: string }
  | { type: "failed"; failure: SpeechFailure }

export interface SpeechDialect<Message> {
  readonly address: SocketTarget
  readonly schema: z.ZodType<Message>
  /** Frames to send when the socket is open. */
  readonly hello: readonly string[]
  /** Whether text is accepted as soon as the socket is open. Otherwise a `ready` signal comes. */
  readonly readyWhenOpen: boolean
  /** Whether the server confirms a cancellation; until then all its audio is dropped. */
  readonly confirmsCancel: boolean
  /**
   * How often text may be flushed before the end of its utterance, which makes it audible sooner. Each utterance is
   * flushed at its end in any case.
   */
  readonly flushesPerMinute: number
  /** The longest text of one frame. */
  readonly maxTextLength: number
  /** Frames that begin an utterance, which is from now on the one that `read` is about. */
  begin(): readonly string[]
  /** Frames that add text to it. */
  say(text: string): readonly string[]
  /** Frames that have everything said so far spoken. */
  flush(): readonly string[]
  /** Frames that stop it. `playedMs`: audio that was played since the socket was opened. */
  cancel(playedMs: number): readonly string[]
  /** Frames to send before the socket is closed. */
  readonly goodbye: readonly string[]
  /** Nothing, as a rule one thing, or several in their order. */
  read(message: Message): readonly SpeechSignal[]
}
