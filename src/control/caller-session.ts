/** The caller of a session that opens: what is stored, and what the customer API says at the start of a call. */

import type { Call } from "../call/call.ts"
import type { Caller, CallerChange, CallerId, CallerState } from "../call/caller.ts"
import type { CallerProfile, SessionCaller } from "../conversation/caller-profile.ts"
import type { CustomerApi, CustomerStatus } from "../customer-api/customer-api.ts"
import type { Credentials } from "../customer-api/credentials.ts"
import { messageOf } from "../lib/errors.ts"
import { callerIdOf, dependsOnState, withName, profileOf, stateNow } from "./caller-profile.ts"
import { applyTo, reportCaller } from "./caller-reports.ts"
import { issueCallerToken } from "./caller-tokens.ts"
import { sendConsentLink } from "./consent-link.ts"
import { agentOf, publish, type ControlContext } from "./context.ts"

/** How long a caller waits in silence for the customer API. What comes later changes the running call. */
const CUSTOMER_API_MS = 2_000
/** The same with what the store takes. */
const LIMIT_MS = 2_800

/** What the customer API said: `login` is still to be done, `failed` was not answered. */
type Identified =
  { outcome: "known" } | { outcome: "login"; credentials: Credentials } | { outcome: "failed" }

/** Never rejects: without the store and the customer API the agent speaks as with anybody. */
export async function callerOfSession(context: ControlContext, call: Call): Promise<SessionCaller> {
  const agent = agentOf(context, call)
  const isStateful = dependsOnState(context, agent, call)
  const anybody = {
    profile: isStateful
      ? profileOf(context, { agent, call, caller: undefined, state: "unknown" })
      : undefined,
    opened() {},
  }
  const id = callerIdOf(call)
  if (!id || (!isStateful && !agent.callers.memory)) return anybody
  const opening = open(context, call, { id, isStateful }).catch((error: unknown) => {
    context.log.error("the caller of a call is not known", { callSid: call.sid, error: messageOf(error) })
    return anybody
  })
  const timeLimit = new AbortController()
  const late = context.sweep.sleep(LIMIT_MS, timeLimit.signal).then(() => anybody)
  try {
    return await Promise.race([opening, late])
  } finally {
    timeLimit.abort()
  }
}

async function open(
  context: ControlContext,
  call: Call,
  { id, isStateful }: { id: CallerId; isStateful: boolean },
): Promise<SessionCaller> {
  const { store, sweep, customerApi, log } = context
  const agent = agentOf(context, call)
  const identifying =
    isStateful && customerApi ? identify({ context, call, id, customerApi }) : Promise.resolve(undefined)
  const waiting = new AbortController()
  const isLate = sweep.sleep(CUSTOMER_API_MS, waiting.signal).then(() => "late" as const)
  const identified = await Promise.race([identifying, isLate]).finally(() => waiting.abort())
  const caller = await touch(context, id)
  const state = stateNow(context, caller)
  const profile = profileOf(context, { agent, call, caller, state })
  const { phrases } = agent.callers
  const shown: CallerProfile =
    identified === "late" || identified === undefined || identified.outcome === "known"
      ? profile
      : withGreeting(profile, identified.outcome === "login" ? phrases.loggingIn : phrases.failed)

  async function catchUp(): Promise<void> {
    const found = identified === "late" ? await identifying : identified
    if (found?.outcome === "login") return logIn(context, call, { id, credentials: found.credentials })
    if (identified === "late" && found?.outcome === "failed") {
      context.liveCalls.get(call.id)?.say(phrases.failed)
    }
    // A report may have come between the reading of the store and the opening of the session.
    const now = await store.callers.find(id)
    if (stateNow(context, now) === state || !context.liveCalls.get(call.id)) return
    applyTo(context, call, { caller: now })
    const { greeting } = agent.callers.roles[stateNow(context, now)]
    if (greeting) context.liveCalls.get(call.id)?.say(withName(greeting, now))
  }

  return {
    profile: shown,
    opened: () => log.background("following the caller of a call", catchUp()),
  }
}

/** The time at which callers were last seen decides which of them are deleted first. */
function touch({ store, sweep, config }: ControlContext, id: CallerId): Promise<Caller | undefined> {
  const create = { most: config.limits.maxCallers }
  return store.callers.change({ ...id, change: {}, source: "customer-api", at: sweep.clock.now(), create })
}

function withGreeting(profile: CallerProfile, text: string): CallerProfile {
  return { ...profile, greeting: { text } }
}

type Identify = { context: ControlContext; call: Call; id: CallerId; customerApi: CustomerApi }

/** Once for each call: has the link for consent sent and looks the number up. Undefined for a call that was asked before. */
async function identify({ context, call, id, customerApi }: Identify): Promise<Identified | undefined> {
  const token = await issueCallerToken(context, { ...id, callId: call.id })
  if (token === undefined) return undefined
  const [asked, found] = await Promise.allSettled([
    sendConsentLink(context, { call, id, token, customerApi }),
    customerApi.lookup(id.number),
  ])
  for (const result of [asked, found]) if (result.status === "rejected") report(context, call, result.reason)
  const isAsked = asked.status === "fulfilled" && asked.value !== "refused"
  if (found.status === "rejected") {
    await record(context, call, id, isAsked ? { state: { event: "asked" } } : {})
    return { outcome: "failed" }
  }
  const status = found.value
  await record(context, call, id, changeFor(await context.store.callers.find(id), status, isAsked))
  if (status?.isLoggedIn && status.credentials) return { outcome: "login", credentials: status.credentials }
  return isAsked || status?.hasConsented ? { outcome: "known" } : { outcome: "failed" }
}

/** What the customer API knows replaces what is stored. A login is recorded once it was done. */
function changeFor(known: Caller | undefined, status: CustomerStatus, isAsked: boolean): CallerChange {
  if (!status) return isAsked ? { state: { event: "asked" } } : {}
  const { isLoggedIn, hasConsented, name, language, knowledge } = status
  const reported: CallerState = isLoggedIn || hasConsented ? "consented" : isAsked ? "asked" : "unknown"
  const facts = { name, language, knowledge }
  return known?.state === reported ? facts : { ...facts, state: { set: reported } }
}

async function record(
  context: ControlContext,
  call: Call,
  id: CallerId,
  change: CallerChange,
): Promise<void> {
  const { store, sweep, config } = context
  const source = "customer-api"
  const create = { most: config.limits.maxCallers }
  const caller = await store.callers.change({ ...id, change, source, at: sweep.clock.now(), create })
  if (!change.state || !caller) return
  const reported = "set" in change.state ? "set" : change.state.event
  publish(context, call, { type: "caller.changed", report: reported, state: caller.state, source })
}

async function logIn(
  context: ControlContext,
  call: Call,
  { id, credentials }: { id: CallerId; credentials: Credentials },
): Promise<void> {
  const { customerApi, liveCalls } = context
  if (!customerApi) return
  try {
    const facts = await customerApi.logIn(id.number, credentials)
    await reportCaller(context, { ...facts, id, event: "login", source: "customer-api", callId: call.id })
  } catch (error) {
    report(context, call, error)
    liveCalls.get(call.id)?.say(agentOf(context, call).callers.phrases.failed)
  }
}

function report(context: ControlContext, call: Call, error: unknown): void {
  const message = messageOf(error)
  context.log.warn("the customer API failed", { callSid: call.sid, error: message })
  publish(context, call, { type: "customer-api.failed", message })
}
