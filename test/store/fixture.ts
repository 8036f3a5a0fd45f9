/** Rows as the tests of the store use them. */

import type { RecordedEvent } from "../../src/call/events.ts"
import { CallSid, newCallId, type CallId } from "../../src/call/ids.ts"
import type { Turn } from "../../src/call/turn.ts"
import type { NewCall } from "../../src/store/calls.ts"

let counter = 0

export function sampleSid(): CallSid {
  return CallSid.parse(`CA${String(++counter).padStart(32, "0")}`)
}

export function sampleCall(given: Partial<NewCall> = {}): Required<NewCall> {
  return {
    id: newCallId(),
    sid: sampleSid(),
    direction: "inbound",
    status: "ringing",
    from: "+15550100001",
    to: "+15550100002",
    agent: "default",
    engine: "relay",
    parameters: { callReference: "r1" },
    prompt: null,
    firstMessage: null,
    ivrMenu: null,
    ivrState: null,
    userId: null,
    createdAt: 1000,
    ...given,
  }
}

export function sampleTurn(callId: CallId, given: Partial<Turn> = {}): Turn {
  return {
    id: `turn_${++counter}`,
    callId,
    seq: 0,
    kind: "speech",
    speaker: "caller",
    text: "Hello",
    interrupted: false,
    lang: null,
    startedAt: 1000,
    endedAt: 1200,
    latency: null,
    tool: null,
    ...given,
  }
}

export function sampleEvent(callId: CallId, at = 1000): RecordedEvent {
  return { callId, callSid: null, at, event: { type: "reply.started", replyId: `reply_${at}` } }
}
