/** The first request of a call: who calls, which agent answers, and the TwiML that connects the two. */

import type { Call, Parameters } from "../call/call.ts"
import { newCallId, type CallId } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import { sayTwiml } from "../twilio/twiml.ts"
import type { VoiceWebhook } from "../twilio/webhooks.ts"
import { ownNumberOf, publish, type ControlContext } from "./context.ts"
import { relayInstructions, type SocketAddress } from "./relay-instructions.ts"
import { endCallRecord, reportStatus } from "./report-status.ts"

export type AnswerCall = {
  webhook: VoiceWebhook
  /** Our id of a call that this server placed, as the address of the request carries it. */
  callId?: CallId | undefined
  /** Fields that another application gives with the call. */
  parameters?: Parameters
  address?: SocketAddress
  /** Where Twilio asks again when this process cannot take the call now. */
  retryPath: string
}

/** Returns TwiML. Throws FORBIDDEN when the call is over, and INVALID_REQUEST for an agent that does not exist. */
export function answerCall(context: ControlContext, request: AnswerCall): string {
  const { config, liveCalls, assets, sweep, log } = context
  const { webhook, address } = request
  if (context.draining()) {
    // The process that takes over answers the same request a moment later.
    return sayTwiml({ text: "", then: { redirect: `${context.publicUrl()}${request.retryPath}` } })
  }
  const known = findCall(context, request)
  if (known && isTerminal(known.status)) throw new AppError("FORBIDDEN", "The call is over.")
  const call = known ?? createInbound(context, request)
  reportStatus(context, call, { status: webhook.callStatus, at: sweep.clock.now() })
  const agent = assets.agentFor({ agent: call.agent, number: ownNumberOf(call) })
  if (liveCalls.taken(sweep.clock.now()) >= config.limits.maxConcurrentCalls) {
    log.warn("call refused, every line is taken", {
      callSid: webhook.callSid,
      limit: config.limits.maxConcurrentCalls,
    })
    endCallRecord(context, call, { by: "system", reason: "every line was taken" })
    return sayTwiml({ text: agent.phrases.busy, then: "hangup" })
  }
  const greeting = call.firstMessage ?? agent.greeting
  return relayInstructions(context, { call, agent, greeting, ...(address ? { address } : {}) })
}

function findCall({ store }: ControlContext, { webhook, callId }: AnswerCall): Call | undefined {
  const bySid = store.calls.bySid(webhook.callSid)
  if (bySid || !callId) return bySid
  // Twilio may ask for instructions before its answer to our request has told us the SID.
  const placed = store.calls.byId(callId)
  if (!placed || placed.sid !== null) return undefined
  store.calls.attachSid(callId, webhook.callSid)
  return store.calls.bySid(webhook.callSid)
}

function createInbound(context: ControlContext, { webhook, parameters = {} }: AnswerCall): Call {
  const { store, assets, sweep, log } = context
  // A call that another application placed is ours from here on, with our number at the side it says.
  const number = webhook.direction === "inbound" ? webhook.to : webhook.from
  const agent = assets.agentFor({ agent: parameters["agent"], number })
  const call = store.calls.create({
    id: newCallId(),
    sid: webhook.callSid,
    direction: webhook.direction,
    status: "queued",
    from: webhook.from,
    to: webhook.to,
    agent: agent.key,
    engine: agent.engine,
    parameters,
    prompt: null,
    firstMessage: null,
    userId: null,
    createdAt: sweep.clock.now(),
  })
  publish(context, call, { type: "call.created", direction: call.direction, agent: agent.key })
  log.info("call answered", {
    callSid: webhook.callSid,
    agent: agent.key,
    pii: { from: webhook.from, to: webhook.to },
  })
  return call
}
