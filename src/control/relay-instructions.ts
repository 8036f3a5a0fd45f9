/** TwiML that connects a call to a conversation: a one-time socket, the agent's voice, and the way back. */

import type { Agent } from "../assets/agent.ts"
import type { Call, Engine } from "../call/call.ts"
import { fillPlaceholders } from "../call/placeholders.ts"
import { newSocketToken, TOKEN_PARAMETER } from "../call/ids.ts"
import { relayTwiml } from "../twilio/twiml.ts"
import type { ControlContext } from "./context.ts"

/** How the socket is addressed: with the token in the path, or at a fixed path with the token as a `<Parameter>`. */
export type SocketAddress =
  | { kind: "token-path" }
  | {
      kind: "fixed-path"
      path: string
      /** The engine behind that path. Default: relay. */
      engine?: Engine
    }

export type RelayInstructions = {
  call: Call
  agent: Agent
  /** In place of the agent's greeting; empty: nobody greets. */
  greeting?: string
  address?: SocketAddress
}

/**
 * Issues a token for the call, in place of an earlier one, and returns the TwiML that uses it. It greets unless the
 * caller was spoken to before: then the conversation goes on.
 */
export function relayInstructions(context: ControlContext, instructions: RelayInstructions): string {
  const { call, agent, address = { kind: "token-path" } } = instructions
  const { config, store, liveCalls, sweep, publicUrl } = context
  const token = newSocketToken()
  const expiresAt = sweep.clock.now() + config.times.socketTokenMs
  store.calls.issueToken(call.id, token, expiresAt)
  liveCalls.expect(call.id, expiresAt)
  const spokenTo = store.turns.of(call.id).length > 0
  const { greeting = spokenTo ? "" : (call.firstMessage ?? agent.greeting) } = instructions
  const parameters = { ...agent.relay.parameters, ...call.parameters }
  const socketUrl = publicUrl().replace(/^http/, "ws")
  return relayTwiml({
    // Another address for each session: the same one could get the same signature, and a signature counts once.
    actionUrl: `${publicUrl()}/twilio/connect-ended?resume=${call.resumes}`,
    url: address.kind === "token-path" ? `${socketUrl}/twilio/relay/${token}` : `${socketUrl}${address.path}`,
    welcomeGreeting: greeting === "" ? undefined : fillPlaceholders(greeting, parameters),
    attributes: agent.relay.attributes,
    languages: agent.relay.languages,
    parameters: {
      ...parameters,
      ...(address.kind === "fixed-path" ? { [TOKEN_PARAMETER]: token } : {}),
    },
  })
}
