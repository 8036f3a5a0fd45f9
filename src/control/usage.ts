/** What a call used: models, speech, minutes of the phone connection and of sessions, with an estimate of the cost. */

import { durationOf, type Call } from "../call/call.ts"
import { SOCKET_OF, type Engine } from "../call/engine.ts"
import { priced, type Prices } from "../call/price.ts"
import { isTerminal } from "../call/status.ts"
import type { Usage } from "../call/usage.ts"
import { messageOf } from "../lib/errors.ts"
import type { Store } from "../store/store.ts"
import type { TwilioPrice } from "../twilio/rest-objects.ts"
import type { ControlContext } from "./context.ts"

/** What `usageOf` reads. */
export type UsageSource = { store: Pick<Store, "usage" | "events">; prices: Prices }

/** Speech-to-speech models report their usage; that of text models is the sum of the recorded replies. */
export async function usageOf(
  { store: { usage, events }, prices }: UsageSource,
  call: Call,
): Promise<Usage[]> {
  const byModel = new Map<string, Record<string, number>>()
  for (const { event } of await events.ofType(call.id, "reply.finished")) {
    if (event.type !== "reply.finished" || event.model === undefined) continue
    const amounts = byModel.get(event.model) ?? {
      replies: 0,
      inputTokens: 0,
      cachedTokens: 0,
      outputTokens: 0,
    }
    amounts["replies"] = (amounts["replies"] ?? 0) + 1
    for (const name of ["inputTokens", "cachedTokens", "outputTokens"] as const) {
      amounts[name] = (amounts[name] ?? 0) + (event[name] ?? 0)
    }
    byModel.set(event.model, amounts)
  }
  const chat = [...byModel].map(([model, amounts]) =>
    priced({ kind: "chat", model, amounts, cost: null }, prices),
  )
  const minutes = [...connectionOf(call), ...(await sessionsOf(events, call))]
  return [...(await usage.of(call.id)), ...chat, ...minutes.map((used) => priced(used, prices))]
}

/** Nothing for a call that was not answered or is still running. */
function connectionOf(call: Call): Usage[] {
  const seconds = durationOf(call) ?? 0
  if (seconds === 0) return []
  const amounts = { seconds, minutes: startedMinutes(seconds) }
  return [{ kind: "carrier", model: `twilio:voice-${call.direction}`, amounts, cost: null }]
}

const SESSIONS = {
  relay: { kind: "relay", model: "twilio:conversation-relay" },
  media: { kind: "stream", model: "twilio:media-stream" },
} as const

/** Sessions that have ended, by their kind. One whose process died ended with the next session, or with the call. */
async function sessionsOf(events: UsageSource["store"]["events"], call: Call): Promise<Usage[]> {
  const opened = await events.ofType(call.id, "session.opened")
  const closed = await events.ofType(call.id, "session.closed")
  const totals = new Map<keyof typeof SESSIONS, { seconds: number; minutes: number }>()
  for (const [index, { at, event }] of opened.entries()) {
    const next = opened[index + 1]?.at ?? Number.POSITIVE_INFINITY
    const end =
      closed.find((other) => other.at >= at && other.at <= next)?.at ?? opened[index + 1]?.at ?? call.endedAt
    if (event.type !== "session.opened" || end === null || !isEngine(event.engine)) continue
    const seconds = Math.max(0, Math.round((end - at) / 1000))
    const kind = SOCKET_OF[event.engine]
    const sum = totals.get(kind) ?? { seconds: 0, minutes: 0 }
    totals.set(kind, { seconds: sum.seconds + seconds, minutes: sum.minutes + startedMinutes(seconds) })
  }
  return [...totals].map(([kind, amounts]) => ({ ...SESSIONS[kind], amounts, cost: null }))
}

function isEngine(name: string): name is Engine {
  return Object.hasOwn(SOCKET_OF, name)
}

/** Twilio charges for each minute that has begun. (Twilio: "How are minutes rounded for billing?") */
function startedMinutes(seconds: number): number {
  return Math.ceil(seconds / 60)
}

/** What Twilio charges for the connection; null while it is not known, or Twilio does not answer. */
export async function twilioPriceOf(
  { twilio, log }: Pick<ControlContext, "twilio" | "log">,
  { sid, status }: Call,
): Promise<TwilioPrice | null> {
  if (!twilio || sid === null || !isTerminal(status)) return null
  try {
    return (await twilio.fetchCall(sid)).price
  } catch (error) {
    log.warn("the price of a call could not be read at Twilio", { callSid: sid, error: messageOf(error) })
    return null
  }
}
