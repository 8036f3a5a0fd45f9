/** What only this process knows of its clients: open observers and sockets, tokens, refused attempts. In memory. */

import type { Config } from "../config/config.ts"
import { memoryObserverSlots } from "../observers/observer-slots.ts"
import { memoryStreamTokens } from "../observers/stream-tokens.ts"
import type { ServerContext } from "./context.ts"
import { FailedAttempts } from "./failed-attempts.ts"
import { SocketSlots } from "./socket-slots.ts"

export type RequestState = Pick<
  ServerContext,
  "observerSlots" | "streamTokens" | "userSockets" | "failedSignatures" | "failedKeys"
>

export function memoryRequestState({ limits }: Pick<Config, "limits">): RequestState {
  return {
    observerSlots: memoryObserverSlots(limits),
    streamTokens: memoryStreamTokens(),
    userSockets: new SocketSlots({ most: 200, perHolder: 10 }),
    failedSignatures: new FailedAttempts(),
    failedKeys: new FailedAttempts(),
  }
}
