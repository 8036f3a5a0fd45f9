/**
 * The process that `parley serve` starts as: starts the worker that does all the work, starts it again when it dies, and
 * replaces it on SIGHUP. Loads nothing of the server, so that it stays small and cannot fail with it.
 */

import { readFileSync } from "node:fs"
import { constants } from "node:os"
import { isatty } from "node:tty"
import { startEnvironment } from "../../config/environment.ts"
import { Sweep } from "../../lib/sweep.ts"
import { RUNTIME_SETTINGS } from "../runtime-settings.ts"
import { HeldConnections } from "./held-connections.ts"
import {
  parseWorkerMessage,
  WORKER_VARIABLE,
  type SupervisorMessage,
  type WorkerMessage,
  type WorkerSettings,
} from "./messages.ts"
import { restartDelayMs, SHORT_LIFE_MS } from "./restart-delay.ts"
import type { SocketFolder } from "./socket-folder.ts"
import { WorkerWatch } from "./worker-watch.ts"

type Worker = {
  process: Bun.Subprocess<"ignore", "inherit", "inherit">
  socketPath: string
  phase: "starting" | "serving" | "draining"
  /** When it began to serve, on the monotonic clock. */
  servesSince: number
  watch?: WorkerWatch
}

const STDIN = 0

export class Supervisor {
  readonly #command: readonly string[]
  readonly #folder: SocketFolder
  readonly #environment = environmentAtStart()
  readonly #sweep = new Sweep()
  /** Of the watches over workers: as rare as they allow, because it never pauses. */
  readonly #watches = new Sweep({ everyMs: 250 })
  readonly #held = new HeldConnections()
  readonly #workers = new Set<Worker>()
  readonly #exitCode = Promise.withResolvers<number>()
  readonly #hadTerminal = isatty(STDIN)
  #port: number | undefined
  #generation = 0
  #shortLives = 0
  #stopSignals = 0
  #cancelRestart = () => {}

  constructor({ args, folder }: { args: readonly string[]; folder: SocketFolder }) {
    const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main]
    this.#command = [process.execPath, ...script, ...args]
    this.#folder = folder
  }

  /** Resolves to the exit code of the process: that of the last worker. */
  run(): Promise<number> {
    this.#start()
    process.on("SIGTERM", this.#onSignal)
    process.on("SIGINT", this.#onSignal)
    process.on("SIGHUP", this.#onSignal)
    return this.#exitCode.promise
  }

  readonly #onSignal = (signal: string): void => {
    // A closed terminal sends SIGHUP too; the terminal is none any more then.
    const isReload = signal === "SIGHUP" && !(this.#hadTerminal && !isatty(STDIN))
    if (isReload) this.#reload()
    else this.#stop(signal)
  }

  /** A successor first; the serving worker drains once that listens. */
  #reload(): void {
    if (this.#stopSignals === 0 && this.#serving && !this.#starting) this.#start()
  }

  #stop(signal: string): void {
    this.#stopSignals += 1
    this.#cancelRestart()
    if (this.#workers.size === 0) return this.#exit(0)
    for (const worker of this.#workers) {
      if (worker.phase === "starting") worker.process.kill("SIGTERM")
      else if (this.#stopSignals > 1) this.#send(worker, { type: "kill", signal })
      else this.#drain(worker, signal, false)
    }
  }

  #drain(worker: Worker, signal: string, successor: boolean): void {
    worker.phase = "draining"
    // Its last work, such as writing a large database to another file, may take long.
    worker.watch?.stop()
    this.#send(worker, { type: "stop", signal, successor })
  }

  get #serving(): Worker | undefined {
    return [...this.#workers].find(({ phase }) => phase === "serving")
  }

  get #starting(): Worker | undefined {
    return [...this.#workers].find(({ phase }) => phase === "starting")
  }

  #start(replaces?: string): void {
    this.#generation += 1
    const socketPath = this.#folder.socketPath(this.#generation)
    const settings: WorkerSettings = {
      socketPath,
      ...(this.#port === undefined ? {} : { port: this.#port }),
      ...(replaces === undefined ? {} : { replaces }),
    }
    const worker: Worker = {
      process: Bun.spawn([...this.#command], {
        // The worker has these settings from its start and need not restart itself for them.
        env: { ...RUNTIME_SETTINGS, ...this.#environment, [WORKER_VARIABLE]: JSON.stringify(settings) },
        stdin: "ignore",
        stdout: "inherit",
        stderr: "inherit",
        serialization: "json",
        ipc: (message) => this.#heard(worker, message),
        onExit: (_, code, signal) => this.#ended(worker, code ?? codeOfSignal(signal)),
      }),
      socketPath,
      phase: "starting",
      servesSince: 0,
    }
    this.#workers.add(worker)
  }

  #heard(worker: Worker, message: unknown): void {
    const heard = parseWorkerMessage(message)
    if (heard?.type === "alive") worker.watch?.alive()
    if (heard?.type === "listening" && worker.phase === "starting") this.#listens(worker, heard)
  }

  #listens(worker: Worker, { port, stallMs }: Extract<WorkerMessage, { type: "listening" }>): void {
    const previous = this.#serving
    worker.phase = "serving"
    worker.servesSince = performance.now()
    this.#port = port
    if (stallMs !== undefined) worker.watch = this.#watchOver(worker, stallMs)
    if (this.#stopSignals > 0) return this.#drain(worker, "SIGTERM", false)
    this.#held.workerListens(port, worker.socketPath)
    if (previous) this.#drain(previous, "SIGHUP", true)
  }

  /** Nothing but its end brings a worker back that hangs; its calls continue in the next one. */
  #watchOver(worker: Worker, stallMs: number): WorkerWatch {
    const onStalled = () => {
      process.stderr.write(`parley: The worker did nothing for ${stallMs} ms and is ended.\n`)
      worker.process.kill("SIGKILL")
    }
    return new WorkerWatch({ stallMs, sweep: this.#watches, onStalled })
  }

  #ended(worker: Worker, code: number): void {
    this.#workers.delete(worker)
    worker.watch?.stop()
    this.#folder.remove(worker.socketPath)
    const port = this.#port
    if (port === undefined || this.#stopSignals > 0) {
      if (this.#workers.size === 0) this.#exit(code)
      return
    }
    if (worker.phase === "draining") return
    if (worker.phase === "starting" && this.#serving) {
      process.stderr.write("parley: The new worker did not start. The running one continues to serve.\n")
      return
    }
    this.#held.workerEnded(port)
    const life = worker.phase === "serving" ? performance.now() - worker.servesSince : 0
    this.#shortLives = life < SHORT_LIFE_MS ? this.#shortLives + 1 : 0
    // A successor that is starting already takes its place.
    if (this.#starting) return
    const delayMs = restartDelayMs(this.#shortLives)
    const restart = () => this.#start(nameOfExit(code))
    if (delayMs === 0) restart()
    else this.#cancelRestart = this.#sweep.after(delayMs, restart)
  }

  #send(worker: Worker, message: SupervisorMessage): void {
    try {
      worker.process.send(message)
    } catch {
      // It is ending, which `onExit` reports.
    }
  }

  #exit(code: number): void {
    this.#held.stopListening()
    this.#exitCode.resolve(code)
  }
}

/** As shells report a process that a signal ended. */
function codeOfSignal(signal: NodeJS.Signals | number | null): number {
  return 128 + (typeof signal === "string" ? constants.signals[signal] : (signal ?? 0))
}

/** An exit code, or the name of the signal that ended the process. */
function nameOfExit(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)
  return code > 128 && signal ? signal[0] : String(code)
}

/**
 * The environment without the variables that Bun added from `.env`: a new worker reads that file itself, with what was
 * changed meanwhile.
 */
function environmentAtStart(): Record<string, string | undefined> {
  try {
    const entries = readFileSync("/proc/self/environ", "utf8").split("\0").filter(Boolean)
    return Object.fromEntries(entries.map((entry) => splitOnce(entry)))
  } catch {
    return { ...startEnvironment }
  }
}

function splitOnce(entry: string): [name: string, value: string] {
  const at = entry.indexOf("=")
  return at === -1 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)]
}
