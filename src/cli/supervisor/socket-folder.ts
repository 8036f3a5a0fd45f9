/** A private folder for the unix sockets of the workers. */

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export type SocketFolder = Disposable & {
  /** A path for the worker of this number. A unix socket's path may have 107 bytes. */
  socketPath(generation: number): string
  remove(path: string): void
}

/** Creates the folder with mode 700; undefined where no place can be written. Its disposal deletes it. */
export function createSocketFolder(): SocketFolder | undefined {
  const path = firstFolder([tmpdir(), process.cwd()])
  if (path === undefined) return undefined
  return {
    socketPath: (generation) => join(path, `${generation}.sock`),
    remove: (socketPath) => rmSync(socketPath, { force: true }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}

function firstFolder(places: readonly string[]): string | undefined {
  for (const place of places) {
    try {
      return mkdtempSync(join(place, "parley-"))
    } catch {
      // The next place may be writable.
    }
  }
  return undefined
}
