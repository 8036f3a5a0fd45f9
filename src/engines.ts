/** The one table of engines and how each opens a conversation; and the sessions of Twilio's sockets, which use it. */

import type { AgentModel } from "./assets/agent.ts"
import type { AudioTap } from "./call/audio-tap.ts"
import type { Call } from "./call/call.ts"
import { SOCKET_OF, type AvailableEngine, type Engine, type SocketKind } from "./call/engine.ts"
import type { Config } from "./config/config.ts"
import { claimByToken, claimByTokenOrAdopt } from "./control/claim-call.ts"
import type { ControlContext } from "./control/context.ts"
import type { CallSessionOptions, ClaimCall } from "./conversation/call-session.ts"
import { AppError } from "./lib/errors.ts"
import { getLog } from "./lib/log.ts"
import { MediaSession, type OpenMediaEngine } from "./media/media-session.ts"
import type { ChatModel } from "./llm/chat-model.ts"
import type { RealtimeServices } from "./realtime/call-options.ts"
import { PipelineCall, type PipelineCallOptions } from "./pipeline/pipeline-call.ts"
import { RealtimeCall } from "./realtime/realtime-call.ts"
import { RelayCall } from "./relay/relay-call.ts"
import { RelaySession, type OpenRelayEngine } from "./relay/relay-session.ts"
import type { OpenSession } from "./server/twilio/sockets.ts"

/** How a conversation is opened on each kind of socket. */
type OpenEngine = { relay: OpenRelayEngine; media: OpenMediaEngine }

/** The engines that are served. */
export type EngineTable = { readonly [E in Engine]?: OpenEngine[(typeof SOCKET_OF)[E]] }

/** What engines need of the outside. */
export type EngineServices = {
  config: Config
  modelFor: (choice: AgentModel) => ChatModel
  /** The way to a speech-to-speech model. `safetyId` stands for the caller. */
  connectTo: RealtimeServices["connectTo"]
  /** What an agent hears and speaks with, where the engine works with text. */
  speechFor: PipelineCallOptions["speechFor"]
  /** Receives the audio of calls for those who listen in. */
  tap: AudioTap
}

/** The engines of this version. */
export function createEngines(services: EngineServices): EngineTable {
  const { config, modelFor, connectTo, speechFor, tap } = services
  const { openai, times } = config
  return {
    relay: (context, socket, setup) => new RelayCall({ context, socket, setup, modelFor }),
    realtime: (context, stream) =>
      new RealtimeCall({
        context,
        stream,
        connectTo,
        model: openai.realtimeModel,
        transcribeModel: openai.transcribeModel,
        modelTimes: times,
        tap,
      }),
    pipeline: (context, stream) => new PipelineCall({ context, stream, modelFor, speechFor, tap }),
  } satisfies EngineTable & Record<AvailableEngine, unknown>
}

export type SessionParts = Pick<CallSessionOptions, "toolsFor" | "lifecycle"> & {
  control: ControlContext
  engines: EngineTable
}

/** Opens the session of a socket with the engine of its call. */
export function sessionOpener({ control, engines, toolsFor, lifecycle }: SessionParts): OpenSession {
  const { assets, recorder, liveCalls, config, sweep } = control
  const shared = { assets, toolsFor, lifecycle, recorder, liveCalls, times: config.times, sweep }
  return function openSession({ kind, call }, socket) {
    switch (kind) {
      case "relay":
        return new RelaySession({
          ...shared,
          socket,
          call: call === "unclaimed" ? carriedBy(kind, claimByTokenOrAdopt(control)) : fitted(kind, call),
          openEngine: (context, ...rest) => available(engines.relay)(context, ...rest),
          log: getLog("relay"),
        })
      case "media":
        return new MediaSession({
          ...shared,
          socket,
          call: call === "unclaimed" ? carriedBy(kind, claimByToken(control)) : fitted(kind, call),
          openEngine: (context, ...rest) => mediaEngine(engines, context.call)(context, ...rest),
          log: getLog("media"),
        })
      default:
        return kind satisfies never
    }
  }
}

function mediaEngine(engines: EngineTable, { engine }: Call): OpenMediaEngine {
  return available(engine === "relay" ? undefined : engines[engine])
}

function available<T>(open: T | undefined): T {
  if (open === undefined) throw new AppError("UNAVAILABLE", "The engine of the call is not served.")
  return open
}

/** Another application may have connected a call whose agent names an engine for the other kind of socket. */
const ENGINE_OF = { relay: "relay", media: "realtime" } as const satisfies Record<SocketKind, Engine>

function fitted(kind: SocketKind, call: Call): Call {
  return SOCKET_OF[call.engine] === kind ? call : { ...call, engine: ENGINE_OF[kind] }
}

function carriedBy(kind: SocketKind, claim: ClaimCall): ClaimCall {
  return async function claimed(first, isWanted) {
    const found = await claim(first, isWanted)
    return found.ok ? { ok: true, call: fitted(kind, found.call) } : found
  }
}
