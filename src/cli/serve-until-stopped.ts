/** Serves until a signal, or the supervisor, stops the process. */

import type { Config } from "../config/config.ts"
import { getLog } from "../lib/log.ts"
import { diagnosticsOf } from "./diagnostics.ts"
import { serve, type Running } from "./serve.ts"
import type { WorkerSettings } from "./supervisor/messages.ts"
import { openSupervisorChannel, workerSettings } from "./worker.ts"

const SIGNALS = ["SIGTERM", "SIGINT"] as const

/**
 * Returns once the server listens. The first SIGTERM or SIGINT lets calls end, the second does not; then the process
 * exits with 0.
 */
export function serveUntilStopped(config: Config): void {
  const settings = workerSettings()
  const running = serve(config, settings ? { at: { kind: "worker", settings } } : {})
  const stopper = createStopper(running)
  if (settings) serveAsWorker(running, stopper)
  else {
    stopper.onExit(onSignals((signal) => (stopper.isStopping ? stopper.kill(signal) : stopper.stop(signal))))
  }
  logStart(config, running, settings)
}

function serveAsWorker(running: Running, stopper: Stopper): void {
  // A signal of the terminal reaches both processes. Here it stops once; the supervisor counts.
  stopper.onExit(onSignals((signal) => stopper.stop(signal)))
  // The supervisor decides what SIGHUP means.
  const ignore = () => {}
  process.on("SIGHUP", ignore)
  stopper.onExit(() => process.off("SIGHUP", ignore))
  const channel = openSupervisorChannel((message) => {
    switch (message.type) {
      case "stop":
        return stopper.stop(message.signal, { hasSuccessor: message.successor })
      case "kill":
        return stopper.kill(message.signal)
      case "lost":
        return stopper.stop("end of the supervisor")
      default:
        message satisfies never
    }
  })
  stopper.onExit(() => channel.close())
  channel.send({ type: "listening", port: running.port })
}

type Stopper = ReturnType<typeof createStopper>

function createStopper(running: Running) {
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
    stop(signal: string, { hasSuccessor = false } = {}): void {
      if (isStopping) return
      isStopping = true
      log.info("stopping", { signal })
      log.background("stopping", running.stop({ hasSuccessor }).then(exitWhenDone))
    },
    kill(signal: string): void {
      this.stop(signal)
      log.info("stopping at once", { signal })
      running.kill()
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
  for (const warning of config.warnings) log.warn(warning)
}
