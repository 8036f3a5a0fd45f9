/** TwiML that connects a call to its conversation, whichever engine talks. */

import { relayInstructions, type RelayInstructions } from "./relay-instructions.ts"
import { streamInstructions } from "./stream-instructions.ts"
import type { ControlContext } from "./context.ts"

/** An address of another engine than the call's makes that engine the call's. */
export function connectInstructions(context: ControlContext, instructions: RelayInstructions): string {
  const { call, address } = instructions
  const engine = address?.kind === "fixed-path" ? (address.engine ?? "relay") : call.engine
  if (engine !== call.engine) context.store.calls.setEngine(call.id, engine)
  switch (engine) {
    case "relay":
      return relayInstructions(context, instructions)
    case "realtime":
    case "pipeline":
      return streamInstructions(context, { call: { ...call, engine }, ...(address ? { address } : {}) })
    default:
      return engine satisfies never
  }
}
