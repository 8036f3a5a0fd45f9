/** Keeps the TwiML that connects a call within what Twilio accepts. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { ConnectRelay, ConnectStream } from "../call/next-step.ts"
import { fillPlaceholders } from "../call/placeholders.ts"
import { AppError } from "../lib/errors.ts"
import { renderNextStep } from "../twilio/twiml.ts"

/** A longer document ends the call. (Twilio: "Error 11750: TwiML response body too large", 64 kB.) */
const MAX_TWIML_BYTES = 64 * 1024
/** A greeting that parameters made longer than this is cut where nothing else helps, in characters. */
const MAX_GREETING = 4_000
/** Kept free for addresses and the token, which are not known before the call is placed, in bytes. */
const RESERVE_BYTES = 2 * 1024

/**
 * The step as it is, or without the call's own parameters where it would be too large with them. The session of a token
 * takes those from the record of the call.
 */
export function fitTwiml<Step extends ConnectRelay | ConnectStream>(
  step: Step,
  call: Pick<Call, "parameters">,
): Step {
  if (sizeOf(step) <= MAX_TWIML_BYTES) return step
  const kept = Object.entries(step.parameters).filter(([name]) => !Object.hasOwn(call.parameters, name))
  const smaller = { ...step, parameters: Object.fromEntries(kept) }
  if (smaller.kind === "connect-stream" || sizeOf(smaller) <= MAX_TWIML_BYTES) return smaller
  return { ...smaller, greeting: smaller.greeting?.slice(0, MAX_GREETING) }
}

/** Throws INVALID_REQUEST where a call's TwiML would be too large even without its own parameters. */
export function requireTwimlFits(agent: Agent, call: Pick<Call, "firstMessage" | "parameters">): void {
  const { attributes, languages, parameters } = agent.relay
  const greeting = fillPlaceholders(call.firstMessage ?? agent.greeting, {
    ...parameters,
    ...call.parameters,
  })
  const step: ConnectRelay = {
    kind: "connect-relay",
    url: "",
    actionUrl: "",
    greeting,
    attributes,
    languages,
    parameters,
  }
  const bytes = sizeOf(step) + RESERVE_BYTES
  if (bytes <= MAX_TWIML_BYTES) return
  throw new AppError(
    "INVALID_REQUEST",
    `The TwiML of this call would have ${bytes} bytes; Twilio accepts ${MAX_TWIML_BYTES}. Shorten the first message and the parameters it contains, or the agent's configuration.`,
  )
}

function sizeOf(step: ConnectRelay | ConnectStream): number {
  return Buffer.byteLength(renderNextStep(step))
}
