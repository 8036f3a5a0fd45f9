/** Opens the socket of a `<ConversationRelay>`. */

import type { CallSid } from "../../call/ids.ts"
import type { CallStatus } from "../../call/status.ts"
import type { Sweep } from "../../lib/sweep.ts"
import type { TwimlVerb } from "../twiml-reader.ts"
import { RelayLeg, type RelayEnd } from "./relay-leg.ts"
import type { Frame } from "./relay-wire.ts"
import { newSid } from "../sids.ts"
import type { HeardItem } from "./speech-playout.ts"
import type { Pace } from "../twiml-player.ts"
import type { Webhooks } from "../webhook-sender.ts"

export type ConnectRelayOptions = {
  relay: TwimlVerb
  webhooks: Webhooks
  sweep: Sweep
  pace: Pace
  call: {
    accountSid: string
    callSid: CallSid
    from: string
    to: string
    direction: "inbound" | "outbound"
    status: CallStatus
  }
  onFrame: (frame: Frame) => void
  onHeard: (spoken: HeardItem) => void
}

/** Opens the session, or returns why it failed before the connection. */
export function connectRelay({
  relay,
  webhooks,
  sweep,
  pace,
  call,
  onFrame,
  onHeard,
}: ConnectRelayOptions): RelayLeg | RelayEnd {
  const { attributes } = relay
  const sessionId = newSid("VX")
  const target = webhooks.socketTo(attributes["url"] ?? "")
  if (!target) {
    const errorMessage = `Invalid url: ${attributes["url"] ?? "none"}`
    return { sessionId, status: "failed", seconds: 0, errorCode: 64101, errorMessage }
  }
  const { accountSid, callSid, from, to, direction, status } = call
  return new RelayLeg({
    ...target,
    ...pace,
    sweep,
    attributes,
    languages: nested(relay, "Language").map(({ code = "" }) => code),
    onFrame,
    onHeard,
    setup: {
      type: "setup",
      sessionId,
      accountSid,
      parentCallSid: "",
      callSid,
      from,
      to,
      forwardedFrom: "",
      callType: "PSTN",
      callerName: "",
      direction: direction === "inbound" ? "inbound" : "outbound-api",
      callStatus: status.toUpperCase().replaceAll("-", "_"),
      customParameters: Object.fromEntries(
        nested(relay, "Parameter").map(({ name = "", value = "" }) => [name, value]),
      ),
    },
  })
}

function nested({ children }: TwimlVerb, name: string): Record<string, string>[] {
  return children.filter((child) => child.name === name).map((child) => child.attributes)
}
