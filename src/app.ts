/** The composition root: builds the parts out of the configuration and joins them. The only place that does. */

import type { Server } from "bun"
import type { Agent } from "./assets/agent.ts"
import { createAssets } from "./assets/assets.ts"
import { readPrices } from "./assets/prices.ts"
import { startBackground } from "./background.ts"
import { ENGINES } from "./call/engine.ts"
import type { RecordedEvent } from "./call/events.ts"
import { LiveCalls } from "./call/live-calls.ts"
import type { Config } from "./config/config.ts"
import { createCallLifecycle } from "./control/call-lifecycle.ts"
import type { ControlContext } from "./control/context.ts"
import { createOwnNumbers } from "./control/own-numbers.ts"
import { memoryState } from "./control/process-state.ts"
import { moveCalls, waitForCalls } from "./control/shutdown.ts"
import { countsOf } from "./counts.ts"
import { createEngines, sessionOpener, type EngineServices, type EngineTable } from "./engines.ts"
import { getLog } from "./lib/log.ts"
import { Sweep } from "./lib/sweep.ts"
import type { ChatModel } from "./llm/chat-model.ts"
import { createCallMenus } from "./menus/call-menus.ts"
import { serverMessenger } from "./messaging/server-messenger.ts"
import {
  cachedModels,
  customerApiOf,
  documentSettings,
  realtimeConnections,
  speechProviders,
  twilioOf,
  twilioSyncOf,
} from "./providers.ts"
import { createRecording } from "./recording.ts"
import { originOf, type ServerContext } from "./server/context.ts"
import { createHttp } from "./server/http.ts"
import { memoryRequestState } from "./server/request-state.ts"
import { requestPath, withAbsoluteUrl } from "./server/twilio/request-path.ts"
import { createSockets, type Sockets } from "./server/twilio/sockets.ts"
import { openStore } from "./store/open-store.ts"
import type { Store } from "./store/store.ts"
import { builtinTools, toolsOf } from "./tools/registry.ts"

export type SocketData = Parameters<NonNullable<Sockets["websocket"]["open"]>>[0]["data"]

export type App = {
  /** `peer`: the address of the client, where the connection itself does not carry it. */
  fetch(
    request: Request,
    server: Server<SocketData>,
    peer?: string,
  ): Response | undefined | Promise<Response | undefined>
  websocket: Sockets["websocket"]
  /** Sets the port that the local address of the server is built from. */
  listening(port: number): void
  /** Takes no new call and resolves when no conversation runs, or at the time limit. */
  drain(): Promise<void>
  /**
   * Closes the sockets of the calls that still run. Resolves when Twilio has asked what each of them does next, which is
   * answered with the next process, or after `longestMs`.
   */
  moveCalls(longestMs: number): Promise<void>
  /** Closes every socket, writes what waits and closes the store. Closing twice is harmless. */
  close(): Promise<void>
}

export type AppOptions = {
  /** Time; a test brings its own. */
  sweep?: Sweep
  /** The engines that are served. Default: those of this version. */
  createEngines?: (services: EngineServices) => EngineTable
  /** Receives every event of every call at once. */
  onEvent?: (event: RecordedEvent) => void
  /** Whether calls without a conversation in this process are looked up at Twilio. Default: they are. */
  watchesOpenCalls?: boolean
}

/** While a statement waits for another program, no call makes progress; the store tries again later instead. */
const STATEMENT_TIMEOUT_MS = 50

/** Rejects with `AppError` or `AssetError` for a store or assets that cannot be used. */
export async function createApp(config: Config, options: AppOptions = {}): Promise<App> {
  const log = getLog("server")
  const sweep = options.sweep ?? new Sweep({ onError: (error) => log.error("deadline failed", { error }) })
  const tools = builtinTools()
  const store = await openStore({
    url: config.databaseUrl,
    sweep,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    keepCalls: true,
  })
  const liveCalls = new LiveCalls()
  const { recorder, observers, transcripts, reportFailure } = createRecording({
    config,
    store,
    liveCalls,
    sweep,
    onEvent: options.onEvent,
  })
  const models = new Map<string, ChatModel>()
  const modelFor = cachedModels(config, models)
  const engines = (options.createEngines ?? createEngines)({
    config,
    modelFor,
    connectTo: realtimeConnections(config, sweep),
    speechFor: speechProviders(config, sweep),
    tap: observers,
  })
  const assets = await closeOnFailure(store, () =>
    createAssets({
      dir: config.assetsDir,
      sweep,
      log: getLog("assets"),
      knownTools: [...tools.keys()],
      engines: ENGINES.filter((engine) => engines[engine] !== undefined),
      repository: store.assets,
      remote: twilioSyncOf(config),
      documents: { settings: documentSettings(config), repository: store.documents },
      busy: () => liveCalls.size > 0,
    }),
  )
  const prices = await closeOnFailure(store, async () => readPrices(config.assetsDir))
  const startedAt = sweep.clock.monotonic()
  let port = config.port
  let draining = false
  const closing = new AbortController()
  let closed: Promise<void> | undefined

  const toolsFor = ({ tools }: Agent["manifest"]) =>
    toolsOf(tools, { secrets: config.toolSecrets, allowPrivate: config.allowPrivateAddresses })

  const twilio = twilioOf(config, sweep)
  const control: ControlContext = {
    config,
    store,
    recorder,
    assets,
    prices,
    liveCalls,
    slots: liveCalls,
    twilio,
    customerApi: customerApiOf(config, sweep),
    ownNumbers: createOwnNumbers({ twilio, sweep, log: getLog("control") }),
    publicUrl: () => config.publicUrl ?? `http://127.0.0.1:${port}`,
    draining: () => draining,
    get menus() {
      return menus
    },
    ...memoryState(),
    sweep,
    log: getLog("control"),
  }
  const menus = createCallMenus(control)
  const messenger = serverMessenger(control, {
    modelFor,
    toolsFor,
    onEvent: (event) => reportFailure({ callSid: null, event }),
  })
  const context: ServerContext = {
    config,
    control,
    library: assets.library,
    liveCalls,
    messenger,
    observers,
    ...memoryRequestState(config),
    pathOf: requestPath(config.publicUrl ?? `http://localhost${config.pathPrefix}`),
    counts: () => countsOf({ control, context, messenger, recorder, sockets, background, models }),
    startedAt,
    log,
  }
  const lifecycle = createCallLifecycle(control)
  const sockets = createSockets(context, sessionOpener({ control, engines, toolsFor, lifecycle }))
  const http = createHttp(context)
  const background = startBackground({
    control,
    modelFor,
    transcripts,
    watchesOpenCalls: options.watchesOpenCalls ?? true,
  })

  return {
    fetch(request, server, peer) {
      const origin = originOf(request, server, peer)
      if (request.headers.get("upgrade")?.toLowerCase() === "websocket")
        return sockets.upgrade(origin, server)
      return http.fetch(withAbsoluteUrl(request), { origin })
    },
    websocket: sockets.websocket,
    listening(actualPort) {
      port = actualPort
    },
    async drain() {
      draining = true
      observers.close()
      await waitForCalls(control, { messages: () => messenger.size, signal: closing.signal })
      await transcripts?.idle()
    },
    moveCalls: (longestMs) => moveCalls(control, { closeSockets, longestMs, signal: closing.signal }),
    close: () => (closed ??= closeAll()),
  }

  function closeSockets(): void {
    sockets.closeAll(1001, "server is shutting down")
  }

  async function closeAll(): Promise<void> {
    closing.abort()
    draining = true
    observers.close()
    messenger.close()
    closeSockets()
    // Starts both at once: buffered rows are written even if the caller does not await the close.
    await Promise.all([recorder.close(), background.stop()])
    assets.close()
    await store.close()
    sweep[Symbol.dispose]()
  }
}

/** Returns the result of `create`; closes the store if it fails. */
async function closeOnFailure<T>(store: Store, create: () => Promise<T>): Promise<T> {
  try {
    return await create()
  } catch (error) {
    await store.close()
    throw error
  }
}
