/** The worker's side of the channel to its supervisor. */

import { z } from "zod"
import { startEnvironment } from "../config/environment.ts"
import { WORKER_VARIABLE, type WorkerMessage, type WorkerSettings } from "./supervisor/messages.ts"

const Settings = z.object({
  socketPath: z.string().min(1),
  port: z.number().int().min(1).max(65_535).optional(),
  replaces: z.string().optional(),
})

const Message = z.discriminatedUnion("type", [
  z.object({ type: z.literal("stop"), signal: z.string(), successor: z.boolean() }),
  z.object({ type: z.literal("kill"), signal: z.string() }),
])
type Message = z.infer<typeof Message>

/** The settings of this process as a worker; undefined for a process that serves alone. Throws for damaged ones. */
export function workerSettings(): WorkerSettings | undefined {
  const text = startEnvironment[WORKER_VARIABLE]
  if (text === undefined) return undefined
  const { port, replaces, socketPath } = Settings.parse(JSON.parse(text))
  return {
    socketPath,
    ...(port === undefined ? {} : { port }),
    ...(replaces === undefined ? {} : { replaces }),
  }
}

export type SupervisorChannel = {
  send(message: WorkerMessage): void
  /** Lets the process end: an open channel keeps it alive. */
  close(): void
}

/** `lost`: the supervisor is gone. */
export type ChannelMessage = Message | { type: "lost" }

/** Passes each message of the supervisor to `onMessage`. Messages of another form are ignored. */
export function openSupervisorChannel(onMessage: (message: ChannelMessage) => void): SupervisorChannel {
  const onText = (message: unknown) => {
    const parsed = Message.safeParse(message)
    if (parsed.success) onMessage(parsed.data)
  }
  const onLost = () => onMessage({ type: "lost" })
  process.on("message", onText)
  process.on("disconnect", onLost)
  return {
    send(message) {
      // A supervisor that is gone gets nothing more.
      if (process.connected) process.send?.(message)
    },
    close() {
      process.off("message", onText)
      process.off("disconnect", onLost)
      if (process.connected) process.disconnect?.()
    },
  }
}
