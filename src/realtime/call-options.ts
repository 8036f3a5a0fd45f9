/** What a realtime call is given. */

import type { AudioTap } from "../call/audio-tap.ts"
import type { CallContext } from "../conversation/call-context.ts"
import type { MediaStream } from "../media/media-stream.ts"
import type { ConnectModel } from "./connection/websocket.ts"
import type { ModelTimes } from "./turn-manager-options.ts"

export type RealtimeServices = {
  /** The way to a model. `safetyId` stands for the caller. */
  connectTo: (choice: { model: string; safetyId: string }) => ConnectModel
  /** Used where an agent names none. */
  model: string
  transcribeModel: string
  modelTimes: ModelTimes
  /** Receives the audio of the call for those who listen in. */
  tap: AudioTap
}

export type RealtimeCallOptions = RealtimeServices & { context: CallContext; stream: MediaStream }
