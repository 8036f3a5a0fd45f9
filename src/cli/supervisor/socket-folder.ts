/** A private folder for the unix sockets of the workers. */

import { rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createProcessFolder } from "../process-folder.ts"
import { localSocketPath } from "./messages.ts"

export type SocketFolder = Disposable & {
  /** A path for the worker of this number. A unix socket's path may have 107 bytes. */
  socketPath(generation: number): string
  remove(path: string): void
}

/** Creates the folder with mode 700; undefined where no place can be written. Its disposal deletes it. */
export function createSocketFolder(
  places: readonly string[] = [tmpdir(), process.cwd()],
): SocketFolder | undefined {
  const path = createProcessFolder(places)
  if (path === undefined) return undefined
  return {
    socketPath: (generation) => join(path, `${generation}.sock`),
    remove: (socketPath) => {
      for (const socket of [socketPath, localSocketPath(socketPath)]) rmSync(socket, { force: true })
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
