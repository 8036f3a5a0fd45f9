/** Serves until a signal, or the supervisor, stops the process. */

import type { Config } from "../config/config.ts"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { Sweep } from "../lib/sweep.ts"
import { diagnosticsOf } from "./diagnostics.ts"
import { withinOpenFiles } from "./open-files.ts"
import { findPredecessor } from "./predecessor.ts"
import { serve, type Running } from "./serve.ts"
import { serverLock, type Owner, type ServerLock } from "./server-lock.ts"
import type { WorkerSettings } from "./supervisor/messages.ts"
import { beatMs } from "./supervisor/worker-watch.ts"
import { openSupervisorChannel, workerSettings } from "./worker.ts"

const SIGNALS = ["SIGTERM", "SIGINT"] as const

export type ServeUntilStopped = {
  config: Config
  /** Takes the place of the server that has the port. */
  replace: boolean
}

/**
 * Resolves once the server listens. The first SIGTERM or SIGINT lets calls end, the second does not; then the process
 * exits with 0.
 */
export async function serveUntilStopped({ config, replace }: ServeUntilStopped): Promise<void> {
  const settings = workerSettings()
  const pid = settings ? process.ppid : process.pid
  const lock = serverLock({ databaseUrl: config.databaseUrl, pid })
  // A later worker of a supervisor has the port of the first one.
  const predecessor =
    settings?.port === undefined ? await findPredecessor({ lock, port: config.port, replace }) : undefined
  const isShared = predecessor !== undefined
  const running = await serve(withinOpenFiles(config), {
    at: settings ? { kind: "worker", settings, isShared } : { kind: "all", isShared },
  })
  lock.write(running.port, "serving")
  const stopper = createStopper(running, lock)
  if (settings) serveAsWorker(running, stopper, config)
  else {
    stopper.onExit(onSignals((signal) => (stopper.isStopping ? stopper.kill(signal) : stopper.stop(signal))))
  }
  logStart(config, running, settings)
  if (replace && predecessor) stopPredecessor(predecessor)
}

function stopPredecessor({ pid, port }: Owner): void {
  getLog("server").info("stopping the server that is replaced", { pid, port })
  try {
    process.kill(pid, "SIGTERM")
  } catch (error) {
    getLog("server").warn("the server that is replaced cannot be stopped", { pid, error: messageOf(error) })
  }
}

function serveAsWorker(running: Running, stopper: Stopper, { times: { workerStallMs } }: Config): void {
  // A signal of the terminal reaches both processes. Here it stops once; the supervisor counts.
  stopper.onExit(onSignals((signal) => stopper.stop(signal)))
  // The supervisor decides what SIGHUP means.
  const ignore = () => {}
  process.on("SIGHUP", ignore)
  stopper.onExit(() => process.off("SIGHUP", ignore))
  const channel = openSupervisorChannel((message) => {
    switch (message.type) {
      case "stop":
        return stopper.stop(message.signal, { isSucceeded: message.successor })
      case "kill":
        return stopper.kill(message.signal)
      case "lost":
        return stopper.stop("end of the supervisor")
      default:
        message satisfies never
    }
  })
  stopper.onExit(() => channel.close())
  channel.send({ type: "listening", port: running.port, stallMs: workerStallMs })
  const beats = new Sweep({ everyMs: 250 })
  stopper.onExit(beats.every(beatMs(workerStallMs), () => channel.send({ type: "alive" })))
}

type Stopper = ReturnType<typeof createStopper>

function createStopper(running: Running, lock: ServerLock) {
  const { port } = running
  const log = getLog("server")
  const cleanups: (() => void)[] = []
  let isStopping = false
  const exitWhenDone = () => {
    log.info("stopped")
    process.exitCode = 0
    for (const cleanup of cleanups) cleanup()
  }
  return {
    get isStopping() {
      return isStopping
    },
    /** Runs `cleanup` when everything is closed: what keeps the process alive must end there. */
    onExit(cleanup: () => void): void {
      cleanups.push(cleanup)
    },
    /** Lets calls end. Stopping twice is harmless. */
    /** `isSucceeded`: another worker of the supervisor listens; the lock is its own. */
    stop(signal: string, { isSucceeded = false } = {}): void {
      if (isStopping) return
      isStopping = true
      log.info("stopping", { signal })
      const hasSuccessor = () => isSucceeded || lock.otherOn(port) !== undefined
      if (!hasSuccessor()) lock.write(port, "draining")
      if (!isSucceeded) cleanups.push(() => lock.remove(port))
      log.background("stopping", running.stop({ hasSuccessor }).then(exitWhenDone))
    },
    kill(signal: string): void {
      this.stop(signal)
      log.info("stopping at once", { signal })
      log.background("stopping at once", running.kill())
    },
  }
}

/** Returns what ends it. Called before the line of the log that says the server runs: a signal may follow that at once. */
function onSignals(handle: (signal: string) => void): () => void {
  for (const signal of SIGNALS) process.on(signal, handle)
  return () => {
    for (const signal of SIGNALS) process.off(signal, handle)
  }
}

function logStart(config: Config, { port, url }: Running, settings: WorkerSettings | undefined): void {
  const log = getLog("server")
  if (settings?.replaces !== undefined) {
    log.error("the previous worker process ended unexpectedly and was replaced", { exit: settings.replaces })
  }
  log.info(`Server is running on port ${port}`, { url })
  for (const { state, about, text, fix } of diagnosticsOf(config)) {
    if (state !== "ok") log.info(`${about}: ${text}`, fix ? { fix } : {})
  }
  if (config.transcriptLogDir !== undefined) {
    log.info("Each ended call is written to a transcript file", {
      folder: config.transcriptLogDir,
      fix: "set TRANSCRIPT_LOG_DIR=off to write none",
    })
  }
  for (const warning of config.warnings) log.warn(warning)
}
