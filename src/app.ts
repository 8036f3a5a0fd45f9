/** The composition root: builds the parts out of the configuration and joins them. The only place that does. */

import type { Server } from "bun"
import type { Agent } from "./assets/agent.ts"
import { createAssets } from "./assets/assets.ts"
import { readPrices } from "./assets/prices.ts"
import type { RecordedEvent } from "./call/events.ts"
import { ENGINES } from "./call/engine.ts"
import { LiveCalls } from "./call/live-calls.ts"
import type { Config } from "./config/config.ts"
import { createOwnNumbers } from "./control/own-numbers.ts"
import { agentWarnings } from "./control/agent-warnings.ts"
import { countMessage } from "./control/quotas.ts"
import { createCallLifecycle } from "./control/call-lifecycle.ts"
import type { ControlContext } from "./control/context.ts"
import { failureLog } from "./control/failure-log.ts"
import { createEngines, sessionOpener, type EngineServices, type EngineTable } from "./engines.ts"
import { runJobs } from "./jobs/runner.ts"
import { OUTCOME_JOB, WEBHOOK_JOB } from "./control/follow-up-jobs.ts"
import { memoryHangUpCauses } from "./control/hang-up-causes.ts"
import { memoryPlacements } from "./control/placements.ts"
import { outcomeKind } from "./jobs/outcome.ts"
import { smsSenderFor } from "./control/sms.ts"
import { createTranscriptLog } from "./jobs/transcript-files.ts"
import { watchCalls } from "./control/watch-calls.ts"
import { webhookKind } from "./jobs/webhook.ts"
import { KeyedQueue } from "./lib/keyed-queue.ts"
import { getLog } from "./lib/log.ts"
import { Sweep } from "./lib/sweep.ts"
import type { ChatModel } from "./llm/chat-model.ts"
import { conversationTools } from "./messaging/conversation-tools.ts"
import { createMessenger } from "./messaging/messenger.ts"
import { memoryObserverSlots } from "./observers/observer-slots.ts"
import { Observers } from "./observers/observers.ts"
import { memoryStreamTokens } from "./observers/stream-tokens.ts"
import { endedCall } from "./server/v1/ended-call.ts"
import { createHttp } from "./server/http.ts"
import type { ServerContext } from "./server/context.ts"
import { FailedAttempts } from "./server/failed-attempts.ts"
import { requestPath } from "./server/twilio/request-path.ts"
import { createSockets, type Sockets } from "./server/twilio/sockets.ts"
import { createRecorder } from "./store/recorder.ts"
import { openStore } from "./store/open-store.ts"
import type { Store } from "./store/store.ts"
import { cachedModels, realtimeConnections, twilioOf, twilioSyncOf } from "./providers.ts"
import { builtinTools, toolsOf } from "./tools/registry.ts"

export type SocketData = Parameters<NonNullable<Sockets["websocket"]["open"]>>[0]["data"]

export type App = {
  fetch(request: Request, server: Server<SocketData>): Response | undefined | Promise<Response | undefined>
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
}

/** While a statement waits for another program, no call makes progress; the store tries again later instead. */
const STATEMENT_TIMEOUT_MS = 50
/** Requests of Twilio's about one call that may wait for each other. */
const MAX_WAITING_REQUESTS = 100

const RESPONSE_MS = 100

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
  const dir = config.transcriptLogDir
  const now = () => sweep.clock.now()
  const reportFailure = failureLog(config, getLog("calls"))
  const transcripts =
    dir === undefined
      ? undefined
      : createTranscriptLog({ dir, store, liveCalls, now, log: getLog("transcripts") })
  const recorder = createRecorder({
    store,
    sweep,
    onEvent(event) {
      reportFailure(event)
      transcripts?.onEvent(event)
      observers.publish(event)
      options.onEvent?.(event)
    },
  })
  const observers = new Observers({ sweep })
  const observerSlots = memoryObserverSlots({ perUser: config.limits.observersPerUser })
  const models = new Map<string, ChatModel>()
  const modelFor = cachedModels(config, models)
  const engines = (options.createEngines ?? createEngines)({
    config,
    modelFor,
    connectTo: realtimeConnections(config, sweep),
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

  const messenger = createMessenger({
    conversations: store.conversations,
    assets,
    modelFor,
    toolsOf: conversationTools({
      assets,
      toolsFor,
      smsSender: (sent) => smsSenderFor(control, { sid: null, direction: "inbound", from: "", to: "" }, sent),
      timeoutMs: config.times.toolMs,
      sweep,
      log: getLog("messaging"),
    }),
    times: config.times,
    room: { most: config.limits.maxConversations, mostOfUser: config.limits.conversationsPerUser },
    countMessage: (userId) => countMessage(control, userId),
    onEvent: (event) => reportFailure({ callSid: null, event }),
    draining: () => draining,
    sweep,
    log: getLog("messaging"),
  })

  const twilio = twilioOf(config)
  const control: ControlContext = {
    config,
    store,
    recorder,
    assets,
    prices,
    liveCalls,
    slots: liveCalls,
    twilio,
    ownNumbers: createOwnNumbers({ twilio, sweep, log: getLog("control") }),
    publicUrl: () => config.publicUrl ?? `http://127.0.0.1:${port}`,
    draining: () => draining,
    moving: new Set(),
    callQueue: new KeyedQueue({ most: MAX_WAITING_REQUESTS, what: "requests about one call" }),
    placements: memoryPlacements(),
    hangUpCauses: memoryHangUpCauses(),
    sweep,
    log: getLog("control"),
  }
  const context: ServerContext = {
    config,
    control,
    library: assets.library,
    liveCalls,
    messenger,
    observers,
    observerSlots,
    streamTokens: memoryStreamTokens(),
    failedSignatures: new FailedAttempts(),
    failedKeys: new FailedAttempts(),
    pathOf: requestPath(config.publicUrl ?? `http://localhost${config.pathPrefix}`),
    counts: () => ({
      openSockets: sockets.size,
      expectedSockets: liveCalls.inUse(sweep.clock.monotonic()) - liveCalls.size,
      placingCalls: control.placements.size,
      endingCalls: control.hangUpCauses.size,
      watchedCalls: watch.size,
      messages: messenger.size,
      waitingRows: recorder.waiting,
      callsInMemory: callsInMemory(store),
      models: models.size,
      observers: observerSlots.size,
      runningJobs: jobs.size,
      deadlines: sweep.size,
    }),
    startedAt,
    log,
  }
  const lifecycle = createCallLifecycle(control)
  const sockets = createSockets(context, sessionOpener({ control, engines, toolsFor, lifecycle }))
  const http = createHttp(context)
  const jobs = runJobs({
    jobs: store.jobs,
    kinds: {
      [OUTCOME_JOB]: outcomeKind({ context: control, modelFor }),
      [WEBHOOK_JOB]: webhookKind({
        config,
        store,
        liveCalls,
        describe: (call) => endedCall(store, call),
        sweep,
      }),
    },
    sweep,
    log: getLog("jobs"),
  })
  const watch = watchCalls(control, { onPurge: (before) => transcripts?.deleteBefore(before) })
  log.background("checking agents", warnOfAgents(control))
  transcripts?.catchUp()

  return {
    fetch(request, server) {
      if (request.headers.get("upgrade")?.toLowerCase() === "websocket")
        return sockets.upgrade(request, server)
      return http.fetch(request, { origin: { request, server } })
    },
    websocket: sockets.websocket,
    listening(actualPort) {
      port = actualPort
    },
    async drain() {
      draining = true
      observers.close()
      const deadline = sweep.clock.monotonic() + config.times.drainMs
      const busy = () => liveCalls.inUse(sweep.clock.monotonic()) + liveCalls.settling + messenger.size > 0
      const isBusy = () => busy() && sweep.clock.monotonic() < deadline
      while (!closing.signal.aborted && isBusy()) await sweep.sleep(50, closing.signal)
      await transcripts?.idle()
    },
    async moveCalls(longestMs) {
      for (const { callId } of liveCalls.all()) control.moving.add(callId)
      if (control.moving.size === 0) return
      log.info("calls move to the next process", { calls: control.moving.size })
      sockets.closeAll(1001, "server is shutting down")
      // The next process reads the conversation from the database.
      recorder.flush()
      const until = sweep.clock.monotonic() + longestMs
      const isWaiting = () => control.moving.size > 0 && sweep.clock.monotonic() < until
      while (!closing.signal.aborted && isWaiting()) await sweep.sleep(20, closing.signal)
      // The last response is still to be sent.
      if (!closing.signal.aborted) await sweep.sleep(RESPONSE_MS, closing.signal)
    },
    close: () => (closed ??= closeAll()),
  }

  async function closeAll(): Promise<void> {
    closing.abort()
    draining = true
    watch.stop()
    observers.close()
    messenger.close()
    sockets.closeAll(1001, "server is shutting down")
    // Starts both at once: buffered rows are written even if the caller does not await the close.
    await Promise.all([recorder.close(), jobs.stop()])
    assets.close()
    await store.close()
    sweep[Symbol.dispose]()
  }
}

function callsInMemory(store: Store): number {
  const state = store.state()
  return state.isWritable ? 0 : state.callsInMemory
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

async function warnOfAgents(control: ControlContext): Promise<void> {
  for (const warning of await agentWarnings(control, control.assets)) {
    control.log.warn("a setting of an agent is refused", { warning })
  }
}
