/** Connects a call to its conversation: a one-time socket, what the engine needs to know, and the address for the step after it. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import { SOCKET_OF, type Engine } from "../call/engine.ts"
import { connectionMark, newSocketToken, nonce, TOKEN_PARAMETER } from "../call/ids.ts"
import type { ConnectRelay, ConnectStream, NextStep, VoicePrompt } from "../call/next-step.ts"
import { fillPlaceholders } from "../call/placeholders.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"
import { dependsOnState } from "./caller-profile.ts"
import type { ControlContext } from "./context.ts"
import { fitTwiml } from "./twiml-size.ts"

/** How the socket is addressed: with the token in the path, or at a fixed path with the token as a `<Parameter>`. */
export type SocketAddress =
  /** `prefix`: in place of `/twilio/relay` or `/twilio/media`. */
  | { kind: "token-path"; prefix?: string }
  | {
      kind: "fixed-path"
      path: string
      /** The engine behind that path. Default: relay. */
      engine?: Engine
    }

/** How long a caller waits in silence for the next process. It starts within a second. */
const RECONNECT_AFTER_SECONDS = 2

/** The longest that what is played before a connection may take: Twilio opens the socket after it. */
const MS_PER_CHARACTER = 150
const AUDIO_MS = 10 * 60_000

export type Connection = {
  call: Call
  agent: Agent
  address?: SocketAddress
  /** What the caller hears before the connection. Default: nothing. */
  prompts?: readonly VoicePrompt[]
}

type Opening = {
  call: Call
  agent: Agent
  /** Address of the socket, `wss://`. */
  url: string
  /** Of the address of the step after this connection: what binds it to this one. */
  query: string
  /** The token as a parameter, where the address does not contain it. */
  tokenParameter: Readonly<Record<string, string>>
}

/**
 * Issues a socket token for the call, in place of an earlier one, reserves capacity for its session, and resolves to the
 * step that uses the token; to a hang-up for a call that has ended meanwhile. A process that shuts down leaves that to
 * the next one. An address of another engine than the call's changes the engine of the call.
 */
export async function connectToEngine(
  context: ControlContext,
  { call, agent, address = { kind: "token-path" }, prompts = [] }: Connection,
): Promise<NextStep> {
  if (context.draining()) return reconnectLater(context, call, RECONNECT_AFTER_SECONDS)
  // Only what follows the session may take its place.
  if (context.liveCalls.isHeld(call.id)) return reconnectLater(context, call, 0)
  const { config, store, slots, sweep, publicUrl } = context
  const engine = address.kind === "fixed-path" ? (address.engine ?? "relay") : call.engine
  if (engine !== call.engine) await store.calls.setEngine(call.id, engine)
  const token = newSocketToken()
  const lifetimeMs = config.times.socketTokenMs + longestOf(prompts)
  const nowMs = sweep.clock.monotonic()
  await slots.reserve(call.id, { now: nowMs, until: nowMs + lifetimeMs })
  if (!(await store.calls.issueToken(call.id, token, store.steadyNow() + lifetimeMs))) {
    await slots.release(call.id)
    return { kind: "hang-up" }
  }
  const isFixed = address.kind === "fixed-path"
  const prefix = isFixed ? "" : (address.prefix ?? `/twilio/${SOCKET_OF[engine]}`)
  const path = isFixed ? address.path : `${prefix}/${token}`
  const opening: Opening = {
    call: { ...call, engine },
    agent,
    url: publicUrl().replace(/^http/, "ws") + path,
    query: `resume=${call.resumes}&s=${connectionMark(token)}`,
    tokenParameter: isFixed ? { [TOKEN_PARAMETER]: token } : {},
  }
  const step =
    SOCKET_OF[engine] === "relay" ? await connectRelay(context, opening) : connectStream(context, opening)
  return fitTwiml(step, call)
}

function longestOf(prompts: readonly VoicePrompt[]): number {
  const times = prompts.map((prompt) =>
    prompt.kind === "text" ? prompt.text.length * MS_PER_CHARACTER : AUDIO_MS,
  )
  return times.reduce((sum, ms) => sum + ms, 0)
}

/**
 * Twilio asks again for the call's connection: from this process or, while it shuts down, from the next one. Changes
 * nothing: a replayed request learns an address that only Twilio can request.
 */
export function reconnectLater(
  { publicUrl }: ControlContext,
  { resumes }: Pick<Call, "resumes">,
  afterSeconds: number,
): NextStep {
  // Another address each time: the same one would get the same signature, and a signature counts once.
  const url = webhookUrl(publicUrl(), `/twilio/reconnect?resume=${resumes}&n=${nonce()}`)
  return { kind: "redirect", url, afterSeconds }
}

/** What an address of a step says about the connection that it follows; each undefined where it says nothing. */
export type ConnectionAddress = { resume?: string | undefined; mark?: string | undefined }

/** Whether an address follows the latest connection of the call: one of an earlier connection says nothing about this one. */
export async function isLatest(
  { store }: ControlContext,
  { id, resumes }: Call,
  { resume, mark }: ConnectionAddress,
): Promise<boolean> {
  if (resume !== undefined && resume !== String(resumes)) return false
  if (mark === undefined) return true
  const token = await store.calls.lastToken(id)
  return token !== undefined && connectionMark(token) === mark
}

/** Greets unless the caller was spoken to before: then the conversation continues. */
async function connectRelay(context: ControlContext, opening: Opening): Promise<ConnectRelay> {
  const { store, publicUrl } = context
  const { call, agent, url, query, tokenParameter } = opening
  // A phone menu is not greeted, and a greeting that depends on the caller is the session's to say.
  const isSilent =
    call.ivrState !== null ||
    dependsOnState(context, agent, call) ||
    (await store.turns.of(call.id)).length > 0
  const parameters = { ...agent.relay.parameters, ...call.parameters }
  return {
    kind: "connect-relay",
    url,
    actionUrl: webhookUrl(publicUrl(), `/twilio/connect-ended?${query}`),
    greeting: isSilent ? undefined : fillPlaceholders(call.firstMessage ?? agent.greeting, parameters),
    attributes: agent.relay.attributes,
    languages: agent.relay.languages,
    parameters: { ...parameters, ...tokenParameter },
  }
}

function connectStream({ publicUrl }: ControlContext, opening: Opening): ConnectStream {
  const { call, url, query, tokenParameter } = opening
  return {
    kind: "connect-stream",
    url,
    nextUrl: webhookUrl(publicUrl(), `/twilio/connect-ended?engine=${call.engine}&${query}`),
    parameters: { ...call.parameters, ...tokenParameter },
  }
}
