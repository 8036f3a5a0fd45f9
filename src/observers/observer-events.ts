/** Events of a call in the words of its observers. Pure. */

import type { CallEvent } from "../call/events.ts"
import type { ObservedEvent, ObservedFact } from "../call/observer-message.ts"
import type { StoredEvent } from "../store/history.ts"

/** One event may be two messages: an interruption is sent after the text that was heard. */
export function observedEvents({ id, at, event }: StoredEvent): ObservedEvent[] {
  const place = { id, at: new Date(at).toISOString() }
  return factsOf(event).map((fact) => ({ ...fact, ...place }))
}

function factsOf(event: CallEvent): ObservedFact[] {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- other events pass as they are
  switch (event.type) {
    case "caller.spoke":
    case "digits.received": {
      const [text, kind] =
        event.type === "caller.spoke" ? [event.text, "speech" as const] : [event.digits, "keypad" as const]
      const heard = event.type === "caller.spoke" ? heardAt(event) : {}
      const { turnId } = event
      return [{ event: "transcription", text, speaker: "caller", turnId, kind, interrupted: false, ...heard }]
    }
    case "agent.spoke": {
      const { text, turnId, interrupted } = event
      const cut: ObservedFact[] = interrupted ? [{ event: "interruption", turnId, text }] : []
      if (text === "") return cut
      const said = { text, speaker: "agent", turnId, kind: "speech", interrupted, ...heardAt(event) } as const
      return [{ event: "transcription", ...said }, ...cut]
    }
    case "call.status-changed":
      return [{ event: "status", status: event.status, previous: event.previous }]
    case "call.ended":
      return [{ event: "ended", by: event.by, reason: event.reason }]
    case "tool.started":
      return [{ event: "tool", state: "started", toolCallId: event.toolCallId, name: event.name }]
    case "tool.finished": {
      const { toolCallId, name, ok, tookMs } = event
      return [{ event: "tool", state: "finished", toolCallId, name, ok, tookMs }]
    }
    default:
      return [{ event: "fact", ...event }]
  }
}

function heardAt({ endedAt }: { endedAt?: string | undefined }): { endedAt?: string } {
  return endedAt === undefined ? {} : { endedAt }
}
