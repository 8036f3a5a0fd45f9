/** What supervisor and worker send each other: settings at the start, messages over the IPC channel. Imports nothing. */

/** The variable with the settings of a worker, as JSON. Only a worker has it. */
export const WORKER_VARIABLE = "PARLEY_WORKER"

export type WorkerSettings = {
  /**
   * Path of the unix socket on which the worker serves connections that the supervisor accepted. Those of programs on this
   * machine come to `localSocketPath`.
   */
  socketPath: string
  /** The port that an earlier worker chose. Undefined for the first worker. */
  port?: number
  /** How the previous worker ended, when it was not asked to: an exit code or the name of a signal. */
  replaces?: string
}

/** A unix socket does not carry the address of the client, so connections of this machine have a socket of their own. */
export function localSocketPath(socketPath: string): string {
  return `${socketPath}.local`
}

export type WorkerMessage =
  /**
   * The worker serves on this TCP port and on its unix socket. `stallMs`: how long it may go without an `alive`; undefined
   * for a worker of an earlier version, which sends none.
   */
  | { type: "listening"; port: number; stallMs?: number }
  /** The event loop of the worker runs. */
  | { type: "alive" }

export type SupervisorMessage =
  /** Let calls end or move. `successor`: another worker listens on the same port. */
  | { type: "stop"; signal: string; successor: boolean }
  /** Close everything now. */
  | { type: "kill"; signal: string }

/** Undefined for a message of another form, such as that of a later version. */
export function parseWorkerMessage(message: unknown): WorkerMessage | undefined {
  if (typeof message !== "object" || message === null) return undefined
  if (!("type" in message)) return undefined
  if (message.type === "alive") return { type: "alive" }
  if (message.type !== "listening") return undefined
  if (!("port" in message) || typeof message.port !== "number") return undefined
  const { port } = message
  const stallMs = "stallMs" in message && typeof message.stallMs === "number" ? message.stallMs : undefined
  return { type: "listening", port, ...(stallMs === undefined ? {} : { stallMs }) }
}
