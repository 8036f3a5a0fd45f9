/** Serves until a signal stops the process. */

import type { Config } from "../config/config.ts"
import { getLog } from "../lib/log.ts"
import { serve } from "./serve.ts"
import { diagnosticsOf } from "./diagnostics.ts"

/** Returns once the server listens. The first SIGTERM or SIGINT lets calls end, the second does not; then the process exits with 0. */
export function serveUntilStopped(config: Config): void {
  const log = getLog("server")
  const running = serve(config)
  let signals = 0
  const onSignal = (signal: string) => {
    signals += 1
    log.info("stopping", { signal })
    if (signals > 1) running.kill()
    else log.background("stopping", running.stop().then(exitWhenDone))
  }
  const exitWhenDone = () => {
    log.info("stopped")
    process.exitCode = 0
    process.off("SIGTERM", onSignal)
    process.off("SIGINT", onSignal)
  }
  // Before the log line below: a process that waits for it may send a signal at once.
  process.on("SIGTERM", onSignal)
  process.on("SIGINT", onSignal)

  log.info(`Server is running on port ${running.port}`, { url: running.url })
  for (const { state, about, text, fix } of diagnosticsOf(config)) {
    if (state !== "ok") log.info(`${about}: ${text}`, fix ? { fix } : {})
  }
  for (const warning of config.warnings) log.warn(warning)
}
