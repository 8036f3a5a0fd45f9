/** The composition root: builds the parts out of the configuration and joins them. The only place that does. */

import type { Server } from "bun"
import type { ModelChoice } from "./assets/agent.ts"
import { createAssets } from "./assets/assets.ts"
import { LiveCalls } from "./call/live-calls.ts"
import type { Config } from "./config.ts"
import type { ControlContext } from "./control/context.ts"
import { watchCalls } from "./control/watch-calls.ts"
import { getLog } from "./lib/log.ts"
import type { Socket, SocketSession } from "./lib/socket.ts"
import { Sweep } from "./lib/sweep.ts"
import type { ChatModel } from "./llm/chat-model.ts"
import { createChatModel } from "./llm/create-model.ts"
import { ClaimingSession } from "./relay/claiming-session.ts"
import { RelaySession } from "./relay/relay-session.ts"
import { createHttp } from "./server/http.ts"
import type { ServerContext } from "./server/context.ts"
import { createSockets, type SocketPurpose, type Sockets } from "./server/sockets.ts"
import { createRecorder } from "./store/recorder.ts"
import { openStore } from "./store/store.ts"
import { builtinTools } from "./tools/registry.ts"
import { createTwilioRest } from "./twilio/rest.ts"

type SocketData = Parameters<NonNullable<Sockets["websocket"]["open"]>>[0]["data"]

export type App = {
  fetch(request: Request, server: Server<SocketData>): Response | Promise<Response> | undefined
  websocket: Sockets["websocket"]
  /** Tells the parts under which port they are reached; the local address is made of it. */
  listening(port: number): void
  /** Takes no new call and resolves when no conversation runs, or at the time limit. */
  drain(): Promise<void>
  /** Closes every socket, writes what waits and closes the store. Closing twice is harmless. */
  close(): void
}

export type AppOptions = {
  /** Time; a test brings its own. */
  sweep?: Sweep
}

/** Throws `AppError` or `AssetError` for a store or assets that cannot be used. */
export function createApp(config: Config, options: AppOptions = {}): App {
  const log = getLog("server")
  const sweep = options.sweep ?? new Sweep({ onError: (error) => log.error("deadline failed", { error }) })
  const tools = builtinTools()
  const assets = createAssets({
    dir: config.assetsDir,
    sweep,
    log: getLog("assets"),
    knownTools: [...tools.keys()],
  })
  const store = openStore({ url: config.databaseUrl })
  const recorder = createRecorder({ store, sweep })
  const liveCalls = new LiveCalls()
  const modelFor = cachedModels(config)
  const startedAt = sweep.clock.now()
  let port = config.port
  let draining = false
  let closed = false

  const control: ControlContext = {
    config,
    store,
    recorder,
    assets,
    liveCalls,
    twilio: twilioOf(config),
    publicUrl: () => config.publicUrl ?? `http://127.0.0.1:${port}`,
    draining: () => draining,
    sweep,
    log: getLog("control"),
  }
  const context: ServerContext = {
    config,
    control,
    liveCalls,
    counts: () => ({
      openSockets: sockets.size,
      expectedSockets: liveCalls.taken(sweep.clock.now()) - liveCalls.size,
      deadlines: sweep.size,
    }),
    startedAt,
    log,
  }
  const sockets = createSockets(context, openSession)
  const http = createHttp(context)
  const stopWatching = watchCalls(control)

  function openSession(purpose: SocketPurpose, socket: Socket): SocketSession {
    if (purpose.call === "unclaimed") {
      return new ClaimingSession({
        socket,
        claim: (token) => store.calls.claimToken(token, sweep.clock.now()),
        open: (call) => openSession({ kind: "relay", call }, socket),
        setupMs: config.times.setupMs,
        sweep,
        log: getLog("relay"),
      })
    }
    return new RelaySession({
      socket,
      call: purpose.call,
      assets,
      modelFor,
      tools,
      turnsOf: (callId) => store.turns.of(callId),
      onSetup: (callId, sessionId) => store.calls.setSession(callId, sessionId),
      recorder,
      liveCalls,
      times: config.times,
      sweep,
      log: getLog("relay"),
    })
  }

  return {
    fetch(request, server) {
      const inside = withoutPrefix(request, config.publicUrl)
      if (inside.headers.get("upgrade")?.toLowerCase() === "websocket") return sockets.upgrade(inside, server)
      return http.fetch(inside, { server })
    },
    websocket: sockets.websocket,
    listening(actualPort) {
      port = actualPort
    },
    async drain() {
      draining = true
      const deadline = sweep.clock.now() + config.times.drainMs
      while (liveCalls.size > 0 && sweep.clock.now() < deadline) await sweep.sleep(50)
    },
    close() {
      if (closed) return
      closed = true
      draining = true
      stopWatching()
      sockets.closeAll(1001, "server is shutting down")
      recorder.close()
      assets.close()
      store.close()
      sweep[Symbol.dispose]()
    },
  }
}

/** One model for each choice, so that connections are shared. */
function cachedModels(config: Config): (choice: ModelChoice) => ChatModel {
  const models = new Map<string, ChatModel>()
  return function modelFor(choice) {
    const provider = choice.provider === "auto" ? config.modelProvider : choice.provider
    const key = JSON.stringify({ ...choice, provider })
    const known = models.get(key)
    if (known) return known
    const model = createChatModel(
      { ...choice, provider },
      {
        openaiApiKey: config.openai.apiKey,
        openaiBaseUrl: config.openai.baseUrl,
        openaiModel: config.openai.model,
      },
    )
    models.set(key, model)
    return model
  }
}

function twilioOf({ twilio, times }: Config) {
  const { accountSid, authTokens, apiKey, apiSecret, apiBaseUrl, edge, region } = twilio
  const [authToken] = authTokens
  if (!accountSid || (!authToken && !apiKey)) return undefined
  return createTwilioRest({
    accountSid,
    authToken,
    apiKey,
    apiSecret,
    baseUrl: apiBaseUrl,
    edge,
    region,
    timeoutMs: times.twilioMs,
  })
}

/** A proxy may or may not take the path of `PUBLIC_URL` away; the routes know it only without. */
function withoutPrefix(request: Request, publicUrl: string | undefined): Request {
  const prefix = publicUrl ? new URL(publicUrl).pathname.replace(/\/$/, "") : ""
  if (prefix === "") return request
  const url = new URL(request.url)
  if (!url.pathname.startsWith(`${prefix}/`)) return request
  url.pathname = url.pathname.slice(prefix.length)
  return new Request(url.href, request)
}
